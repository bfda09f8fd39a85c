#ifndef L2P_KERNEL_CONTENT_CONTENT_H_
#define L2P_KERNEL_CONTENT_CONTENT_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/content/exporter.h"
#include "kernel/content/holdings.h"
#include "kernel/content/importer.h"
#include "kernel/network/exchange.h"
#include "kernel/network/leases.h"
#include "kernel/network/placement.h"

namespace l2p {

// Content is what a user does with a node: put, get, list, remove. It joins importer, exporter,
// holdings, placement and exchange; the admin endpoint only translates to it.
//
// [any thread] between Start and Stop; calls wait.
class Content {
 public:
  // Makes a chunker by plugin name, `size` overriding its setting of that name; an empty name is
  // chunking.plugin with its own settings. InvalidArgument lists what there is.
  using ChunkerFactory = std::function<absl::StatusOr<std::shared_ptr<Chunker>>(
      const std::string& name, std::optional<uint64_t> size)>;

  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    Memory& memory;
    BlockService& blocks;
    Holdings& holdings;
    Exchange& exchange;
    Placement& placement;
    PluginSlot<Router>& router;
    PluginSlot<Hasher>& hasher;  // The one that writes.
    ChunkerFactory make_chunker;
    std::map<std::string, Profile> profiles;
    std::string default_profile;  // Everything but the chunker, without --profile.
    Redundancy redundancy;        // placement.redundancy
    Leases& leases;
    Duration lease;  // placement.lease
  };
  explicit Content(Parts parts);

  // Announces all held groups in the background, a bounded number at a time, and ends promises
  // whose time has passed, every hour.
  absl::Status Start();
  // Waits for what runs in the background.
  void Stop();

  struct PutOptions {
    bool only_hash = false;
    bool local = false;
    bool strict = false;
    bool receipts = false;  // Collects what the holders sign.
    std::string name;       // As shown by `files`.
    std::optional<std::string> profile;
    std::optional<std::string> chunker;  // "name", or "name:size".
    std::optional<std::string> hasher;
    std::optional<std::string> redundancy;
    std::optional<std::string> lease;  // See ParseLease.
  };
  struct PutProgress {
    uint64_t read_bytes = 0;
    std::optional<uint64_t> total_bytes;
    Placement::Progress placement;
  };
  struct PutResult {
    Cid id;
    uint64_t size = 0;
    uint64_t dag_bytes = 0;
    std::optional<Placement::Push::Outcome> outcome;  // Absent for only_hash and local.
    // One sentence for stderr when less was reached than asked; empty otherwise.
    std::string shortfall;
    // "any 16 of 24 holders may leave" when all that was asked for was reached; empty otherwise.
    std::string safe;
    bool degraded =
        false;  // There is a shortfall and `strict` was asked: the put counts as failed.
  };
  // `on_progress` is called from the calling task, about five times a second.
  absl::StatusOr<PutResult> Put(Input& input, const PutOptions& options,
                                const std::function<void(const PutProgress&)>& on_progress);

  // A session that reads this node's store first and, unless `local_only`, the network.
  std::unique_ptr<Exchange::Session> NewSession(bool local_only);

  // Reads `id` from the network, or here, and keeps it in this node as a root (get --keep).
  absl::Status Keep(const Cid& id, const std::string& name);

  // What was put or kept here, without what is only pinned.

  absl::StatusOr<std::vector<Root>> Files() const;
  // By id or by name (InvalidArgument when several roots have the name).
  absl::StatusOr<Root> FindRoot(std::string_view id_or_name) const;
  // Ends the leases at the holders as well. FailedPrecondition when it is pinned.
  absl::Status Remove(std::string_view id_or_name);

  // Keeps `id` in this node whatever else is removed, fetching what is not here.
  absl::Status Pin(const Cid& id);
  // NotFound when it is not pinned.
  absl::Status Unpin(const Cid& id);
  absl::StatusOr<std::vector<Root>> Pins() const;

  // Places a file that is kept here anew, with another redundancy, in the background; Files() shows
  // it when it is done. What holders keep already is not sent again. InvalidArgument; NotFound.
  absl::Status ChangeRedundancy(std::string_view id_or_name, std::string_view spec);

 private:
  struct Plan;
  absl::Status KeepRoot(const Cid& id, Root root);
  absl::Status Forget(const Root& root);
  absl::StatusOr<Plan> MakePlan(const PutOptions& options) const;
  absl::StatusOr<PutResult> RunPut(Input& input, const PutOptions& options, const Plan& plan,
                                   Placement::Push* push, std::atomic<uint64_t>& read_bytes);
  absl::StatusOr<PutResult> StorePut(Input& input, const PutOptions& options, const Plan& plan,
                                     Placement::Push* push, const ReadProgress& on_read);
  absl::Status PlaceAnew(Root root, const Redundancy& redundancy);
  void AnnounceLater(std::vector<Multihash> groups);
  void Announce(std::span<const Multihash> groups);

  Parts parts_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Registration> expiry_;
  std::unique_ptr<TaskGroup> tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_CONTENT_H_
