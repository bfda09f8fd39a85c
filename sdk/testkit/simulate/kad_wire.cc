// message := field*       of protobuf:
//   1 varint  type        4 FIND_NODE, 3 GET_PROVIDERS; others are not looked at
//   2 bytes   key
//   8 bytes*  closer peer
// peer    := 1 bytes id (multihash), 2 bytes* address (multiaddr)
#include "kad_wire.h"

#include "l2p/protobuf_wire.h"

namespace l2p::testkit {
namespace {

enum Field : uint32_t { kType = 1, kKey = 2, kCloser = 8 };
enum PeerField : uint32_t { kId = 1, kAddress = 2 };

ByteView IdOf(ByteView peer) {
  while (!peer.empty()) {
    const std::optional<WireField> field = TakeWireField(peer);
    if (!field) break;
    if (field->Is(kId, WireType::kBytes)) return field->bytes;
  }
  return {};
}

}  // namespace

std::optional<KadGlance> GlanceAt(ByteView message) {
  KadGlance glance;
  while (!message.empty()) {
    const std::optional<WireField> field = TakeWireField(message);
    if (!field) return std::nullopt;
    if (field->Is(kType, WireType::kVarint)) glance.type = field->value;
    if (field->Is(kKey, WireType::kBytes)) glance.key = field->bytes;
    if (field->Is(kCloser, WireType::kBytes)) glance.closer.push_back(IdOf(field->bytes));
  }
  return glance;
}

std::string KadAnswer(const KadGlance& request, const std::vector<PeerInfo>& closer) {
  std::string answer;
  AppendWireVarint(kType, request.type, answer);
  AppendWireBytes(kKey, AsText(request.key), answer);
  for (const PeerInfo& peer : closer) {
    std::string body;
    AppendWireBytes(kId, peer.id.bytes(), body);
    for (const Multiaddr& address : peer.addresses) {
      AppendWireBytes(kAddress, address.bytes(), body);
    }
    AppendWireBytes(kCloser, body, answer);
  }
  return answer;
}

}  // namespace l2p::testkit
