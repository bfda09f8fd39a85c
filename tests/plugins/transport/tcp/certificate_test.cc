#include "certificate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "boringssl_crypto.h"

namespace l2p::tcp {
namespace {

// One line each of certificates.txt: what it shows, the peer or "refused", the DER.
struct Vector {
  std::string name;
  std::string peer;
  std::string der;
};

std::vector<Vector> Vectors() {
  std::ifstream file(TCP_TEST_DATA "/certificates.txt");
  std::vector<Vector> vectors;
  Vector vector;
  std::string hex;
  while (file >> vector.name >> vector.peer >> hex) {
    EXPECT_TRUE(FromHex(hex, vector.der));
    vectors.push_back(vector);
  }
  return vectors;
}

const Time kNow = absl::FromUnixSeconds(1'790'000'000);

TEST(Certificate, TheVectorsAreReadAsTheSpecificationSays) {
  const BoringsslCrypto crypto;
  const std::vector<Vector> vectors = Vectors();
  ASSERT_EQ(vectors.size(), 4u);
  for (const Vector& vector : vectors) {
    const auto peer = CheckCertificate(AsBytes(vector.der), crypto, kNow);
    if (vector.peer == "refused") {
      EXPECT_EQ(peer.status().code(), absl::StatusCode::kUnavailable) << vector.name;
    } else {
      ASSERT_TRUE(peer.ok()) << vector.name << ": " << peer.status();
      EXPECT_EQ(peer->ToString(), vector.peer);
    }
  }
}

class OwnCertificateTest : public ::testing::Test {
 protected:
  OwnCertificateTest() {
    identity_ =
        *crypto_.OpenIdentity(AsBytes(*crypto_.NewPrivateKey(AsBytes(std::string(32, '\1')))));
    certificate_ = *MakeCertificate(*identity_, 0x1122334455667788, kNow);
  }

  absl::StatusCode Check(std::string_view der, Time now) {
    return CheckCertificate(AsBytes(der), crypto_, now).status().code();
  }

  BoringsslCrypto crypto_;
  std::unique_ptr<Identity> identity_;
  Certificate certificate_;
};

TEST_F(OwnCertificateTest, ProvesOurPeerId) {
  const auto peer = CheckCertificate(AsBytes(certificate_.der), crypto_, kNow);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(*peer, identity_->peer());
}

TEST_F(OwnCertificateTest, HoldsForAHundredYearsFromAnHourAgo) {
  const std::string& der = certificate_.der;
  EXPECT_EQ(Check(der, kNow - absl::Minutes(59)), absl::StatusCode::kOk);
  EXPECT_EQ(Check(der, kNow - absl::Minutes(61)), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Check(der, kNow + 36524 * absl::Hours(24)), absl::StatusCode::kOk);
  EXPECT_EQ(Check(der, kNow + 36526 * absl::Hours(24)), absl::StatusCode::kUnavailable);
}

TEST_F(OwnCertificateTest, IsWorthNothingWithAnyBitChanged) {
  std::string der = certificate_.der;
  for (size_t i = 0; i < der.size(); ++i) {
    der[i] ^= 0x10;
    EXPECT_NE(Check(der, kNow), absl::StatusCode::kOk) << "byte " << i;
    der[i] ^= 0x10;
  }
}

TEST_F(OwnCertificateTest, IsWorthNothingCutShort) {
  for (size_t size = 0; size < certificate_.der.size(); ++size) {
    EXPECT_NE(Check(certificate_.der.substr(0, size), kNow), absl::StatusCode::kOk);
  }
}

}  // namespace
}  // namespace l2p::tcp
