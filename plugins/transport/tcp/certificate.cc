// A libp2p TLS certificate (https://github.com/libp2p/specs/blob/master/tls/tls.md) is X.509 DER:
//
//   Certificate = SEQUENCE { body, algorithm, BIT STRING signature of body }
//   body        = SEQUENCE { [0] version 3, serial, algorithm, issuer, SEQUENCE { notBefore,
//                 notAfter }, subject, SubjectPublicKeyInfo, [3] SEQUENCE OF extension }
//   extension   = SEQUENCE { OID, [BOOLEAN critical,] OCTET STRING value }
//   libp2p's    = OID 1.3.6.1.4.1.53594.1.1, value SEQUENCE { OCTET STRING PublicKey message,
//                 OCTET STRING signature of "libp2p-tls-handshake:" SubjectPublicKeyInfo }
//
// Ours has that one extension only, not critical: js looks at the first extension alone, and rust
// refuses critical ones that it does not know.
#include "certificate.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace l2p::tcp {
namespace {

constexpr std::string_view kSignaturePrefix = "libp2p-tls-handshake:";

constexpr uint8_t kLibp2pOid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xa2, 0x5a, 0x01, 0x01};
constexpr uint8_t kCommonNameOid[] = {0x55, 0x04, 0x03};
constexpr uint8_t kEcdsaSha256Oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr uint8_t kEcdsaSha384Oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
constexpr uint8_t kEcdsaSha512Oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
constexpr uint8_t kRsaSha256Oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
constexpr uint8_t kRsaSha384Oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c};
constexpr uint8_t kRsaSha512Oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d};
constexpr uint8_t kEd25519Oid[] = {0x2b, 0x65, 0x70};

// Extensions of RFC 5280 whose meaning does not matter here, so that they may be critical:
// keyUsage, basicConstraints, extendedKeyUsage.
constexpr uint8_t kKeyUsageOid[] = {0x55, 0x1d, 0x0f};
constexpr uint8_t kBasicConstraintsOid[] = {0x55, 0x1d, 0x13};
constexpr uint8_t kExtendedKeyUsageOid[] = {0x55, 0x1d, 0x25};

constexpr unsigned kVersionTag = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
constexpr unsigned kIssuerIdTag = CBS_ASN1_CONTEXT_SPECIFIC | 1;
constexpr unsigned kSubjectIdTag = CBS_ASN1_CONTEXT_SPECIFIC | 2;
constexpr unsigned kExtensionsTag = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3;

ByteView View(const CBS& cbs) { return {CBS_data(&cbs), CBS_len(&cbs)}; }

absl::Status Refused(std::string_view cause) {
  return absl::UnavailableError(absl::StrCat("certificate: ", av(cause)));
}

struct Parsed {
  CBS body;       // DER, header included: what is signed.
  CBS algorithm;  // The OID.
  CBS signature;
  CBS not_before;
  unsigned not_before_tag = 0;
  CBS not_after;
  unsigned not_after_tag = 0;
  CBS key;         // SubjectPublicKeyInfo, header included.
  CBS extensions;  // Inside of the SEQUENCE; empty when there are none.
};

bool ParseTimes(CBS body, Parsed& out) {
  return CBS_get_any_asn1(&body, &out.not_before, &out.not_before_tag) &&
         CBS_get_any_asn1(&body, &out.not_after, &out.not_after_tag) && CBS_len(&body) == 0;
}

bool ParseBody(CBS body, Parsed& out) {
  CBS fields, ignored, validity, wrapped;
  int has_extensions = 0;
  if (!CBS_get_asn1(&body, &fields, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&fields, &ignored, kVersionTag) ||
      !CBS_get_asn1(&fields, &ignored, CBS_ASN1_INTEGER) ||
      !CBS_get_asn1(&fields, &ignored, CBS_ASN1_SEQUENCE) ||  // algorithm
      !CBS_get_asn1(&fields, &ignored, CBS_ASN1_SEQUENCE) ||  // issuer
      !CBS_get_asn1(&fields, &validity, CBS_ASN1_SEQUENCE) || !ParseTimes(validity, out) ||
      !CBS_get_asn1(&fields, &ignored, CBS_ASN1_SEQUENCE) ||  // subject
      !CBS_get_asn1_element(&fields, &out.key, CBS_ASN1_SEQUENCE) ||
      !CBS_get_optional_asn1(&fields, &ignored, nullptr, kIssuerIdTag) ||
      !CBS_get_optional_asn1(&fields, &ignored, nullptr, kSubjectIdTag) ||
      !CBS_get_optional_asn1(&fields, &wrapped, &has_extensions, kExtensionsTag) ||
      CBS_len(&fields) != 0) {
    return false;
  }
  CBS_init(&out.extensions, nullptr, 0);
  return !has_extensions ||
         (CBS_get_asn1(&wrapped, &out.extensions, CBS_ASN1_SEQUENCE) && CBS_len(&wrapped) == 0);
}

