#include "l2p/testkit/crypto_conformance.h"

#include <cstring>

#include "expect.h"

namespace l2p::testkit {
namespace {

// RFC 8032, section 7.1, tests 1 to 3.
struct Ed25519Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};
constexpr Ed25519Vector kEd25519[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

// PublicKey messages and signatures of kSignedMessage made with OpenSSL 3: RSA 2048 (PKCS#1 v1.5,
// SHA-256) and ECDSA P-256 (SHA-256, DER).
constexpr char kSignedMessage[] = "l2p conformance";
constexpr char kRsaKey[] =
    "080012a60230820122300d06092a864886f70d01010105000382010f003082010a0282010100eeb647195b"
    "93f83b4fd48b2b9354d879178777cd0f511fa7608c59ae2a18b0732a38ce4797fbfe6f98abb45d7f3a4a99"
    "c52b3095747ed517c9f3c6bea0ea65ce1a5318b7e24abb1201f23fdb7ce41312739f407d315dbbc0bb33ad"
    "293bf365f1abaf34a3d97c42ff2428a7b685883d364567aba955c413aa10c3f25ed0de68960438b69612b9"
    "0387c268c1c2f97ca7231a0d168f01e52441e294bc47fdb67c0eab706d4ff30e656f2e3dde5bee9db17270"
    "1267e8c8e0cbea9fdd7620049c50db88bc25a86be345f40850754aedf1339d9c5159b9ac361dacad20da39"
    "1ca3a9104ba03417fbaa2ac3d777c348df7e94a79ba1af74faddcc24161b54d284c778ed0203010001";
constexpr char kRsaSignature[] =
    "e8220f2d0995e7faafe437ebf3ffa2082227a7da741fd2e586299c1fc68acbb471454294390ee2d7360416"
    "8143e97a51d918ef4bceab4f0177d1772b0cc23c1ff8a35848eec6eb33b8b31e57da1568077d9160b7cd8f"
    "51a60c596c83429c4e415fc1104177763d5ca95a0856090f64fd57a56210a4ba4d3eefca0bca1d89d57c79"
    "2d38881a2612783f6b9a5d331df16a06432222bc08d1f92b549c5a6fabe9f17074627103df00318950ab85"
    "94f4755687146d1611319650e87a77d1327c1803caa79fd78460ed2aab67be9de1a5ad83408cf7ed4e016a"
    "1269b31e5ee2cef98fd916b8c898b59f351aaf7c76eb5c0a8ddbba1090546642abd1097ca15cea42ae";
constexpr char kEcdsaKey[] =
    "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004e0072452c3ebe35b5de5421a"
    "b6df52ad1995885f607e0b1b153a3436be2b1ad8921db625defebf7a9e9ba4017df9dd1224f73e148344c9"
    "cd2ca2ab6c09d9d248";
constexpr char kEcdsaSignature[] =
    "304502207602abc8c72d3ba7b7284aba9098414368623e15379db93b63208a0265436989022100d12a9410"
    "1c07cfbc5d475ab543dacbe5db5b70dd8dc230615411f38cf7ce2114";

// A secp256k1 key: its generator, compressed.
constexpr char kSecp256k1Key[] =
    "080212210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

std::string Raw(std::string_view hex) {
  std::string bytes;
  FromHex(hex, bytes);
  return bytes;
}

absl::StatusOr<std::unique_ptr<Identity>> IdentityOfSeed(const Crypto& crypto, ByteView seed) {
  L2P_ASSIGN_OR_RETURN(const std::string key, crypto.NewPrivateKey(seed));
  return crypto.OpenIdentity(AsBytes(key));
}

absl::Status ComputesPublishedSha256Digests(Crypto& crypto) {
  const auto check = [&](std::span<const ByteView> parts, std::string_view wanted) -> absl::Status {
    const std::string found = ToHex(crypto.Sha256(parts));
    L2P_EXPECT(found == wanted, "Sha256: wanted ", av(wanted), ", found ", found);
    return absl::OkStatus();
  };
  L2P_RETURN_IF_ERROR(
      check({}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  const ByteView parts[] = {AsBytes("a"), AsBytes(""), AsBytes("bc")};
  return check(parts, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

absl::Status DrawsRandomBytes(Crypto& crypto) {
  std::string one(64, '\0');
  std::string other(64, '\0');
  crypto.Random({reinterpret_cast<uint8_t*>(one.data()), one.size()});
  crypto.Random({reinterpret_cast<uint8_t*>(other.data()), other.size()});
  L2P_EXPECT(one != other, "Random gave the same 64 bytes twice");
  L2P_EXPECT(one.substr(56) != std::string(8, '\0'), "Random left the end of the span as it was");
  crypto.Random({});
  return absl::OkStatus();
}

absl::Status MakesTheKeyOfASeed(Crypto& crypto) {
  for (const Ed25519Vector& vector : kEd25519) {
    L2P_ASSIGN_OR_RETURN(const std::string key, crypto.NewPrivateKey(AsBytes(Raw(vector.seed))));
    const std::string wanted = absl::StrCat("08011240", vector.seed, vector.public_key);
    L2P_EXPECT(ToHex(AsBytes(key)) == wanted, "NewPrivateKey: wanted ", wanted, ", found ",
               ToHex(AsBytes(key)));
  }
  return absl::OkStatus();
}

absl::Status NamesThePeerOfAKey(Crypto& crypto) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Identity> identity,
                       IdentityOfSeed(crypto, AsBytes(std::string(32, '\0'))));
  L2P_EXPECT(ToHex(identity->public_key()) ==
                 "080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29",
             "public key of the zero seed: found ", ToHex(identity->public_key()));
  L2P_EXPECT(identity->peer().ToString() == "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
             "peer of the zero seed: found ", identity->peer().ToString());
  return absl::OkStatus();
}

absl::Status SignsAndVerifiesPublishedSignatures(Crypto& crypto) {
  for (const Ed25519Vector& vector : kEd25519) {
    L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Identity> identity,
                         IdentityOfSeed(crypto, AsBytes(Raw(vector.seed))));
    const std::string message = Raw(vector.message);
    L2P_ASSIGN_OR_RETURN(const std::string signature, identity->Sign(AsBytes(message)));
    L2P_EXPECT(ToHex(AsBytes(signature)) == vector.signature, "Sign: wanted ", vector.signature,
               ", found ", ToHex(AsBytes(signature)));
    L2P_RETURN_IF_ERROR(
        WithContext(crypto.Verify(identity->public_key(), AsBytes(message), AsBytes(signature)),
                    "Verify of a right Ed25519 signature"));
  }
  return absl::OkStatus();
}

// A signature with each of some bytes changed, cut short or lengthened, or of another message.
absl::Status RefusesWrongSignatures(const Crypto& crypto, const std::string& key,
                                    const std::string& message, const std::string& signature) {
  const auto refused = [&](const std::string& text, const std::string& forged,
                           std::string_view what) {
    return ExpectCode(crypto.Verify(AsBytes(key), AsBytes(text), AsBytes(forged)),
                      absl::StatusCode::kDataLoss, what);
  };
  L2P_RETURN_IF_ERROR(refused(message + "x", signature, "Verify with another message"));
  L2P_RETURN_IF_ERROR(refused(message, "", "Verify of an empty signature"));
  L2P_RETURN_IF_ERROR(refused(message, signature.substr(1), "Verify of a cut signature"));
  L2P_RETURN_IF_ERROR(refused(message, signature + '\0', "Verify of a lengthened signature"));
  for (const size_t at : {signature.size() / 4, signature.size() / 2, signature.size() - 1}) {
    std::string forged = signature;
    forged[at] ^= 1;
    L2P_RETURN_IF_ERROR(
        refused(message, forged, absl::StrCat("Verify with byte ", at, " of it changed")));
  }
  return absl::OkStatus();
}

absl::Status RefusesWrongEd25519Signatures(Crypto& crypto) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Identity> identity,
                       IdentityOfSeed(crypto, AsBytes(TestBytes(1, 32))));
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Identity> stranger,
                       IdentityOfSeed(crypto, AsBytes(TestBytes(2, 32))));
  const std::string message = "a record";
  L2P_ASSIGN_OR_RETURN(const std::string signature, identity->Sign(AsBytes(message)));
  L2P_RETURN_IF_ERROR(RefusesWrongSignatures(crypto, std::string(AsText(identity->public_key())),
                                             message, signature));
  return ExpectCode(crypto.Verify(stranger->public_key(), AsBytes(message), AsBytes(signature)),
                    absl::StatusCode::kDataLoss, "Verify with another's key");
}

