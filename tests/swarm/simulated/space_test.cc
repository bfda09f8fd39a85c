// Leases, removal at the holders, pins, and what peers that misbehave get.
#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernel/network/leases.pb.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testkit::TestBytes;

constexpr size_t kUploader = 1;

Content::PutOptions LeasedFor(const std::string& lease) {
  Content::PutOptions options = SimSwarm::SmallChunks();
  options.lease = lease;
  return options;
}

size_t HeldGroupsBut(SimSwarm& swarm, size_t but) {
  size_t held = 0;
  for (size_t i = 0; i < swarm.size(); ++i) {
    if (i != but && swarm.runs(i)) held += swarm.node(i).GetStatus().held_groups;
  }
  return held;
}

TEST(Lease, EndsWhenTheOwnerIsGone) {
  SimSwarm swarm({.nodes = 6});
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, 200'000), LeasedFor("6h"));
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(swarm.Holders(put->id, kUploader).size(), 3u);
    swarm.Stop(kUploader);
    swarm.simulation().Sleep(absl::Hours(5));
    EXPECT_EQ(swarm.Holders(put->id, kUploader).size(), 3u);
    swarm.simulation().Sleep(absl::Hours(2));
    EXPECT_THAT(swarm.Holders(put->id, kUploader), IsEmpty());
    EXPECT_EQ(HeldGroupsBut(swarm, kUploader), 0u);
  });
}

TEST(Lease, IsRenewedWhileTheOwnersNodeRuns) {
  SimSwarm swarm({.nodes = 6, .settings = {"placement.max_lease=6h"}});
  swarm.Run([&] {
    // Each holder gives less than is asked.
    const auto put = swarm.Put(kUploader, TestBytes(1, 200'000), LeasedFor("12h"));
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.simulation().Sleep(absl::Hours(20));
    EXPECT_EQ(swarm.Holders(put->id, kUploader).size(), 3u);
    swarm.Stop(kUploader);
    swarm.simulation().Sleep(absl::Hours(8));
    EXPECT_THAT(swarm.Holders(put->id, kUploader), IsEmpty());
  });
}

TEST(Lease, MustBeATime) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    const auto put = swarm.Put(0, TestBytes(1, 1000), LeasedFor("soon"));
    EXPECT_TRUE(absl::IsInvalidArgument(put.status())) << put.status();
    swarm.Stop(0);
    swarm.ChangeSettings(0, {"placement.lease=-3d"});
    const absl::Status started = swarm.TryStart(0);
    EXPECT_TRUE(absl::StrContains(started.message(), "placement.lease")) << started;
  });
}

TEST(Removal, EndsTheLeasesAtTheHoldersAndLeavesWhatOthersShare) {
  SimSwarm swarm({.nodes = 4});
  swarm.Run([&] {
    const std::string shared = TestBytes(1, 100'000);
    const auto put = swarm.Put(kUploader, shared);
    const auto other = swarm.Put(2, shared);
    const auto gone = swarm.Put(kUploader, TestBytes(2, 100'000));
    ASSERT_TRUE(put.ok() && other.ok() && gone.ok());
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 2u);
    ASSERT_TRUE(swarm.node(kUploader).content().Remove(put->id.ToString()).ok());
    ASSERT_TRUE(swarm.node(kUploader).content().Remove(gone->id.ToString()).ok());
    swarm.simulation().Sleep(absl::Minutes(1));
    EXPECT_THAT(swarm.Holders(gone->id, kUploader), IsEmpty());
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 1u);
    EXPECT_EQ(swarm.Get(3, put->id, true)->lone(), shared);
  });
}

void ExpectTold(Duration away, Duration soon_after) {
  SimSwarm swarm({.nodes = 4});
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, 100'000));
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.Stop(3);
    ASSERT_TRUE(swarm.node(kUploader).content().Remove(put->id.ToString()).ok());
    swarm.simulation().Sleep(away);
    swarm.Start(3);
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 1u);
    swarm.simulation().Sleep(soon_after);
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 0u);
  });
}

