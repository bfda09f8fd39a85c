#include "responder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "address_scope.h"

namespace l2p::kademlia {
namespace {

absl::Status CheckProviderKey(const std::string& key) {
  if (key.size() > ProviderStore::kMaxKey) {
    return absl::InvalidArgumentError("kad request: a provider key over the limit");
  }
  return WithContext(Multihash::FromBinary(AsBytes(key)).status(), "kad request: provider key");
}

// Addresses of private networks are nobody's business outside of them.
void KeepPublicOf(Message& answer) {
  for (std::vector<PeerInfo>* const peers : {&answer.closer, &answer.providers}) {
    for (PeerInfo& peer : *peers) KeepPublic(peer.addresses);
  }
  std::erase_if(answer.closer, [](const PeerInfo& peer) { return peer.addresses.empty(); });
}

}  // namespace

absl::StatusOr<std::optional<Bytes>> Responder::Answer(const Caller& from, ByteView request) {
  L2P_ASSIGN_OR_RETURN(const Message message, Decode(request));
  if (message.type == MessageType::kPing) return Bytes::Copy(request);
  if (message.key.empty()) return absl::InvalidArgumentError("kad request: an empty key");
  Message answer{.type = message.type, .key = message.key, .closer = {}, .providers = {}};
  switch (message.type) {
    case MessageType::kAddProvider:
      L2P_RETURN_IF_ERROR(AddProvider(from, message));
      return std::nullopt;
    case MessageType::kPutValue:
      return absl::InvalidArgumentError("kad request: values are not kept here");
    case MessageType::kGetProviders:
      L2P_RETURN_IF_ERROR(CheckProviderKey(message.key));
      answer.providers = Providers(message.key);
      break;
    default:
      break;
  }
  answer.closer = Closer(message, from.peer);
  if (IsPublic(from.address)) KeepPublicOf(answer);
  return Bytes::Of(Encode(answer));
}

std::vector<PeerInfo> Responder::Closer(const Message& request, const PeerId& asker) const {
  const Position target = swarm_.PositionOf(AsBytes(request.key));
  std::vector<PeerInfo> closer;
  for (Contact& contact : swarm_.table().Closest(target, closest_ + 1, /*good=*/true)) {
    if (contact.peer.id != asker) closer.push_back(std::move(contact.peer));
  }
  if (request.type == MessageType::kFindNode) PutTargetFirst(request.key, closer);
  if (closer.size() > closest_) closer.resize(closest_);
  return closer;
}

void Responder::PutTargetFirst(const std::string& key, std::vector<PeerInfo>& closer) const {
  const absl::StatusOr<PeerId> id = PeerId::FromBinary(AsBytes(key));
  if (!id.ok()) return;
  std::optional<PeerInfo> target =
      *id == swarm_.self() ? swarm_.messenger().Self() : swarm_.Find(*id);
  if (!target || target->addresses.empty()) return;
  std::erase_if(closer, [&](const PeerInfo& peer) { return peer.id == *id; });
  closer.insert(closer.begin(), *std::move(target));
}

std::vector<PeerInfo> Responder::Providers(const std::string& key) const {
  uint64_t first;
  swarm_.host().Random({reinterpret_cast<uint8_t*>(&first), sizeof first});
  std::vector<PeerInfo> providers = store_.Get(key, first, kMostProvidersTold, swarm_.host().Now());
  if (!own_.Has(key)) return providers;
  if (PeerInfo self = swarm_.messenger().Self(); !self.addresses.empty()) {
    providers.insert(providers.begin(), std::move(self));
  }
  return providers;
}

absl::Status Responder::AddProvider(const Caller& from, const Message& request) {
  L2P_RETURN_IF_ERROR(CheckProviderKey(request.key));
  for (PeerInfo provider : request.providers) {
    if (provider.id != from.peer) continue;
    if (IsPublic(from.address)) KeepPublic(provider.addresses);
    if (provider.addresses.empty()) continue;
    return store_.Add(request.key, provider, swarm_.host().Now());
  }
  return absl::InvalidArgumentError("kad request: no provider that is the sender, with addresses");
}

}  // namespace l2p::kademlia
