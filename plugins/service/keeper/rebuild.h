#ifndef L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_
#define L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "group_content.h"
#include "l2p/block_store.h"
#include "l2p/coding.h"

namespace l2p::keeper {

// A Rebuild makes the pieces of some places of a coded group again, out of any K of those that are
// left. Nothing is stored: a window of stripes is fetched when the first reader comes to it, and is
// kept while the others catch up, at most kWindows of `window_bytes`. Readers go upwards and stay
// together: who is two windows ahead of another waits for it, though not for long. One that was not
// waited for gets a window more, so that it costs a second fetch of the rest and not many.
//
// A window that cannot be made is not tried again: from then on every reader gets its error.
//
// It believes the sidecar only as far as it proves true: every leaf that was decoded hashes to the
// id that the dag links to, and every piece to the id that the sidecar gives it. DataLoss if not.
//
// [any thread]; reading waits for other peers.
class Rebuild {
 public:
  static constexpr size_t kWindows = 2;
  static constexpr size_t kTries = 3;  // Other pieces, when some could not be fetched.
  static constexpr Duration kFetchLimit = absl::Minutes(2);
  // For slower readers. A receiver that gets nothing for 30 s hangs up, and the fetch comes on top.
  static constexpr Duration kPatience = absl::Seconds(15);

  // Hears of bytes that came from other peers; may wait.
  using OnFetched = std::function<void(uint64_t bytes)>;

  // All lent; they outlive this. `sources` are the places that can be had, `wanted` the ones to
  // make, `window_bytes` is of data pieces. REQUIRES: content.sidecar.
  Rebuild(Host& host, Node& node, const GroupContent& content, std::set<Place> sources,
          std::vector<Place> wanted, size_t window_bytes, OnFetched on_fetched);

  // Reads the blocks of a wanted place's share, from the first to the last. Others wait for it
  // until its last copy is destroyed, which is before this.
  BlockReader NewReader();

 private:
  using Window = absl::flat_hash_map<Multihash, Bytes>;
  struct Reader {
    size_t window = 0;  // The highest that it has come to.
    bool is_left_behind = false;
  };

  void Leave(Reader* reader);
  void Read(Reader& reader, std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out);
  absl::StatusOr<std::shared_ptr<const Window>> WindowOf(Reader& reader, size_t window);
  bool IsAheadOfOthers(size_t window) const L2P_REQUIRES(mutex_);
  bool IsBehindOthers(const Reader& reader) const L2P_REQUIRES(mutex_);
  void LeaveOthersBehind(size_t window) L2P_REQUIRES(mutex_);
  void Store(size_t window, std::shared_ptr<const Window> blocks) L2P_REQUIRES(mutex_);
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

  const std::unique_ptr<Event> changed_;  // What mutex_ guards.
  Mutex mutex_{"Rebuild"};
  std::set<Reader*> readers_ L2P_GUARDED_BY(mutex_);
  bool building_ L2P_GUARDED_BY(mutex_) = false;
  absl::Status failure_ L2P_GUARDED_BY(mutex_);
  std::map<size_t, std::shared_ptr<const Window>> windows_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_REBUILD_H_
