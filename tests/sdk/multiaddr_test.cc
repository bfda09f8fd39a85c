#include "l2p/multiaddr.h"

#include <gtest/gtest.h>

#include "format_bytes.h"

namespace l2p {
namespace {

constexpr std::string_view kPeer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
constexpr std::string_view kRelay = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB";

Multiaddr Read(std::string_view text) {
  absl::StatusOr<Multiaddr> address = Multiaddr::FromString(text);
  EXPECT_TRUE(address.ok()) << text << ": " << address.status();
  return address.value_or(Multiaddr());
}

std::string WithPeerText(std::string_view text, std::string_view peer) {
  return std::string(text) + "/p2p/" + std::string(peer);
}

TEST(Multiaddr, HasTheKnownBinaryForms) {
  EXPECT_EQ(ToHex(Read("/ip4/127.0.0.1/tcp/4001").binary()), "047f000001060fa1");
  EXPECT_EQ(ToHex(Read("/ip6/::1/tcp/4001").binary()), "2900000000000000000000000000000001060fa1");
  EXPECT_EQ(ToHex(Read("/dns4/example.com/tcp/443").binary()), "360b6578616d706c652e636f6d0601bb");
  EXPECT_EQ(ToHex(Read(WithPeerText("/ip4/127.0.0.1/tcp/4001", kPeer)).binary()),
            "047f000001060fa1a503260024080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac0"
            "48a18b59da29");
}

TEST(Multiaddr, GoesFromTextToBinaryAndBack) {
  for (std::string_view text : {
           "/ip4/0.0.0.0/tcp/0",
           "/ip4/255.255.255.255/udp/65535/quic-v1",
           "/ip6zone/eth0/ip6/fe80::1/tcp/1",
           "/ip6/2001:db8::1:0:0:1/tcp/4001/ws",
           "/dns/example.com/tcp/443/tls/sni/example.com/ws",
           "/dns6/v6.example/tcp/443/wss",
           "/dnsaddr/bootstrap.libp2p.io",
           "/ip4/1.2.3.4/tcp/80/http/http-path/a%2Fb%20c",
           "/ip4/1.2.3.4/tcp/443/https",
           "/unix/tmp/l2p.sock",
           "/unix/a//b/",
           "/memory/node-7",
           "/p2p-circuit",
       }) {
    Multiaddr address = Read(text);
    EXPECT_EQ(address.ToString(), text);
    EXPECT_EQ(Multiaddr::FromBinary(address.binary()).value(), address);
  }
}

TEST(Multiaddr, WritesOneFormOfWhatCanBeWrittenInMany) {
  EXPECT_EQ(Read("/ip6/2001:0db8:0:0::1/tcp/0080").ToString(), "/ip6/2001:db8::1/tcp/80");
  EXPECT_EQ(Read("/ipfs/" + std::string(kPeer)).ToString(), WithPeerText("", kPeer));
  EXPECT_EQ(
      Read("/p2p/bafzaajaiaejcao3ke66m5nvefvrkhkgqfjxq243fgikxohpciotdvqciugfvtwrj").ToString(),
      WithPeerText("", kPeer));
}

TEST(Multiaddr, RefusesBadText) {
  for (const std::string& text : {std::string(),
                                  std::string("/"),
                                  std::string("//"),
                                  std::string("ip4/1.2.3.4"),
                                  std::string("/ip4"),
                                  std::string("/ip4/"),
                                  std::string("/ip4/1.2.3"),
                                  std::string("/ip4/1.2.3.256"),
                                  std::string("/ip4/01.2.3.4"),
                                  std::string("/ip4/::1"),
                                  std::string("/ip6/1.2.3.4"),
                                  std::string("/ip6/:::"),
                                  std::string("/ip4/1.2.3.4/"),
                                  std::string("/ip4/1.2.3.4/tcp"),
                                  std::string("/ip4/1.2.3.4/tcp/65536"),
                                  std::string("/ip4/1.2.3.4/tcp/-1"),
                                  std::string("/ip4/1.2.3.4/tcp/+1"),
                                  std::string("/ip4/1.2.3.4/tcp/ 1"),
                                  std::string("/ip4/1.2.3.4/tcp/1/"),
                                  std::string("/ip4/1.2.3.4/tcp/1//ws"),
                                  std::string("/tcp/99999999999999999999"),
                                  std::string("/gopher/x"),
                                  std::string("/p2p/nobody"),
                                  std::string("/p2p"),
                                  std::string("/dns/"),
                                  std::string("/dns/a b"),
                                  std::string("/dns/a\nb"),
                                  std::string("/unix"),
                                  std::string("/unix/"),
                                  std::string("/http-path/%4"),
                                  std::string("/http-path/%zz"),
                                  std::string("/ip4/1.2.3.4\0/tcp/1", 19),
                                  "/dns/" + std::string(1100, 'x'),
                                  "/dns/" + std::string(9000, 'x')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Multiaddr::FromString(text).status())) << text;
  }
}

TEST(Multiaddr, RefusesBadBinary) {
  for (std::string_view hex : {
           "", "04", "047f0000", "047f000001060f",  // Truncated.
           "ff7f", "0f", "8400", "80",              // Unknown code, or a bad varint.
           "3600", "3605616263", "36026120",        // Empty, short, space.
           "3603612f62", "900303612f62",            // A slash in a name; a path that is relative.
           "a5030100", "a50302aabb",                // No peer ids.
           "9003022f61047f000001",                  // Something behind a path.
       }) {
    const std::string bytes = Unhex(hex);
    EXPECT_TRUE(absl::IsInvalidArgument(Multiaddr::FromBinary(AsBytes(bytes)).status())) << hex;
  }
}

TEST(Multiaddr, NamesThePartThatIsWrong) {
  EXPECT_EQ(Multiaddr::FromString("/ip4/1.2.3.4/tcp/70000").status().message(),
            "multiaddr part /tcp/70000: is not a valid value");
}

TEST(Multiaddr, MakesTcpAddresses) {
  EXPECT_EQ(Multiaddr::FromTcp("10.0.0.1", 4422).value().ToString(), "/ip4/10.0.0.1/tcp/4422");
  EXPECT_EQ(Multiaddr::FromTcp("::1", 0).value().ToString(), "/ip6/::1/tcp/0");
  EXPECT_FALSE(Multiaddr::FromTcp("localhost", 1).ok());
}

TEST(Multiaddr, ShowsItsParts) {
  Multiaddr address = Read("/ip4/1.2.3.4/tcp/4001/ws");
  ASSERT_EQ(address.parts().size(), 3u);
  EXPECT_EQ(address.parts()[1].protocol, "tcp");
  EXPECT_EQ(address.parts()[1].value, "4001");
  EXPECT_EQ(address.parts()[2].value, "");
  EXPECT_EQ(address.Value("ip4"), "1.2.3.4");
  EXPECT_EQ(address.Value("udp"), std::nullopt);
  EXPECT_EQ(Read("/unix/tmp/x").Value("unix"), "/tmp/x");
}

TEST(Multiaddr, AddsAndRemovesThePeer) {
  const PeerId peer = PeerId::FromString(kPeer).value();
  const PeerId relay = PeerId::FromString(kRelay).value();
  Multiaddr plain = Read("/ip4/1.2.3.4/tcp/4001");
  EXPECT_EQ(plain.peer(), std::nullopt);
  EXPECT_EQ(plain.WithoutPeer(), plain);
  Multiaddr full = plain.WithPeer(peer);
  EXPECT_EQ(full.ToString(), WithPeerText("/ip4/1.2.3.4/tcp/4001", kPeer));
  EXPECT_EQ(full.peer(), peer);
  EXPECT_EQ(full.WithoutPeer(), plain);
  EXPECT_EQ(full.WithPeer(relay).peer(), relay);
  Multiaddr circuit = Read(WithPeerText("/ip4/1.2.3.4/tcp/1", kRelay) + "/p2p-circuit");
  EXPECT_EQ(circuit.peer(), std::nullopt);
  EXPECT_EQ(circuit.WithPeer(peer).WithoutPeer(), circuit);
  EXPECT_EQ(Multiaddr().peer(), std::nullopt);
  EXPECT_EQ(Multiaddr().WithPeer(peer).ToString(), WithPeerText("", kPeer));
}

TEST(Multiaddr, RefusesAPeerRightBehindAPeer) {
  const std::string one = WithPeerText("/ip4/1.2.3.4/tcp/1", kRelay);
  EXPECT_FALSE(Multiaddr::FromString(WithPeerText(one, kPeer)).ok());
  EXPECT_TRUE(Multiaddr::FromString(WithPeerText(one + "/p2p-circuit", kPeer)).ok());
}

TEST(Multiaddr, TellsWhereAnAddressLies) {
  using Scope = Multiaddr::Scope;
  const std::pair<std::string_view, Scope> kScopes[] = {
      {"/ip4/127.9.9.9/tcp/1", Scope::kLoopback},
      {"/ip4/10.1.2.3/tcp/1", Scope::kPrivate},
      {"/ip4/172.16.0.1/tcp/1", Scope::kPrivate},
      {"/ip4/172.31.255.1/tcp/1", Scope::kPrivate},
      {"/ip4/172.32.0.1/tcp/1", Scope::kPublic},
      {"/ip4/192.168.1.1/tcp/1", Scope::kPrivate},
      {"/ip4/169.254.1.1/tcp/1", Scope::kPrivate},
      {"/ip4/100.64.0.1/tcp/1", Scope::kPrivate},
      {"/ip4/100.128.0.1/tcp/1", Scope::kPublic},
      {"/ip4/8.8.8.8/tcp/1", Scope::kPublic},
      {"/ip4/0.0.0.0/tcp/1", Scope::kOther},
      {"/ip4/224.0.0.1/tcp/1", Scope::kOther},
      {"/ip4/255.255.255.255", Scope::kOther},
      {"/ip6/::1/tcp/1", Scope::kLoopback},
      {"/ip6/fe80::1/tcp/1", Scope::kPrivate},
      {"/ip6zone/eth0/ip6/fe80::1", Scope::kPrivate},
      {"/ip6/fd00::1/tcp/1", Scope::kPrivate},
      {"/ip6/2606:4700::1", Scope::kPublic},
      {"/ip6/ff02::1", Scope::kOther},
      {"/ip6/::", Scope::kOther},
      {"/ip6/::ffff:10.0.0.1", Scope::kPrivate},
      {"/ip6/64:ff9b::8.8.8.8", Scope::kPublic},
      {"/dns/example.com/tcp/1", Scope::kOther},
      {"/memory/x", Scope::kOther},
      {"/unix/tmp/x", Scope::kOther},
  };
  for (const auto& [text, scope] : kScopes) EXPECT_EQ(Read(text).scope(), scope) << text;
  EXPECT_EQ(Multiaddr().scope(), Scope::kOther);
}

TEST(Multiaddr, AcceptedMutationsReadBackEqual) {
  for (std::string_view text : {"/ip4/1.2.3.4/tcp/4001/ws", "/ip6/2001:db8::1/udp/9/quic-v1",
                                "/unix/tmp/a", "/dns4/example.com/tcp/80/http/http-path/a%2Fb"}) {
    Multiaddr address = Read(WithPeerText("/ip4/9.9.9.9/tcp/1", kRelay) + std::string(text));
    const int accepted = Mutate(address.bytes(), 20000, [](const std::string& bytes) {
      absl::StatusOr<Multiaddr> changed = Multiaddr::FromBinary(AsBytes(bytes));
      if (!changed.ok()) return false;
      absl::StatusOr<Multiaddr> again = Multiaddr::FromString(changed->ToString());
      EXPECT_TRUE(again.ok()) << changed->ToString() << again.status();
      return again.ok() && *again == *changed;
    });
    EXPECT_GT(accepted, 0);
    Mutate(address.ToString(), 5000,
           [](const std::string& changed) { return Multiaddr::FromString(changed).ok(); });
  }
}

TEST(Multiaddr, RefusesTruncationsThatCutAPart) {
  const std::string bytes =
      Read("/ip4/127.0.0.1/tcp/4001").WithPeer(*PeerId::FromString(kPeer)).bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Multiaddr::FromBinary(AsBytes(bytes).first(size)).ok(), size == 5 || size == 8)
        << size;
  }
}

}  // namespace
}  // namespace l2p