TEST(Removal, ReachesAHolderThatWasAway) { ExpectTold(absl::Minutes(10), absl::Hours(3)); }

TEST(Removal, ReachesAHolderThatWasAwayForLongerThanWhatItProvidesIsRemembered) {
  ExpectTold(absl::Hours(80), absl::Hours(7));
}

TEST(Removal, IsRememberedWhenThePowerGoes) {
  SimSwarm swarm({.nodes = 4});
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, 100'000));
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.network().SetFate(3, testkit::SimNetwork::Fate::kFrozen);
    ASSERT_TRUE(swarm.node(kUploader).content().Remove(put->id.ToString()).ok());
    swarm.CutPower(kUploader);
    swarm.network().SetFate(3, testkit::SimNetwork::Fate::kUp);
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 1u);
    swarm.Start(kUploader);
    EXPECT_TRUE(swarm.node(kUploader).content().Files()->empty());
    swarm.simulation().Sleep(absl::Hours(3));
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 0u);
  });
}

TEST(Removal, IsToldThoughTheDiskDoesNotLetGoOfABlock) {
  SimSwarm swarm({.nodes = 4});
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, 100'000));
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.disk(kUploader).FailNth(testkit::DiskOp::kWrite, 1,
                                  absl::UnavailableError("input/output error"));
    const absl::Status removed = swarm.node(kUploader).content().Remove(put->id.ToString());
    EXPECT_THAT(std::string(removed.message()), HasSubstr("input/output error"));
    swarm.simulation().Sleep(absl::Minutes(1));
    EXPECT_THAT(swarm.Holders(put->id, kUploader), IsEmpty());
  });
}

// What a peer says to a holder about a group that is another's.
class ForgedRemoval : public testing::Test {
 protected:
  // Sends a request signed by `signer` in the name of `named`, meant for `meant`.
  std::string Send(SimSwarm& swarm, const Identity& signer, ByteView named, const PeerId& meant,
                   const Multihash& group, Duration age) {
    wire::LeaseWish wish;
    wish.add_group(group.bytes());
    wish.set_end(true);
    wish.set_holder(meant.bytes());
    wish.set_issued_seconds(
        static_cast<uint64_t>(absl::ToUnixSeconds(swarm.simulation().Now() - age)));
    wire::LeaseRequest request;
    request.set_wish(wish.SerializeAsString());
    request.set_owner_key(std::string(AsText(named)));
    const std::string text = "l2p-lease:" + request.wish();
    request.set_signature(*signer.Sign(AsBytes(text)));
    const auto messenger = swarm.node(2).network().NewMessenger();
    const auto calls = messenger->NewCalls();
    const Time deadline = swarm.simulation().Now() + absl::Seconds(10);
    calls->Send(swarm.node(3).self(), "/l2p/leases/1.0.0", Bytes::Copy(request.SerializeAsString()),
                1 << 16, deadline);
    const auto heard = calls->Next(deadline);
    if (!heard || !heard->result.ok()) return "no answer";
    wire::LeaseAnswer answer;
    answer.ParseFromString(std::string(heard->result->text()));
    if (!answer.refusal().empty()) return answer.refusal();
    return answer.group(0).held() ? "ended" : "not held";
  }

  std::unique_ptr<Identity> KeyOf(SimSwarm& swarm, size_t i) {
    const auto key = ReadFile(swarm.runtime(i).folder(), "identity.key", 4096);
    return *swarm.node(i).crypto().OpenIdentity(AsBytes(*key));
  }
};

