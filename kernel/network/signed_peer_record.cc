// envelope := Envelope{public_key, payload_type 03 01, payload PeerRecord, signature}
// signed   := sized("libp2p-peer-record") sized(payload_type) sized(payload)
// sized(x) := uvarint(size of x) x
#include "kernel/network/signed_peer_record.h"

#include "kernel/network/identify.pb.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr std::string_view kDomain = "libp2p-peer-record";
constexpr std::string_view kPayloadType("\x03\x01", 2);
constexpr size_t kLongestInlineKey = 42;

std::string SignedBytes(std::string_view payload_type, std::string_view payload) {
  std::string bytes;
  for (std::string_view part : {kDomain, payload_type, payload}) {
    AppendVarint(part.size(), bytes);
    bytes += part;
  }
  return bytes;
}

struct Opened {
  pb::Envelope envelope;
  pb::PeerRecord record;
};

absl::StatusOr<Opened> Open(ByteView bytes) {
  Opened opened;
  if (!opened.envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      opened.envelope.payload_type() != kPayloadType ||
      !opened.record.ParseFromString(opened.envelope.payload())) {
    return absl::DataLossError("signed peer record cannot be read");
  }
  return opened;
}

absl::Status Verify(const Opened& opened, const PeerId& peer, const Crypto& crypto) {
  const pb::Envelope& envelope = opened.envelope;
  const absl::StatusOr<PeerId> signer = PeerOf(AsBytes(envelope.public_key()), crypto);
  if (!signer.ok() || *signer != peer || opened.record.peer_id() != peer.bytes()) {
    return absl::DataLossError("signed peer record is about another peer");
  }
  const std::string was_signed = SignedBytes(envelope.payload_type(), envelope.payload());
  const absl::Status verified = crypto.Verify(AsBytes(envelope.public_key()), AsBytes(was_signed),
                                              AsBytes(envelope.signature()));
  return verified.ok() ? verified : absl::DataLossError("signed peer record is forged");
}

std::vector<Multiaddr> AddressesOf(const pb::PeerRecord& record) {
  std::vector<Multiaddr> addresses;
  for (const pb::PeerRecord::Address& address : record.addresses()) {
    absl::StatusOr<Multiaddr> multiaddr = Multiaddr::FromBinary(AsBytes(address.multiaddr()));
    if (multiaddr.ok()) addresses.push_back(*std::move(multiaddr));
  }
  return addresses;
}

}  // namespace

absl::StatusOr<PeerId> PeerOf(ByteView public_key, const Crypto& crypto) {
  if (public_key.size() <= kLongestInlineKey) return PeerId::OfPublicKey(public_key);
  return PeerId::OfPublicKeyDigest(crypto.Sha256({&public_key, 1}));
}

absl::StatusOr<std::string> SignPeerRecord(const Identity& identity,
                                           const std::vector<Multiaddr>& addresses, uint64_t seq) {
  pb::PeerRecord record;
  record.set_peer_id(identity.peer().bytes());
  record.set_seq(seq);
  for (const Multiaddr& address : addresses) {
    record.add_addresses()->set_multiaddr(address.bytes());
  }
  pb::Envelope envelope;
  envelope.set_public_key(std::string(AsText(identity.public_key())));
  envelope.set_payload_type(std::string(kPayloadType));
  envelope.set_payload(record.SerializeAsString());
  const std::string to_sign = SignedBytes(kPayloadType, envelope.payload());
  L2P_ASSIGN_OR_RETURN(*envelope.mutable_signature(), identity.Sign(AsBytes(to_sign)));
  return envelope.SerializeAsString();
}

absl::StatusOr<std::vector<Multiaddr>> ReadPeerRecord(ByteView bytes, const PeerId& peer,
                                                      const Crypto& crypto) {
  L2P_ASSIGN_OR_RETURN(const Opened opened, Open(bytes));
  L2P_RETURN_IF_ERROR(Verify(opened, peer, crypto));
  return AddressesOf(opened.record);
}

absl::StatusOr<std::string> PeerRecords::Own(const std::vector<Multiaddr>& addresses,
                                             uint64_t seq) {
  {
    MutexLock lock(mutex_);
    if (const auto found = own_.find(addresses); found != own_.end()) return found->second;
  }
  L2P_ASSIGN_OR_RETURN(std::string record, SignPeerRecord(identity_, addresses, seq));
  MutexLock lock(mutex_);
  if (own_.size() == kMostOwn) own_.clear();
  own_[addresses] = record;
  return record;
}

absl::StatusOr<std::vector<Multiaddr>> PeerRecords::Read(ByteView bytes, const PeerId& peer) {
  L2P_ASSIGN_OR_RETURN(const Opened opened, Open(bytes));
  const ByteView parts[] = {peer.binary(), bytes};
  const Sha256Digest said = crypto_.Sha256(parts);
  bool is_known = false;
  {
    MutexLock lock(mutex_);
    is_known = verified_.contains(said);
  }
  if (!is_known) L2P_RETURN_IF_ERROR(Verify(opened, peer, crypto_));
  MutexLock lock(mutex_);
  if (verified_.size() == kMostVerified) verified_.clear();
  verified_.insert(said);
  return AddressesOf(opened.record);
}

size_t PeerRecords::remembered() const {
  MutexLock lock(mutex_);
  return own_.size() + verified_.size();
}

}  // namespace l2p