absl::Status VerifiesRsaSignatures(Crypto& crypto) {
  L2P_RETURN_IF_ERROR(WithContext(
      crypto.Verify(AsBytes(Raw(kRsaKey)), AsBytes(kSignedMessage), AsBytes(Raw(kRsaSignature))),
      "Verify of a right RSA signature"));
  return RefusesWrongSignatures(crypto, Raw(kRsaKey), kSignedMessage, Raw(kRsaSignature));
}

absl::Status VerifiesEcdsaSignatures(Crypto& crypto) {
  L2P_RETURN_IF_ERROR(WithContext(crypto.Verify(AsBytes(Raw(kEcdsaKey)), AsBytes(kSignedMessage),
                                                AsBytes(Raw(kEcdsaSignature))),
                                  "Verify of a right ECDSA signature"));
  return RefusesWrongSignatures(crypto, Raw(kEcdsaKey), kSignedMessage, Raw(kEcdsaSignature));
}

absl::Status SaysThatSecp256k1IsNotThere(Crypto& crypto) {
  return ExpectCode(
      crypto.Verify(AsBytes(Raw(kSecp256k1Key)), AsBytes("m"), AsBytes(std::string(70, '\x30'))),
      absl::StatusCode::kUnimplemented, "Verify with a secp256k1 key");
}