std::optional<Parsed> Parse(ByteView der) {
  Parsed out;
  CBS in, certificate, algorithm, body;
  uint8_t unused_bits = 0;
  CBS_init(&in, der.data(), der.size());
  if (!CBS_get_asn1(&in, &certificate, CBS_ASN1_SEQUENCE) || CBS_len(&in) != 0 ||
      !CBS_get_asn1_element(&certificate, &out.body, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&certificate, &algorithm, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&algorithm, &out.algorithm, CBS_ASN1_OBJECT) ||
      !CBS_get_asn1(&certificate, &out.signature, CBS_ASN1_BITSTRING) ||
      CBS_len(&certificate) != 0 || !CBS_get_u8(&out.signature, &unused_bits) || unused_bits != 0) {
    return std::nullopt;
  }
  body = out.body;
  if (!ParseBody(body, out)) return std::nullopt;
  return out;
}

// Two decimal digits off the front; -1 when there are none.
int TakeTwoDigits(std::string_view& text) {
  if (text.size() < 2 || text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
    return -1;
  }
  const int value = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return value;
}

// UTCTime YYMMDDHHMMSSZ (1950 to 2049) or GeneralizedTime YYYYMMDDHHMMSSZ.
std::optional<Time> ParseTime(const CBS& value, unsigned tag) {
  std::string_view text = AsText(View(value));
  if (tag != CBS_ASN1_UTCTIME && tag != CBS_ASN1_GENERALIZEDTIME) return std::nullopt;
  const int century = tag == CBS_ASN1_GENERALIZEDTIME ? TakeTwoDigits(text) : 0;
  std::array<int, 6> parts;
  for (int& part : parts) {
    part = TakeTwoDigits(text);
    if (part < 0) return std::nullopt;
  }
  if (century < 0 || text != "Z") return std::nullopt;
  const int short_base = parts[0] < 50 ? 2000 : 1900;
  const int year = parts[0] + (tag == CBS_ASN1_GENERALIZEDTIME ? century * 100 : short_base);
  const absl::CivilSecond second(year, parts[1], parts[2], parts[3], parts[4], parts[5]);
  if (second.month() != parts[1] || second.day() != parts[2]) return std::nullopt;
  return absl::FromCivil(second, absl::UTCTimeZone());
}

absl::Status CheckTimes(const Parsed& certificate, Time now) {
  const auto not_before = ParseTime(certificate.not_before, certificate.not_before_tag);
  const auto not_after = ParseTime(certificate.not_after, certificate.not_after_tag);
  if (!not_before.has_value() || !not_after.has_value()) return Refused("unreadable times");
  if (now < *not_before) return Refused("not yet valid");
  if (now > *not_after) return Refused("expired");
  return absl::OkStatus();
}

struct Algorithm {
  ByteView oid;
  int key_id;
  const EVP_MD* (*digest)();
};

absl::Status CheckSelfSignature(const Parsed& certificate) {
  static constexpr Algorithm kAlgorithms[] = {
      {kEcdsaSha256Oid, EVP_PKEY_EC, EVP_sha256}, {kEcdsaSha384Oid, EVP_PKEY_EC, EVP_sha384},
      {kEcdsaSha512Oid, EVP_PKEY_EC, EVP_sha512}, {kRsaSha256Oid, EVP_PKEY_RSA, EVP_sha256},
      {kRsaSha384Oid, EVP_PKEY_RSA, EVP_sha384},  {kRsaSha512Oid, EVP_PKEY_RSA, EVP_sha512},
      {kEd25519Oid, EVP_PKEY_ED25519, nullptr},
  };
  const auto* algorithm = std::find_if(
      std::begin(kAlgorithms), std::end(kAlgorithms),
      [&](const Algorithm& known) { return Equal(known.oid, View(certificate.algorithm)); });
  if (algorithm == std::end(kAlgorithms)) return Refused("signed by an unknown algorithm");
  CBS spki = certificate.key;
  const bssl::UniquePtr<EVP_PKEY> key(EVP_parse_public_key(&spki));
  if (key == nullptr || EVP_PKEY_id(key.get()) != algorithm->key_id) {
    return Refused("its key cannot be read");
  }
  bssl::ScopedEVP_MD_CTX context;
  const EVP_MD* digest = algorithm->digest == nullptr ? nullptr : algorithm->digest();
  if (!EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) ||
      !EVP_DigestVerify(context.get(), CBS_data(&certificate.signature),
                        CBS_len(&certificate.signature), CBS_data(&certificate.body),
                        CBS_len(&certificate.body))) {
    return Refused("not signed by its own key");
  }
  return absl::OkStatus();
}