TEST_F(ForgedRemoval, IsRefused) {
  SimSwarm swarm({.nodes = 4});
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, 50'000));
    ASSERT_TRUE(put.ok()) << put.status();
    const std::unique_ptr<Identity> owner = KeyOf(swarm, kUploader);
    const std::unique_ptr<Identity> thief = KeyOf(swarm, 2);
    const PeerId holder = swarm.node(3).self().id;
    const Multihash& group = put->id.hash();
    const Duration now = absl::ZeroDuration();
    EXPECT_EQ(Send(swarm, *thief, thief->public_key(), holder, group, now), "not held");
    EXPECT_EQ(Send(swarm, *thief, owner->public_key(), holder, group, now),
              "the signature is not the owner's");
    EXPECT_EQ(Send(swarm, *owner, owner->public_key(), swarm.node(0).self().id, group, now),
              "it is meant for another");
    EXPECT_EQ(Send(swarm, *owner, owner->public_key(), holder, group, absl::Hours(1)),
              "it is not of now: is a clock wrong?");
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 1u);
    EXPECT_EQ(Send(swarm, *owner, owner->public_key(), holder, group, now), "ended");
    EXPECT_EQ(swarm.node(3).GetStatus().held_groups, 0u);
  });
}

TEST(Pin, KeepsWhatIsPinnedUntilItIsNot) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    const std::string bytes = TestBytes(1, 100'000);
    const auto put = swarm.Put(kUploader, bytes);
    ASSERT_TRUE(put.ok()) << put.status();
    Content& content = swarm.node(kUploader).content();
    ASSERT_TRUE(content.Pin(put->id).ok());
    EXPECT_EQ(content.Pins()->size(), 1u);
    const absl::Status removed = content.Remove(put->id.ToString());
    EXPECT_TRUE(absl::IsFailedPrecondition(removed)) << removed;
    EXPECT_TRUE(absl::StrContains(removed.message(), "l2p pin rm")) << removed;
    ASSERT_TRUE(content.Unpin(put->id).ok());
    EXPECT_TRUE(absl::IsNotFound(content.Unpin(put->id)));
    EXPECT_TRUE(content.Remove(put->id.ToString()).ok());

    // What is somebody else's is fetched, and is no file of this node.
    const auto theirs = swarm.Put(2, bytes);
    ASSERT_TRUE(theirs.ok()) << theirs.status();
    const size_t reader = swarm.AddNode();
    swarm.simulation().Sleep(absl::Seconds(30));
    Content& pinning = swarm.node(reader).content();
    ASSERT_TRUE(pinning.Pin(theirs->id).ok());
    EXPECT_TRUE(pinning.Files()->empty());
    EXPECT_EQ(swarm.node(reader).collector().Collect()->blocks, 0u);
    EXPECT_EQ(swarm.Get(reader, theirs->id, true)->lone(), bytes);
    ASSERT_TRUE(pinning.Unpin(theirs->id).ok());
    EXPECT_EQ(swarm.node(reader).GetStatus().store.blocks, 0u);
    swarm.simulation().Sleep(absl::Minutes(5));
    EXPECT_EQ(swarm.Get(0, theirs->id)->lone(), bytes) << "unpinning ends nobody's lease";
  });
}

