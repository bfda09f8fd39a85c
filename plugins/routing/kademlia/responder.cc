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

}  // namespace

absl::StatusOr<std::optional<Bytes>> Responder::Answer(const Caller& from, ByteView request) {
  L2P_ASSIGN_OR_RETURN(const Message message, Decode(request));
  if (message.type == MessageType::kPing) return Bytes::Copy(request);
  if (message.key.empty()) return absl::InvalidArgumentError("kad request: an empty key");
  if (message.type == MessageType::kAddProvider) {
    L2P_RETURN_IF_ERROR(AddProvider(from, message));
    return std::nullopt;
  }
  if (message.type == MessageType::kPutValue) {
    return absl::InvalidArgumentError("kad request: values are not kept here");
  }
  const bool asks_for_providers = message.type == MessageType::kGetProviders;
  if (asks_for_providers) L2P_RETURN_IF_ERROR(CheckProviderKey(message.key));
  // Addresses of private networks are nobody's business outside of them.
  MessageWriter answer(message.type, message.key, /*public_only=*/IsPublic(from.address));
  WriteCloser(message, from.peer, answer);
  if (asks_for_providers) {
    for (const PeerInfo& provider : Providers(message.key)) answer.AddProvider(provider);
  }
  return Bytes::Of(std::move(answer).Take());
}

void Responder::WriteCloser(const Message& request, const PeerId& asker,
                            MessageWriter& answer) const {
  const std::optional<PeerInfo> target = Target(request);
  size_t told = target && answer.AddCloser(*target) ? 1 : 0;
  const Position position = swarm_.PositionOf(AsBytes(request.key));
  const Position of_asker = swarm_.PositionOf(asker.binary());
  for (const ContactPtr& contact : swarm_.table().Closest(position, closest_ + 1, /*good=*/true)) {
    if (told >= closest_) break;
    const bool is_told = told > 0 && contact->position == position;
    if (is_told || contact->position == of_asker) continue;
    told += answer.AddCloser(contact->peer, contact->body) ? 1 : 0;
  }
}

std::optional<PeerInfo> Responder::Target(const Message& request) const {
  if (request.type != MessageType::kFindNode) return std::nullopt;
  const absl::StatusOr<PeerId> id = PeerId::FromBinary(AsBytes(request.key));
  if (!id.ok()) return std::nullopt;
  return *id == swarm_.self() ? swarm_.messenger().Self() : swarm_.Find(*id);
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
    // There may be no room for it; others on the same stream may only renew what is kept.
    store_.Add(request.key, provider, swarm_.host().Now()).IgnoreError();
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("kad request: no provider that is the sender, with addresses");
}

}  // namespace l2p::kademlia
