#include "provider_search.h"

namespace l2p::kademlia {

void ProviderSearch::Yield(const PeerInfo& provider) {
  if (known_.size() >= most_ || !known_.insert(provider.id).second) return;
  bare_.erase(provider.id);
  found_.push_back(provider);
  event_->Set();
}

bool ProviderSearch::Add(const std::vector<PeerInfo>& providers) {
  MutexLock lock(mutex_);
  for (const PeerInfo& provider : providers) {
    if (provider.id == self_) continue;
    if (!provider.addresses.empty()) {
      Yield(provider);
    } else if (bare_.size() < most_ && !known_.contains(provider.id)) {
      bare_.insert(provider.id);
    }
  }
  return known_.size() >= most_;
}

std::vector<PeerId> ProviderSearch::TakeBare() {
  MutexLock lock(mutex_);
  std::vector<PeerId> bare(bare_.begin(), bare_.end());
  bare_.clear();
  return bare;
}

void ProviderSearch::AddBare(const PeerId& provider) {
  MutexLock lock(mutex_);
  Yield({provider, {}});
}

void ProviderSearch::End(absl::Status status) {
  MutexLock lock(mutex_);
  ended_ = true;
  status_ = std::move(status);
  event_->Set();
}

absl::StatusOr<std::optional<PeerInfo>> ProviderSearch::Next(Time deadline) {
  const bool in_time = Await(mutex_, *event_, deadline,
                             [this]() L2P_REQUIRES(mutex_) { return ended_ || !found_.empty(); });
  if (!in_time) return absl::DeadlineExceededError("find providers: none found yet");
  MutexLock lock(mutex_);
  if (!found_.empty()) {
    std::optional<PeerInfo> provider = std::move(found_.front());
    found_.pop_front();
    return provider;
  }
  if (!status_.ok()) return status_;
  return std::nullopt;
}

}  // namespace l2p::kademlia