TEST(Pin, IsKeptWhenThePowerGoes) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    const auto put = swarm.Put(0, TestBytes(1, 100'000), SimSwarm::Local());
    ASSERT_TRUE(put.ok()) << put.status();
    ASSERT_TRUE(swarm.node(0).content().Pin(put->id).ok());
    swarm.CutPower(0);
    swarm.Start(0);
    EXPECT_EQ(swarm.node(0).content().Pins()->size(), 1u);
    EXPECT_TRUE(swarm.node(0).content().Files()->front().pinned);
    EXPECT_EQ(swarm.Get(0, put->id, true)->lone(), TestBytes(1, 100'000));
  });
}

// A9: wrong bytes once, and a peer is asked no more while others have the block.
TEST(WrongBytes, MakeAPeerShunnedUntilThatHasFaded) {
  // Without a keeper, whose audits would find the liars again and again.
  SimSwarm swarm({.nodes = 5,
                  .settings = {"service.plugin="},
                  .of_node = {{2, {"storage.plugin=lying"}}, {3, {"storage.plugin=lying"}}},
                  .plugins = {&kLyingStore}});
  swarm.Run([&] {
    std::vector<Cid> ids;
    for (int i = 0; i < 4; ++i) {
      const auto put = swarm.Put(kUploader, TestBytes(i, 1 << 20));
      ASSERT_TRUE(put.ok()) << put.status();
      ids.push_back(put->id);
    }
    const size_t reader = swarm.AddNode();
    swarm.simulation().Sleep(absl::Seconds(30));
    PeerScores& scores = swarm.node(reader).scores();
    const PeerId liars[] = {swarm.node(2).self().id, swarm.node(3).self().id};
    const auto is_shunned = [&](const PeerId& liar) { return scores.Shuns(liar); };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(swarm.Get(reader, ids[i])->lone(), TestBytes(i, 1 << 20));
    EXPECT_TRUE(std::any_of(std::begin(liars), std::end(liars), is_shunned))
        << "no liar was asked: this test shows nothing";
    const auto got = swarm.Get(reader, ids[3]);
    EXPECT_EQ(got->lone(), TestBytes(3, 1 << 20));
    for (const Exchange::Served& served : got->served) {
      EXPECT_EQ(served.blocks > 0, scores.Find(served.peer).served_bytes > 0);
      const bool known = is_shunned(served.peer) && scores.Find(served.peer).wrong > served.bad;
      EXPECT_FALSE(known) << "asked again although others have it";
    }
    swarm.simulation().Sleep(absl::Hours(48));
    EXPECT_FALSE(std::any_of(std::begin(liars), std::end(liars), is_shunned));
  });
}

// A8: one identity pushes ten times what it may.
TEST(StorageSpam, LeavesNoMoreThanAPeersShareAndTheOthersUnharmed) {
  SimSwarm swarm({.nodes = 4,
                  .settings = {"placement.quota_per_peer=1MiB"},
                  .of_node = {{kUploader, {"storage.quota=100MiB"}}}});
  swarm.Run([&] {
    const std::string others = TestBytes(99, 300'000);
    const auto friendly = swarm.Put(2, others);
    ASSERT_TRUE(friendly.ok()) << friendly.status();
    const uint64_t before = swarm.node(3).GetStatus().store.bytes;
    std::string shortfall;
    for (int i = 0; i < 20; ++i) {
      const auto put = swarm.Put(kUploader, TestBytes(i, 512 << 10));
      ASSERT_TRUE(put.ok()) << put.status();
      if (!put->shortfall.empty()) shortfall = put->shortfall;
      EXPECT_LE(swarm.node(3).GetStatus().store.bytes, before + (1 << 20));
    }
    EXPECT_TRUE(absl::StrContains(shortfall, "placement.quota_per_peer")) << shortfall;
    EXPECT_GT(swarm.node(3).GetStatus().store.bytes, before);
    EXPECT_EQ(swarm.Get(3, friendly->id, true)->lone(), others);
    const auto later = swarm.Put(2, TestBytes(98, 300'000));
    ASSERT_TRUE(later.ok()) << later.status();
    EXPECT_EQ(later->shortfall, "");
  });
}

// A8: 1 M tiny blocks, in their short form.
TEST(StorageSpam, OfTinyBlocksEndsAtTheirNumber) {
  SimSwarm swarm({.nodes = 3, .settings = {"placement.blocks_per_peer=2000"}});
  swarm.Run([&] {
    Content::PutOptions tiny;
    tiny.chunker = "fixed:1KiB";
    std::string shortfall;
    for (int i = 0; i < 6; ++i) {
      const auto put = swarm.Put(kUploader, TestBytes(i, 600 << 10), tiny);
      ASSERT_TRUE(put.ok()) << put.status();
      shortfall = put->shortfall;
    }
    EXPECT_TRUE(absl::StrContains(shortfall, "placement.blocks_per_peer")) << shortfall;
    EXPECT_LE(swarm.node(2).GetStatus().store.blocks, 2000u);
  });
}

}  // namespace
}  // namespace l2p
