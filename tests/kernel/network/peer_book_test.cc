#include "kernel/network/peer_book.h"

#include "sim_peer.h"

namespace l2p {
namespace {

class PeerBookTest : public testing::Test {
 protected:
  testkit::Simulation simulation{1};
  testkit::MemoryDisk disk;
  testkit::SimRuntime runtime{simulation, disk, "node"};
  PeerBook book{runtime};
};

PeerId Peer(uint32_t number) {
  std::string digest(32, '\0');
  for (int i = 0; i < 4; ++i) digest[i] = static_cast<char>(number >> (8 * i));
  return PeerId::OfPublicKeyDigest(AsBytes(digest));
}

TEST_F(PeerBookTest, KeepsSeenPeersAcrossARestart) {
  const Multiaddr dialled = Address("/ip4/10.0.0.1/tcp/1");
  const Multiaddr announced = Address("/ip4/10.0.0.1/tcp/2");
  book.SetIdentified(Peer(1), {{announced}, {"/a", "/b"}, "agent"});
  book.DialSucceeded(Peer(1), dialled);
  book.DialFailed(Peer(2), dialled, false);
  ASSERT_TRUE(book.Save().ok());

  PeerBook again(runtime);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.size(), 1u) << "peer 2 was never reached";
  const auto found = again.Find(Peer(1));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->addresses, (std::vector{dialled, announced}));
  EXPECT_EQ(found->protocols, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(found->agent, "agent");
  EXPECT_EQ(again.DialOrder({Peer(1), {}}).front(), dialled) << "it has worked before";
}

TEST_F(PeerBookTest, WritesOnlyWhatChanged) {
  book.Seen(Peer(1));
  ASSERT_TRUE(book.Save().ok());
  const uint64_t commits = disk.counts()[testkit::DiskOp::kCommit];
  ASSERT_TRUE(book.Save().ok());
  EXPECT_EQ(disk.counts()[testkit::DiskOp::kCommit], commits);
}

TEST_F(PeerBookTest, SavesAgainWhatCouldNotBeSaved) {
  book.DialSucceeded(Peer(1), Address("/memory/1"));
  disk.FailNth(testkit::DiskOp::kCommit, 1, absl::UnavailableError("no disk"));
  EXPECT_TRUE(absl::IsUnavailable(book.Save()));
  ASSERT_TRUE(book.Save().ok());
  PeerBook again(runtime);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.size(), 1u);
}

TEST_F(PeerBookTest, ForgetsPeersThatWereNeverReachedFirst) {
  book.DialSucceeded(Peer(0), Address("/memory/0"));
  for (uint32_t i = 1; i <= PeerBook::kMostPeers + 100; ++i) {
    book.DialFailed(Peer(i), Address("/memory/1"), false);
  }
  EXPECT_EQ(book.size(), PeerBook::kMostPeers);
  EXPECT_TRUE(book.Find(Peer(0)).has_value());
  EXPECT_FALSE(book.Find(Peer(1)).has_value());
}

TEST_F(PeerBookTest, ForgottenPeersLeaveTheDiskToo) {
  book.Seen(Peer(0));
  ASSERT_TRUE(book.Save().ok());
  for (uint32_t i = 1; i <= PeerBook::kMostPeers; ++i) book.Seen(Peer(i));
  ASSERT_TRUE(book.Save().ok());
  PeerBook again(runtime);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.size(), PeerBook::kMostPeers);
}

TEST_F(PeerBookTest, KeepsTheAddressThatWorkedWhenAPeerAnnouncesTooMany) {
  const Multiaddr good = Address("/memory/good");
  book.DialSucceeded(Peer(1), good);
  PeerBook::Identified said;
  for (int i = 0; i < 50; ++i) said.addresses.push_back(Address("/memory/" + std::to_string(i)));
  said.protocols.resize(PeerBook::kMostProtocols + 1);
  said.agent.resize(PeerBook::kMostAgentBytes + 1);
  book.SetIdentified(Peer(1), said);
  const auto found = book.Find(Peer(1));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->addresses.size(), PeerBook::kMostAddresses);
  EXPECT_THAT(found->addresses, testing::Contains(good));
  EXPECT_EQ(found->protocols.size(), PeerBook::kMostProtocols);
  EXPECT_EQ(found->agent.size(), PeerBook::kMostAgentBytes);
}

TEST_F(PeerBookTest, BackOffDoublesToItsLimitAndEndsWhenThePeerIsSeen) {
  const Multiaddr address = Address("/memory/1");
  const PeerInfo to{Peer(1), {address}};
  Duration pause = PeerBook::kFirstBackOff;
  for (int failures = 0; failures < 20; ++failures) {
    book.DialFailed(Peer(1), address, false);
    simulation.RunFor(pause - absl::Milliseconds(1));
    EXPECT_TRUE(book.DialOrder(to).empty()) << failures;
    simulation.RunFor(absl::Milliseconds(1));
    EXPECT_EQ(book.DialOrder(to).size(), 1u) << failures;
    pause = std::min(2 * pause, PeerBook::kLongestBackOff);
  }
  book.DialFailed(Peer(1), address, false);
  book.Seen(Peer(1));
  EXPECT_EQ(book.DialOrder(to).size(), 1u);
}

