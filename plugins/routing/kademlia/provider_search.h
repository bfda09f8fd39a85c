#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_SEARCH_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_SEARCH_H_

#include <atomic>
#include <deque>
#include <memory>
#include <set>

#include "l2p/host.h"
#include "l2p/router.h"

namespace l2p::kademlia {

// What a search for providers and the one who pulls its results share: the search adds, the query
// takes; either may go first. [any thread]
class ProviderSearch {
 public:
  ProviderSearch(std::unique_ptr<Event> event, PeerId self, size_t most)
      : event_(std::move(event)), self_(std::move(self)), most_(most) {}

  // Adds the providers that are new; true when there are enough. One without addresses is held
  // back until TakeBare.
  bool Add(const std::vector<PeerInfo>& providers);

  // Those who were found without addresses, and without since.
  std::vector<PeerId> TakeBare();
  // Adds one whose addresses nobody knows.
  void AddBare(const PeerId& provider);

  // The search has ended; not OK: Next says so, after what was found.
  void End(absl::Status status);

  absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline);

  // Nobody pulls any more.
  void Cancel() { cancelled_ = true; }
  const std::atomic<bool>& cancelled() const { return cancelled_; }

 private:
  void Yield(const PeerInfo& provider) L2P_REQUIRES(mutex_);

  const std::unique_ptr<Event> event_;
  const PeerId self_;
  const size_t most_;
  std::atomic<bool> cancelled_ = false;
  Mutex mutex_{"ProviderSearch"};
  std::deque<PeerInfo> found_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> known_ L2P_GUARDED_BY(mutex_);  // Found so far; at most `most`.
  std::set<PeerId> bare_ L2P_GUARDED_BY(mutex_);   // At most `most`.
  bool ended_ L2P_GUARDED_BY(mutex_) = false;
  absl::Status status_ L2P_GUARDED_BY(mutex_);
};

// The caller's end of a search.
class SearchQuery : public ProviderQuery {
 public:
  explicit SearchQuery(std::shared_ptr<ProviderSearch> search) : search_(std::move(search)) {}
  ~SearchQuery() override { search_->Cancel(); }

  absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline) override {
    return search_->Next(deadline);
  }

 private:
  const std::shared_ptr<ProviderSearch> search_;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_SEARCH_H_