bool MayBeCritical(ByteView oid) {
  return Equal(oid, kKeyUsageOid) || Equal(oid, kBasicConstraintsOid) ||
         Equal(oid, kExtendedKeyUsageOid);
}

bool TakeCritical(CBS& extension, bool& critical) {
  CBS value;
  if (!CBS_peek_asn1_tag(&extension, CBS_ASN1_BOOLEAN)) return true;
  if (!CBS_get_asn1(&extension, &value, CBS_ASN1_BOOLEAN) || CBS_len(&value) != 1) return false;
  critical = CBS_data(&value)[0] != 0;
  return true;
}

// The value of the libp2p extension.
absl::StatusOr<CBS> FindExtension(CBS extensions) {
  std::optional<CBS> found;
  while (CBS_len(&extensions) > 0) {
    CBS extension, oid, value;
    bool critical = false;
    if (!CBS_get_asn1(&extensions, &extension, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&extension, &oid, CBS_ASN1_OBJECT) || !TakeCritical(extension, critical) ||
        !CBS_get_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) || CBS_len(&extension) != 0) {
      return Refused("garbled extensions");
    }
    if (Equal(View(oid), kLibp2pOid)) {
      if (found.has_value()) return Refused("two libp2p extensions");
      found = value;
    } else if (critical && !MayBeCritical(View(oid))) {
      return Refused("an unknown critical extension");
    }
  }
  if (!found.has_value()) return Refused("no libp2p extension");
  return *found;
}

absl::StatusOr<PeerId> PeerOf(ByteView public_key, const Crypto& crypto) {
  if (absl::StatusOr<PeerId> peer = PeerId::OfPublicKey(public_key); peer.ok()) return peer;
  return PeerId::OfPublicKeyDigest(crypto.Sha256(std::span(&public_key, 1)));
}

// A CBB points to its open child until it is flushed, so whoever has a child on its stack flushes.
bool AddOid(CBB* out, ByteView oid) {
  CBB child;
  return CBB_add_asn1(out, &child, CBS_ASN1_OBJECT) &&
         CBB_add_bytes(&child, oid.data(), oid.size()) && CBB_flush(out);
}

bool AddAlgorithm(CBB* out) {
  CBB algorithm;
  return CBB_add_asn1(out, &algorithm, CBS_ASN1_SEQUENCE) && AddOid(&algorithm, kEcdsaSha256Oid) &&
         CBB_flush(out);
}

bool AddName(CBB* out) {
  constexpr std::string_view kName = "libp2p.io";
  CBB name, set, attribute, value;
  return CBB_add_asn1(out, &name, CBS_ASN1_SEQUENCE) && CBB_add_asn1(&name, &set, CBS_ASN1_SET) &&
         CBB_add_asn1(&set, &attribute, CBS_ASN1_SEQUENCE) && AddOid(&attribute, kCommonNameOid) &&
         CBB_add_asn1(&attribute, &value, CBS_ASN1_UTF8STRING) &&
         CBB_add_bytes(&value, AsBytes(kName).data(), kName.size()) && CBB_flush(out);
}

// RFC 5280: UTCTime up to 2049, GeneralizedTime from then on.
bool AddTime(CBB* out, Time time) {
  const bool is_late = absl::ToCivilYear(time, absl::UTCTimeZone()).year() >= 2050;
  const std::string text =
      absl::FormatTime(is_late ? "%Y%m%d%H%M%SZ" : "%y%m%d%H%M%SZ", time, absl::UTCTimeZone());
  CBB value;
  return CBB_add_asn1(out, &value, is_late ? CBS_ASN1_GENERALIZEDTIME : CBS_ASN1_UTCTIME) &&
         CBB_add_bytes(&value, AsBytes(text).data(), text.size()) && CBB_flush(out);
}

bool AddOctets(CBB* out, ByteView bytes) {
  CBB child;
  return CBB_add_asn1(out, &child, CBS_ASN1_OCTETSTRING) &&
         CBB_add_bytes(&child, bytes.data(), bytes.size()) && CBB_flush(out);
}

bool AddExtensions(CBB* out, ByteView public_key, ByteView signature) {
  CBB wrapped, list, extension, value, pair;
  return CBB_add_asn1(out, &wrapped, kExtensionsTag) &&
         CBB_add_asn1(&wrapped, &list, CBS_ASN1_SEQUENCE) &&
         CBB_add_asn1(&list, &extension, CBS_ASN1_SEQUENCE) && AddOid(&extension, kLibp2pOid) &&
         CBB_add_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) &&
         CBB_add_asn1(&value, &pair, CBS_ASN1_SEQUENCE) && AddOctets(&pair, public_key) &&
         AddOctets(&pair, signature) && CBB_flush(out);
}

std::string Finish(CBB* out) {
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!CBB_finish(out, &data, &size)) return "";
  std::string der(reinterpret_cast<char*>(data), size);
  OPENSSL_free(data);
  return der;
}

