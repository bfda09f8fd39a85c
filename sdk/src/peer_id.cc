// peer id := multihash, identity or sha2-256, of a PublicKey message
// text    := base58btc(peer id)  |  cid v1 of codec libp2p-key
#include "l2p/peer_id.h"

#include <cassert>

#include "absl/strings/str_cat.h"
#include "l2p/cid.h"
#include "l2p/multibase.h"

namespace l2p {
namespace {

constexpr size_t kMaxInlineKey = 42;

absl::Status CheckKind(const Multihash& hash) {
  if (hash.code() == HashCode::kSha2_256) return absl::OkStatus();
  if (hash.code() != HashCode::kIdentity) {
    return absl::InvalidArgumentError("peer id is neither identity nor sha2-256");
  }
  if (hash.digest().empty() || hash.digest().size() > kMaxInlineKey) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer id with a key of ", hash.digest().size(), " bytes inside"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BinaryOfText(std::string_view text) {
  if (text.starts_with("1") || text.starts_with("Qm")) return DecodeBase58(text);
  L2P_ASSIGN_OR_RETURN(Cid cid, Cid::FromString(text));
  if (cid.codec() != Codec::kLibp2pKey) {
    return absl::InvalidArgumentError("cid is not of codec libp2p-key");
  }
  return cid.hash().bytes();
}

}  // namespace

absl::StatusOr<PeerId> PeerId::FromString(std::string_view text) {
  absl::StatusOr<std::string> binary = BinaryOfText(text);
  absl::StatusOr<PeerId> id =
      binary.ok() ? FromBinary(AsBytes(*binary)) : absl::StatusOr<PeerId>(binary.status());
  if (id.ok()) return id;
  return WithContext(id.status(), absl::StrCat("peer id \"", av(text.substr(0, 80)), "\""));
}

absl::StatusOr<PeerId> PeerId::FromBinary(ByteView multihash) {
  L2P_ASSIGN_OR_RETURN(Multihash hash, Multihash::FromBinary(multihash));
  L2P_RETURN_IF_ERROR(CheckKind(hash));
  return PeerId(std::move(hash));
}

absl::StatusOr<PeerId> PeerId::OfPublicKey(ByteView public_key) {
  L2P_ASSIGN_OR_RETURN(Multihash hash, Multihash::FromDigest(HashCode::kIdentity, public_key));
  L2P_RETURN_IF_ERROR(CheckKind(hash));
  return PeerId(std::move(hash));
}

PeerId PeerId::OfPublicKeyDigest(ByteView sha256_digest) {
  absl::StatusOr<Multihash> hash = Multihash::FromDigest(HashCode::kSha2_256, sha256_digest);
  assert(hash.ok());
  return PeerId(*std::move(hash));
}

std::string PeerId::ToString() const { return EncodeBase58(binary()); }

}  // namespace l2p