absl::Status RefusesMalformedPublicKeys(Crypto& crypto) {
  const std::string good = absl::StrCat("08011220", kEd25519[0].public_key);
  for (const std::string& key :
       {std::string(), std::string("08"), std::string("0801"), good.substr(0, good.size() - 2),
        good + "00", absl::StrCat("08091220", kEd25519[0].public_key),
        absl::StrCat("0801121f", good.substr(8, 62)), absl::StrCat("0800", good.substr(4)),
        absl::StrCat("0803", good.substr(4)), std::string("ffffffffffffffffffff")}) {
    L2P_RETURN_IF_ERROR(ExpectCode(
        crypto.Verify(AsBytes(Raw(key)), AsBytes(""), AsBytes(Raw(kEd25519[0].signature))),
        absl::StatusCode::kInvalidArgument, absl::StrCat("Verify with the public key ", key)));
  }
  return absl::OkStatus();
}

absl::Status RefusesMalformedPrivateKeys(Crypto& crypto) {
  L2P_ASSIGN_OR_RETURN(const std::string good, crypto.NewPrivateKey(AsBytes(TestBytes(3, 32))));
  std::string strange_half = good;
  strange_half.back() ^= 1;
  std::string strange_type = good;
  strange_type[1] = 0;
  for (const std::string& key : {std::string(), good.substr(0, 40), good.substr(0, 67), good + "x",
                                 strange_half, strange_type}) {
    L2P_RETURN_IF_ERROR(ExpectCode(crypto.OpenIdentity(AsBytes(key)).status(),
                                   absl::StatusCode::kInvalidArgument,
                                   absl::StrCat("OpenIdentity of ", key.size(), " wrong bytes")));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> CryptoConformance(Factory<Crypto> factory, WorldFactory world) {
  const auto one = [&](const char* name, absl::Status (*check)(Crypto&)) {
    return CaseOf<Crypto>(name, factory, world, check);
  };
  return {
      one("ComputesPublishedSha256Digests", ComputesPublishedSha256Digests),
      one("DrawsRandomBytes", DrawsRandomBytes),
      one("MakesTheKeyOfASeed", MakesTheKeyOfASeed),
      one("NamesThePeerOfAKey", NamesThePeerOfAKey),
      one("SignsAndVerifiesPublishedSignatures", SignsAndVerifiesPublishedSignatures),
      one("RefusesWrongEd25519Signatures", RefusesWrongEd25519Signatures),
      one("VerifiesRsaSignatures", VerifiesRsaSignatures),
      one("VerifiesEcdsaSignatures", VerifiesEcdsaSignatures),
      one("SaysThatSecp256k1IsNotThere", SaysThatSecp256k1IsNotThere),
      one("RefusesMalformedPublicKeys", RefusesMalformedPublicKeys),
      one("RefusesMalformedPrivateKeys", RefusesMalformedPrivateKeys),
  };
}

}  // namespace l2p::testkit
