// Which peers are let in, over real sockets, in both directions.
#include <gtest/gtest.h>

#include "multistream.h"
#include "raw_peer.h"
#include "tcp_node.h"
#include "yamux_frame.h"

namespace l2p::tcp {
namespace {

struct Case {
  std::string name;
  PeerShape shape;
};

void PrintTo(const Case& printed, std::ostream* out) { *out << printed.name; }

std::vector<Case> Flaws() {
  return {
      {"TwoCertificatesInTheChain", {.chain = 2}},
      {"NoCertificate", {.chain = 0}},
      {"AnUnknownCriticalExtension", {.has_unknown_critical_extension = true}},
      {"NoSignature", {.has_extension = false}},
      {"AGarbledSignature", {.extension_is_garbled = true}},
      {"ASignatureWithoutThePrefix", {.signature_prefix = ""}},
      {"ASignatureByAnotherHostKey", {.signs_with_another_host_key = true}},
      {"ASignatureOfAnotherCertificate", {.signs_for_another_certificate = true}},
      {"ACertificateNotSignedByItsOwnKey", {.self_signature_is_broken = true}},
      {"AnExpiredCertificate", {.valid_from = -7200, .valid_until = -3600}},
      {"ACertificateNotYetValid", {.valid_from = 3600, .valid_until = 7200}},
      {"Tls12", {.version = TLS1_2_VERSION}},
      {"AlpnWithNothingInCommon", {.alpn = "h2"}},
  };
}

std::vector<Case> GoodOnes() {
  return {
      {"OneThatFollowsTheRules", {}},
      {"ACriticalLibp2pExtension", {.extension_is_critical = true}},
      {"AlpnThatLeavesTheMuxerOpen", {.alpn = "libp2p"}},
      {"NoAlpn", {.alpn = ""}},
  };
}

class TlsTest : public ::testing::TestWithParam<Case> {
 protected:
  TlsTest()
      : node_(world_, 1),
        other_(world_, 2),
        raw_(GetParam().shape, other_.host().identity(), node_.host().identity()) {}

  // Serves one connection with the raw peer while `dial` runs.
  absl::Status WhileServing(const std::function<absl::Status(const Multiaddr&)>& dial) {
    const Multiaddr address = raw_.Listen();
    TaskGroup serving(world_.runtime().tasks(), world_.runtime().NewEvent());
    EXPECT_TRUE(serving
                    .Start("raw peer",
                           [&] {
                             if (raw_.Accept() && raw_.Secure(/*client=*/false)) {
                               AgreeOnMuxer();
                               raw_.Receive(1'000'000);  // Until the other side ends.
                             }
                             raw_.Close();
                           })
                    .ok());
    const absl::Status status = dial(address);
    node_.transport().Stop();
    serving.Join();
    return status;
  }

  absl::Status Dial(const Multiaddr& address, const PeerId& expected) {
    return node_.transport().Dial(address, expected, world_.Soon()).status();
  }

  bool AgreeOnMuxer() {
    if (GetParam().shape.alpn == kYamuxProtocol) return true;
    const std::string opening = MultistreamInitiator(std::string(kYamuxProtocol)).Opening();
    return raw_.Send(opening) && raw_.Receive(opening.size()) == opening;
  }

  RealWorld world_;
  TcpNode node_;
  TcpNode other_;  // Whose key the raw peer has.
  RawPeer raw_;
};

std::string NameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

class TlsRefuses : public TlsTest {};
INSTANTIATE_TEST_SUITE_P(Tls, TlsRefuses, ::testing::ValuesIn(Flaws()), NameOf);

TEST_P(TlsRefuses, WhenWeAreDialled) {
  ASSERT_TRUE(raw_.Connect(node_.address()));
  // A TLS 1.3 client may be done before the server has looked at its certificate.
  if (raw_.Secure(/*client=*/true)) {
    EXPECT_EQ(raw_.Receive(1), "");
  }
  node_.transport().Stop();
  EXPECT_TRUE(node_.connections().empty());
  EXPECT_TRUE(node_.endings().empty());
  EXPECT_EQ(node_.host().metrics().Named("failed_handshakes_total").value(), 1);
}

TEST_P(TlsRefuses, WhenWeDial) {
  const absl::Status status =
      WhileServing([&](const Multiaddr& address) { return Dial(address, other_.peer()); });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(node_.endings().empty());
}

class TlsAccepts : public TlsTest {};
INSTANTIATE_TEST_SUITE_P(Tls, TlsAccepts, ::testing::ValuesIn(GoodOnes()), NameOf);

TEST_P(TlsAccepts, WhenWeAreDialled) {
  ASSERT_TRUE(raw_.Connect(node_.address()));
  ASSERT_TRUE(raw_.Secure(/*client=*/true));
  ASSERT_TRUE(AgreeOnMuxer());
  ASSERT_TRUE(node_.AwaitConnections(1));
  EXPECT_EQ(node_.connections().front()->peer(), other_.peer());
  const std::string frame = raw_.Receive(kYamuxHeaderBytes);
  ASSERT_EQ(frame.size(), kYamuxHeaderBytes);
  EXPECT_EQ(YamuxHeader::Decode(AsBytes(frame)).type, YamuxType::kPing);
}

TEST_P(TlsAccepts, WhenWeDial) {
  const absl::Status status =
      WhileServing([&](const Multiaddr& address) { return Dial(address, other_.peer()); });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(TlsAccepts, ButNotUnderAnotherPeerIdThanTheDialledOne) {
  const absl::Status status =
      WhileServing([&](const Multiaddr& address) { return Dial(address, node_.peer()); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

}  // namespace
}  // namespace l2p::tcp