TEST_F(PeerBookTest, WhoIsAloneTriesEverybodyAgainSoon) {
  const Multiaddr address = Address("/memory/1");
  const PeerInfo to{Peer(1), {address}};
  for (int failures = 0; failures < 20; ++failures) book.DialFailed(Peer(1), address, false);
  simulation.RunFor(PeerBook::kLongestAlone - absl::Milliseconds(1));
  EXPECT_TRUE(book.DialOrder(to, /*alone=*/true).empty());
  simulation.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(book.DialOrder(to, /*alone=*/true).size(), 1u);
  EXPECT_TRUE(book.DialOrder(to).empty());
}

// As after a night in a suspended laptop.
TEST_F(PeerBookTest, WhoFailedWhileNobodyCouldBeReachedIsTriedAgainWhenAnyoneIs) {
  const Multiaddr address = Address("/memory/1");
  const auto may_be_dialled = [&](int peer) {
    return !book.DialOrder({Peer(peer), {address}}).empty();
  };
  const auto fail = [&](int peer) { book.DialFailed(Peer(peer), address, false); };
  for (int peer = 1; peer <= 3; ++peer) fail(peer);
  EXPECT_FALSE(may_be_dialled(1));
  book.DialSucceeded(Peer(9), address);
  for (int peer = 1; peer <= 3; ++peer) EXPECT_TRUE(may_be_dialled(peer)) << peer;

  // Some that are gone, among others that are there.
  for (int peer = 1; peer <= 4; ++peer) {
    fail(peer);
    if (peer == 2) book.SetIdentified(Peer(8), {});
  }
  book.SetIdentified(Peer(8), {});
  for (int peer = 1; peer <= 4; ++peer) EXPECT_FALSE(may_be_dialled(peer)) << peer;
}

TEST_F(PeerBookTest, DialsNearAddressesFirstAndNeverUnspecifiedOrMulticast) {
  const std::vector<Multiaddr> addresses = {
      Address("/ip4/198.51.100.1/tcp/1"), Address("/ip4/127.0.0.1/tcp/1"),
      Address("/ip4/0.0.0.0/tcp/1"),      Address("/ip4/224.0.0.1/tcp/1"),
      Address("/dns4/example.com/tcp/1"), Address("/ip4/192.168.1.1/tcp/1")};
  const std::vector<Multiaddr> order = {addresses[1], addresses[5], addresses[0], addresses[4]};
  EXPECT_EQ(book.DialOrder({Peer(1), addresses}), order);
}

TEST_F(PeerBookTest, QuantilesAreOfTheLastSamples) {
  EXPECT_FALSE(book.Rtt(Peer(1), 0.5).has_value());
  book.Seen(Peer(1));
  for (int i = 1; i <= 100; ++i) book.AddRtt(Peer(1), absl::Seconds(100));
  for (int i = 1; i <= 16; ++i) book.AddRtt(Peer(1), absl::Milliseconds(i));
  EXPECT_EQ(book.Rtt(Peer(1), 0.5), absl::Milliseconds(9));
  EXPECT_EQ(book.Rtt(Peer(1), 0.9), absl::Milliseconds(15));
  EXPECT_EQ(book.Rtt(Peer(1), 1), absl::Milliseconds(16));
}

TEST_F(PeerBookTest, KnownListsTheLatestSeenFirst) {
  book.DialSucceeded(Peer(1), Address("/memory/1"));
  simulation.RunFor(absl::Seconds(1));
  book.DialSucceeded(Peer(2), Address("/memory/2"));
  book.DialFailed(Peer(3), Address("/memory/3"), false);
  const std::vector<PeerInfo> known = book.Known(10);
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].id, Peer(2));
  EXPECT_EQ(book.Known(1).size(), 1u);
}

TEST_F(PeerBookTest, AddressesAreNotLearntOrToldOutsideTheirReach) {
  const Multiaddr loopback = Address("/ip4/127.0.0.1/tcp/1");
  const Multiaddr lan = Address("/ip4/10.0.0.1/tcp/1");
  const Multiaddr internet = Address("/ip4/198.51.100.1/tcp/1");
  for (const Multiaddr& remote : {loopback, lan, internet}) {
    EXPECT_TRUE(UsableOver(remote, internet));
    EXPECT_TRUE(UsableOver(remote, Address("/dns4/example.com/tcp/1")));
    EXPECT_FALSE(UsableOver(remote, Address("/ip4/0.0.0.0/tcp/1")));
    EXPECT_FALSE(UsableOver(remote, Address("/ip6/ff02::1/tcp/1")));
  }
  EXPECT_TRUE(UsableOver(loopback, loopback));
  EXPECT_TRUE(UsableOver(loopback, lan));
  EXPECT_FALSE(UsableOver(lan, loopback));
  EXPECT_TRUE(UsableOver(lan, lan));
  EXPECT_FALSE(UsableOver(internet, loopback));
  EXPECT_FALSE(UsableOver(internet, lan));
}

}  // namespace
}  // namespace l2p
