// message := field*       of protobuf:
//   1 varint  type        0 (left out) PUT_VALUE, 1 GET_VALUE, 2 ADD_PROVIDER, 3 GET_PROVIDERS,
//                         4 FIND_NODE, 5 PING
//   2 bytes   key         not hashed
//   3 bytes   record      not read
//   8 bytes*  closer peer
//   9 bytes*  provider
//   10 varint cluster     not read
// peer    := 1 bytes id (multihash), 2 bytes* address (multiaddr), 3 varint connection (not read)
#include "message.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

namespace l2p::kademlia {
namespace {

enum Field : uint32_t { kType = 1, kKey = 2, kRecord = 3, kCloser = 8, kProvider = 9 };
enum PeerField : uint32_t { kId = 1, kAddress = 2 };

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("kad message ", av(problem)));
}

void AppendPeer(Field field, const PeerInfo& peer, std::string& out) {
  std::string body;
  AppendWireBytes(kId, peer.id.bytes(), body);
  for (const Multiaddr& address : peer.addresses) AppendWireBytes(kAddress, address.bytes(), body);
  AppendWireBytes(field, body, out);
}

bool IsDialled(const Multiaddr& address) {
  if (address.empty() || address.scope() != Multiaddr::Scope::kOther) return !address.empty();
  return !address.Value("ip4") && !address.Value("ip6");  // A name, not a range nobody dials.
}

void AddAddress(ByteView binary, std::vector<Multiaddr>& addresses) {
  if (addresses.size() == kMostAddresses) return;
  absl::StatusOr<Multiaddr> address = Multiaddr::FromBinary(binary);
  if (address.ok()) addresses.push_back(*std::move(address));
}

// Strips the peer's own /p2p and drops what is of no use.
std::vector<Multiaddr> Usable(const PeerId& id, const std::vector<Multiaddr>& addresses) {
  std::vector<Multiaddr> usable;
  for (const Multiaddr& address : addresses) {
    if (const std::optional<PeerId> named = address.peer(); named && *named != id) continue;
    Multiaddr bare = address.WithoutPeer();
    const bool is_new = std::find(usable.begin(), usable.end(), bare) == usable.end();
    if (is_new && IsDialled(bare)) usable.push_back(std::move(bare));
  }
  return usable;
}

absl::Status AddPeer(ByteView body, size_t most, std::vector<PeerInfo>& peers) {
  absl::StatusOr<PeerId> id = absl::InvalidArgumentError("no id");
  std::vector<Multiaddr> addresses;
  while (!body.empty()) {
    const std::optional<WireField> field = TakeWireField(body);
    if (!field) return Bad("has a malformed peer");
    if (field->number == kId || field->number == kAddress) {
      if (field->type != WireType::kBytes) return Bad("has a peer field of the wrong type");
      if (field->number == kId) id = PeerId::FromBinary(field->bytes);
      if (field->number == kAddress) AddAddress(field->bytes, addresses);
    }
  }
  if (id.ok() && peers.size() < most) peers.push_back({*id, Usable(*id, addresses)});
  return absl::OkStatus();
}

absl::Status ReadField(const WireField& field, Message& message) {
  const bool is_bytes = field.type == WireType::kBytes;
  switch (field.number) {
    case kType:
      if (field.type != WireType::kVarint) return Bad("has a type that is no number");
      if (field.value > static_cast<uint64_t>(MessageType::kPing)) {
        return Bad(absl::StrCat("is of unknown type ", field.value));
      }
      message.type = static_cast<MessageType>(field.value);
      return absl::OkStatus();
    case kKey:
      if (!is_bytes) return Bad("has a key of the wrong type");
      message.key = AsText(field.bytes);
      return absl::OkStatus();
    case kRecord:
      return is_bytes ? absl::OkStatus() : Bad("has a record of the wrong type");
    case kCloser:
      if (!is_bytes) return Bad("has a peer of the wrong type");
      return AddPeer(field.bytes, kMostCloser, message.closer);
    case kProvider:
      if (!is_bytes) return Bad("has a provider of the wrong type");
      return AddPeer(field.bytes, kMostProviders, message.providers);
    default:
      return absl::OkStatus();
  }
}

}  // namespace

std::string Encode(const Message& message) {
  std::string out;
  if (message.type != MessageType::kPutValue) {
    AppendWireVarint(kType, static_cast<uint64_t>(message.type), out);
  }
  if (!message.key.empty()) AppendWireBytes(kKey, message.key, out);
  for (const PeerInfo& peer : message.closer) AppendPeer(kCloser, peer, out);
  for (const PeerInfo& peer : message.providers) AppendPeer(kProvider, peer, out);
  return out;
}

absl::StatusOr<Message> Decode(ByteView bytes) {
  Message message;
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad("is malformed");
    L2P_RETURN_IF_ERROR(ReadField(*field, message));
  }
  return message;
}

}  // namespace l2p::kademlia
