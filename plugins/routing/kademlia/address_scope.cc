#include "address_scope.h"

#include <algorithm>

namespace l2p::kademlia {
namespace {

using Scope = Multiaddr::Scope;

bool HasScope(const PeerInfo& peer, Scope scope) {
  return std::any_of(peer.addresses.begin(), peer.addresses.end(),
                     [=](const Multiaddr& address) { return address.scope() == scope; });
}

}  // namespace

bool IsPublic(const Multiaddr& address) {
  return address.scope() == Scope::kPublic || address.scope() == Scope::kOther;
}

bool IsPublic(const PeerInfo& peer) {
  return HasScope(peer, Scope::kPublic) || HasScope(peer, Scope::kOther);
}

bool ShareScope(const PeerInfo& a, const PeerInfo& b) {
  if (HasScope(a, Scope::kPrivate) && HasScope(b, Scope::kPrivate)) return true;
  const bool is_local = !HasScope(a, Scope::kPrivate) || !HasScope(b, Scope::kPrivate);
  return is_local && HasScope(a, Scope::kLoopback) && HasScope(b, Scope::kLoopback);
}

void KeepPublic(std::vector<Multiaddr>& addresses) {
  std::erase_if(addresses, [](const Multiaddr& address) { return !IsPublic(address); });
}

void KeepCredible(const PeerInfo& teller, std::vector<PeerInfo>& told) {
  if (teller.addresses.empty() || HasScope(teller, Scope::kLoopback)) return;
  const bool is_public = IsPublic(teller);
  for (PeerInfo& peer : told) {
    std::erase_if(peer.addresses, [&](const Multiaddr& address) {
      return address.scope() == Scope::kLoopback || (is_public && !IsPublic(address));
    });
  }
}

}  // namespace l2p::kademlia
