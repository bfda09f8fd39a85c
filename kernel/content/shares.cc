#include "kernel/content/shares.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace l2p {
namespace {

absl::Status Over(std::string_view limit, uint64_t used, uint64_t most, std::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat(av(limit), ": ", used, " of ", most, " ", av(what), " are held"));
}

}  // namespace

std::string PublicNetworkOf(const Multiaddr& address) {
  if (address.scope() != Multiaddr::Scope::kPublic) return "";
  if (const auto ip = address.Value("ip4")) {
    return absl::StrCat(ip->substr(0, ip->rfind('.')), ".0/24");
  }
  const ByteView ip = address.binary().subspan(1);  // Behind the code of ip6.
  return absl::StrFormat("%x:%x:%x::/48", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3],
                         ip[4] << 8 | ip[5]);
}

absl::Status Shares::TryAdd(const PeerId& owner, const std::string& network, Load load) {
  MutexLock lock(mutex_);
  const auto of_owner = by_owner_.find(owner);
  const Total own = of_owner == by_owner_.end() ? Total() : of_owner->second;
  if (own.bytes + load.bytes > limits_.bytes_per_peer) {
    return Over("placement.quota_per_peer", own.bytes, limits_.bytes_per_peer, "bytes");
  }
  if (own.blocks + load.blocks > limits_.blocks_per_peer) {
    return Over("placement.blocks_per_peer", own.blocks, limits_.blocks_per_peer, "blocks");
  }
  const auto of_network = by_network_.find(network);
  if (!network.empty()) {
    const uint64_t used = of_network == by_network_.end() ? 0 : of_network->second.bytes;
    if (used + load.bytes > limits_.bytes_per_network) {
      return Over("placement.quota_per_network", used, limits_.bytes_per_network,
                  absl::StrCat("bytes for ", network));
    }
  }
  if (own.groups >= kMaxGroupsPerPeer || all_.groups >= kMaxGroups) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too many groups: ", own.groups, " for this peer, ", all_.groups, " in all"));
  }
  AddLocked(owner, network, load);
  return absl::OkStatus();
}

void Shares::Add(const PeerId& owner, const std::string& network, Load load) {
  MutexLock lock(mutex_);
  AddLocked(owner, network, load);
}

void Shares::AddLocked(const PeerId& owner, const std::string& network, Load load) {
  const auto add = [&load](Total& total) {
    total.bytes += load.bytes;
    total.blocks += load.blocks;
    ++total.groups;
  };
  add(all_);
  add(by_owner_[owner]);
  if (!network.empty()) add(by_network_[network]);
}

void Shares::Remove(const PeerId& owner, const std::string& network, Load load) {
  MutexLock lock(mutex_);
  Take(all_, load);
  const auto of_owner = by_owner_.find(owner);
  Take(of_owner->second, load);
  if (of_owner->second.groups == 0) by_owner_.erase(of_owner);
  if (network.empty()) return;
  const auto of_network = by_network_.find(network);
  Take(of_network->second, load);
  if (of_network->second.groups == 0) by_network_.erase(of_network);
}

void Shares::Take(Total& total, Load load) {
  total.bytes -= load.bytes;
  total.blocks -= load.blocks;
  --total.groups;
}

uint64_t Shares::BytesFor(const PeerId& owner) const {
  MutexLock lock(mutex_);
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second.bytes;
}

uint64_t Shares::TotalBytes() const {
  MutexLock lock(mutex_);
  return all_.bytes;
}

absl::StatusOr<Reservation> Reservation::Make(Shares& shares, const PeerId& owner,
                                              const std::string& network, Shares::Load load) {
  L2P_RETURN_IF_ERROR(shares.TryAdd(owner, network, load));
  Reservation made;
  made.shares_ = &shares;
  made.owner_ = owner;
  made.network_ = network;
  made.load_ = load;
  return made;
}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  Release();
  shares_ = std::exchange(other.shares_, nullptr);
  owner_ = std::move(other.owner_);
  network_ = std::move(other.network_);
  load_ = other.load_;
  return *this;
}

void Reservation::Release() {
  if (Shares* const shares = std::exchange(shares_, nullptr)) {
    shares->Remove(owner_, network_, load_);
  }
}

}  // namespace l2p