bssl::UniquePtr<EVP_PKEY> NewP256Key() {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (ec == nullptr || key == nullptr || !EC_KEY_generate_key(ec.get()) ||
      !EVP_PKEY_set1_EC_KEY(key.get(), ec.get())) {
    return nullptr;
  }
  return key;
}

std::string MarshalPublicKey(const EVP_PKEY* key) {
  bssl::ScopedCBB out;
  if (!CBB_init(out.get(), 128) || !EVP_marshal_public_key(out.get(), key)) return "";
  return Finish(out.get());
}

std::string MakeBody(const Identity& identity, uint64_t serial, Time now, std::string_view spki,
                     std::string_view signature) {
  bssl::ScopedCBB out;
  CBB body, version, validity;
  if (!CBB_init(out.get(), 512) || !CBB_add_asn1(out.get(), &body, CBS_ASN1_SEQUENCE) ||
      !CBB_add_asn1(&body, &version, kVersionTag) || !CBB_add_asn1_uint64(&version, 2) ||
      !CBB_add_asn1_uint64(&body, serial) || !AddAlgorithm(&body) || !AddName(&body) ||
      !CBB_add_asn1(&body, &validity, CBS_ASN1_SEQUENCE) ||
      !AddTime(&validity, now - absl::Hours(1)) ||
      !AddTime(&validity, now + absl::Hours(24) * 36525) || !AddName(&body) ||
      !CBB_add_bytes(&body, AsBytes(spki).data(), spki.size()) ||
      !AddExtensions(&body, identity.public_key(), AsBytes(signature))) {
    return "";
  }
  return Finish(out.get());
}

// Body, algorithm and the signature of the body.
std::string SignBody(std::string_view body, EVP_PKEY* key) {
  bssl::ScopedEVP_MD_CTX context;
  std::string signature(EVP_PKEY_size(key), '\0');
  size_t size = signature.size();
  if (!EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) ||
      !EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                      AsBytes(body).data(), body.size())) {
    return "";
  }
  bssl::ScopedCBB out;
  CBB certificate, bits;
  if (!CBB_init(out.get(), 512) || !CBB_add_asn1(out.get(), &certificate, CBS_ASN1_SEQUENCE) ||
      !CBB_add_bytes(&certificate, AsBytes(body).data(), body.size()) ||
      !AddAlgorithm(&certificate) || !CBB_add_asn1(&certificate, &bits, CBS_ASN1_BITSTRING) ||
      !CBB_add_u8(&bits, 0) || !CBB_add_bytes(&bits, AsBytes(signature).data(), size)) {
    return "";
  }
  return Finish(out.get());
}

}  // namespace

absl::StatusOr<Certificate> MakeCertificate(const Identity& identity, uint64_t serial, Time now) {
  Certificate made;
  made.key = NewP256Key();
  const std::string spki = made.key == nullptr ? "" : MarshalPublicKey(made.key.get());
  if (spki.empty()) return absl::InternalError("certificate: BoringSSL could not make a key");
  L2P_ASSIGN_OR_RETURN(const std::string signature,
                       identity.Sign(AsBytes(absl::StrCat(av(kSignaturePrefix), spki))));
  const std::string body = MakeBody(identity, serial, now, spki, signature);
  if (!body.empty()) made.der = SignBody(body, made.key.get());
  if (made.der.empty()) return absl::InternalError("certificate: BoringSSL could not make it");
  return made;
}

absl::StatusOr<PeerId> CheckCertificate(ByteView der, const Crypto& crypto, Time now) {
  const std::optional<Parsed> certificate = Parse(der);
  if (!certificate.has_value()) return Refused("not X.509");
  L2P_RETURN_IF_ERROR(CheckTimes(*certificate, now));
  L2P_RETURN_IF_ERROR(CheckSelfSignature(*certificate));
  L2P_ASSIGN_OR_RETURN(CBS value, FindExtension(certificate->extensions));
  CBS pair, public_key, signature;
  if (!CBS_get_asn1(&value, &pair, CBS_ASN1_SEQUENCE) || CBS_len(&value) != 0 ||
      !CBS_get_asn1(&pair, &public_key, CBS_ASN1_OCTETSTRING) ||
      !CBS_get_asn1(&pair, &signature, CBS_ASN1_OCTETSTRING) || CBS_len(&pair) != 0) {
    return Refused("garbled libp2p extension");
  }
  const std::string message =
      absl::StrCat(av(kSignaturePrefix), av(AsText(View(certificate->key))));
  const absl::Status verified = crypto.Verify(View(public_key), AsBytes(message), View(signature));
  if (!verified.ok()) return Refused(absl::StrCat("host key: ", verified.message()));
  return PeerOf(View(public_key), crypto);
}

}  // namespace l2p::tcp
