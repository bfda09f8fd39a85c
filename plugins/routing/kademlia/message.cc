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
#include "address_scope.h"
#include "l2p/protobuf_wire.h"

namespace l2p::kademlia {
namespace {

enum Field : uint32_t { kType = 1, kKey = 2, kRecord = 3, kCloser = 8, kProvider = 9 };
enum PeerField : uint32_t { kId = 1, kAddress = 2 };

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("kad message ", av(problem)));
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
void KeepUsable(const PeerId& id, std::vector<Multiaddr>& addresses) {
  auto end = addresses.begin();
  for (Multiaddr& address : addresses) {
    const std::optional<PeerId> named = address.peer();
    if (named && *named != id) continue;
    Multiaddr bare = named ? address.WithoutPeer() : std::move(address);
    const bool is_new = std::find(addresses.begin(), end, bare) == end;
    if (is_new && IsDialled(bare)) *end++ = std::move(bare);
  }
  addresses.erase(end, addresses.end());
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
  if (!id.ok() || peers.size() >= most) return absl::OkStatus();
  KeepUsable(*id, addresses);
  if (peers.empty()) peers.reserve(std::min(most, kMostCloser));
  peers.push_back({*std::move(id), std::move(addresses)});
  return absl::OkStatus();
}

// Returns how many addresses were told.
size_t AppendBody(const PeerInfo& peer, bool public_only, std::string& out) {
  AppendWireBytes(kId, peer.id.bytes(), out);
  size_t told = 0;
  for (const Multiaddr& address : peer.addresses) {
    if (public_only && !IsPublic(address)) continue;
    AppendWireBytes(kAddress, address.bytes(), out);
    ++told;
  }
  return told;
}

// Empty when there is none; what is malformed is for AddPeer to say.
ByteView IdOf(ByteView body) {
  while (!body.empty()) {
    const std::optional<WireField> field = TakeWireField(body);
    if (!field) break;
    if (field->Is(kId, WireType::kBytes)) return field->bytes;
  }
  return {};
}

absl::Status ReadField(const WireField& field, absl::FunctionRef<bool(ByteView id)> wants_closer,
                       Message& message) {
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
      if (!wants_closer(IdOf(field.bytes))) return absl::OkStatus();
      return AddPeer(field.bytes, kMostCloser, message.closer);
    case kProvider:
      if (!is_bytes) return Bad("has a provider of the wrong type");
      return AddPeer(field.bytes, kMostProviders, message.providers);
    default:
      return absl::OkStatus();
  }
}

}  // namespace

MessageWriter::MessageWriter(MessageType type, std::string_view key, bool public_only)
    : public_only_(public_only) {
  if (type != MessageType::kPutValue) {
    AppendWireVarint(kType, static_cast<uint64_t>(type), text_);
  }
  if (!key.empty()) AppendWireBytes(kKey, key, text_);
}

bool MessageWriter::AddCloser(const PeerInfo& peer) {
  body_.clear();
  if (AppendBody(peer, public_only_, body_) == 0) return false;
  AppendWireBytes(kCloser, body_, text_);
  return true;
}

bool MessageWriter::AddCloser(const PeerInfo& peer, const PeerBody& body) {
  if (!body.is_public) return AddCloser(peer);
  AppendWireBytes(kCloser, body.bytes, text_);
  return true;
}

void MessageWriter::AddProvider(const PeerInfo& peer) {
  body_.clear();
  AppendBody(peer, public_only_, body_);
  AppendWireBytes(kProvider, body_, text_);
}

PeerBody PeerBody::Of(const PeerInfo& peer) {
  PeerBody body;
  const size_t told = AppendBody(peer, /*public_only=*/true, body.bytes);
  body.is_public = told > 0 && told == peer.addresses.size();
  return body;
}

std::string Encode(const Message& message) {
  MessageWriter writer(message.type, message.key, /*public_only=*/false);
  for (const PeerInfo& peer : message.closer) writer.AddCloser(peer);
  for (const PeerInfo& peer : message.providers) writer.AddProvider(peer);
  return std::move(writer).Take();
}

absl::StatusOr<Message> Decode(ByteView bytes) {
  return Decode(bytes, [](ByteView) { return true; });
}

absl::StatusOr<Message> Decode(ByteView bytes, absl::FunctionRef<bool(ByteView id)> wants_closer) {
  Message message;
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad("is malformed");
    L2P_RETURN_IF_ERROR(ReadField(*field, wants_closer, message));
  }
  return message;
}

}  // namespace l2p::kademlia
