#ifndef L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_
#define L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "group_content.h"
#include "l2p/coding.h"

namespace l2p::keeper {

// A Rebuild makes the pieces of some places of a coded group again, out of any K of those that are
// left. Nothing is stored: a window of stripes is fetched when the first reader comes to it, and is
// kept while the others catch up, at most kWindows of kWindowBytes.
//
// It believes the sidecar only as far as it proves true: every leaf that was decoded hashes to the
// id that the dag links to, and every piece to the id that the sidecar gives it. DataLoss if not.
//
// [any thread]; reading waits for other peers.
class Rebuild {
 public:
  static constexpr size_t kWindowBytes = 16 << 20;  // Of data pieces.
  static constexpr size_t kWindows = 2;
  static constexpr size_t kTries = 3;  // Other pieces, when some could not be fetched.
  static constexpr Duration kFetchLimit = absl::Minutes(2);

  // Hears of bytes that came from other peers; may wait.
  using OnFetched = std::function<void(uint64_t bytes)>;

  // All lent; they outlive this. `sources` are the places that can be had, `wanted` the ones to
  // make. REQUIRES: content.sidecar.
  Rebuild(Host& host, Node& node, const GroupContent& content, std::set<Place> sources,
          std::vector<Place> wanted, OnFetched on_fetched);

  // As BlockReader, of blocks of the wanted places' shares.
  void Read(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out);

 private:
  using Window = absl::flat_hash_map<Multihash, Bytes>;

  absl::StatusOr<std::shared_ptr<const Window>> WindowOf(size_t window);
  absl::StatusOr<std::shared_ptr<const Window>> Build(size_t window);
  // Blocks of K pieces of each stripe, by id; tells which pieces of which stripe they make.
  struct Gathered {
    std::map<size_t, std::vector<size_t>> pieces;  // By stripe.
    Window blocks;
  };
  absl::StatusOr<Gathered> Gather(size_t first, size_t last);
  absl::Status FetchMissing(const std::set<Multihash>& ids, Window& blocks,
                            std::set<Multihash>& failed);
  absl::Status Make(size_t stripe, const Gathered& gathered, Window& out);
  absl::Status Check(const Multihash& id, const Bytes& data);
  CodingParts Parts();

  Host& host_;
  Node& node_;
  const GroupContent& content_;
  const std::set<Place> sources_;
  const std::vector<Place> wanted_;
  const OnFetched on_fetched_;
  std::vector<size_t> window_ends_;                   // Past the last stripe of each window.
  absl::flat_hash_map<Multihash, size_t> window_of_;  // Of the blocks to be made.

  const std::unique_ptr<Event> built_;
  Mutex mutex_{"Rebuild"};
  bool building_ L2P_GUARDED_BY(mutex_) = false;
  std::map<size_t, std::shared_ptr<const Window>> windows_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_
