// Stored means stored: objects outlive any of their holders that the redundancy allows to go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "l2p/group_record.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/sim_swarm.h"
#include "tests/swarm/simulated/slow_router.h"

namespace l2p {
namespace {

using testing::HasSubstr;
using testkit::TestBytes;

Content::PutOptions Coded(const char* redundancy) {
  Content::PutOptions options = SimSwarm::SmallChunks();
  options.redundancy = redundancy;
  options.receipts = true;
  return options;
}

// The nodes that have signed for the put's one group.
std::vector<size_t> HoldersOf(SimSwarm& swarm, const Content::PutResult& put) {
  std::vector<size_t> holders;
  for (const std::string& bytes : put.outcome->receipts) {
    const auto receipt = OpenReceipt(swarm.node(0).crypto(), AsBytes(bytes));
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_EQ(receipt->group, put.id.hash());
    holders.push_back(swarm.NodeOf(*receipt->holder()));
  }
  return holders;
}

// A running node that is no holder and did not put, to read with.
size_t Reader(SimSwarm& swarm, const std::vector<size_t>& holders) {
  for (size_t i = 0;; ++i) {
    const bool holds = std::find(holders.begin(), holders.end(), i) != holders.end();
    if (swarm.runs(i) && !holds) return i;
  }
}

void KillAll(SimSwarm& swarm, std::span<const size_t> nodes) {
  for (const size_t node : nodes) swarm.Kill(node);
}

TEST(CodedSwarm, SixteenOfTwentyFourHoldersMayGoAndNoMore) {
  SimSwarm swarm({.nodes = 41});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 900'000);
    const auto put = swarm.Put(40, content, Coded("rs:8/24"));
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(put->safe, "any 16 of 24 holders may leave");
    const std::vector<size_t> holders = HoldersOf(swarm, *put);
    ASSERT_EQ(holders.size(), 24u);
    EXPECT_EQ(std::count(holders.begin(), holders.end(), 40), 0) << "the uploader never counts";
    swarm.Kill(40);
    KillAll(swarm, std::span(holders).first(16));
    const auto got = swarm.Get(Reader(swarm, holders), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
    swarm.Kill(holders[16]);
    const auto lost = swarm.Get(Reader(swarm, holders), put->id);
    EXPECT_EQ(lost.status().code(), absl::StatusCode::kUnavailable) << lost.status();
    EXPECT_THAT(std::string(lost.status().message()), HasSubstr("7 of 8 pieces"));
  });
}

// Who is found first has too few pieces, and says so before the next is found.
TEST(CodedSwarm, AReaderWaitsForEnoughPiecesWhileItsSearchGoesOn) {
  constexpr size_t kReader = 13;
  SimSwarm swarm(
      {.nodes = 14, .of_node = {{kReader, {"routing.plugin=slow"}}}, .plugins = {&kSlowRouter}});
  swarm.Run([&] {
    const std::string content = TestBytes(3, 300'000);
    const auto put = swarm.Put(12, content, Coded("rs:3/9"));
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.Kill(12);
    const auto got = swarm.Get(kReader, put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

// How long a reader on a link of so many bytes a second takes for what 24 holders have, of whom the
// first may be gone.
Duration GetOverSlowLink(size_t size, uint64_t bandwidth, bool first_is_gone) {
  constexpr size_t kReader = 25;
  Duration took = absl::InfiniteDuration();
  SimSwarm swarm({.nodes = 26});
  swarm.Run([&] {
    const std::string content = TestBytes(4, size);
    Content::PutOptions how = Coded("rs:8/24");
    how.chunker = "fixed:64KiB";
    const auto put = swarm.Put(24, content, how);
    ASSERT_TRUE(put.ok()) << put.status();
    std::vector<size_t> holders = HoldersOf(swarm, *put);
    std::erase(holders, kReader);
    swarm.Kill(24);
    if (first_is_gone) swarm.Kill(holders.front());
    swarm.network().SetBandwidth(kReader, bandwidth, bandwidth);
    const auto got = swarm.Get(kReader, put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
    took = got->took;
  });
  return took;
}

// Its link is what makes all holders late: none of them is to blame, or given up.
TEST(CodedSwarm, AReaderOnASlowLinkGetsAllFromManyHolders) {
  EXPECT_LE(GetOverSlowLink(1'200'000, 100'000, /*first_is_gone=*/false), absl::Seconds(25))
      << "12 s of transfer, and what was asked for twice";
}

// What is restored is fetched before the rest of the file, and waited for as long as that comes.
TEST(CodedSwarm, AReaderOnASlowLinkRestoresWhatAnAbsentHolderHad) {
  EXPECT_LE(GetOverSlowLink(15'000'000, 150'000, /*first_is_gone=*/true), absl::Seconds(240))
      << "100 s of transfer; restored stripes come twice";
}

TEST(CodedSwarm, OneOfThreeCopiesIsEnough) {
  SimSwarm swarm({.nodes = 12});
  swarm.Run([&] {
    const std::string content = TestBytes(2, 300'000);
    const auto put = swarm.Put(11, content, Coded("copies:3"));
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->safe, "any 2 of 3 holders may leave");
    const std::vector<size_t> holders = HoldersOf(swarm, *put);
    ASSERT_EQ(holders.size(), 3u);
    swarm.Kill(11);
    KillAll(swarm, std::span(holders).first(2));
    const auto got = swarm.Get(Reader(swarm, holders), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
    swarm.Kill(holders[2]);
    EXPECT_FALSE(swarm.Get(Reader(swarm, holders), put->id).ok());
  });
}

TEST(CodedSwarm, FilesOfAnySizeComeBackFromTheFewestHolders) {
  for (const size_t size : {0, 1, 16 * 1024, 16 * 1024 + 1, 40'000, 262'145}) {
    SCOPED_TRACE(size);
    SimSwarm swarm({.nodes = 14});
    swarm.Run([&] {
      const std::string content = TestBytes(size, size);
      const auto put = swarm.Put(13, content, Coded("rs:3/9"));
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(put->shortfall, "");
      const std::vector<size_t> holders = HoldersOf(swarm, *put);
      EXPECT_EQ(holders.size(), size <= 16 * 1024 ? 7u : 9u);
      swarm.Kill(13);
      KillAll(swarm, std::span(holders).first(6));
      const auto got = swarm.Get(Reader(swarm, holders), put->id);
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(got->lone(), content);
    });
  }
}

TEST(CodedSwarm, AHolderThatGivesWrongPiecesIsLeftAndTheRestRestored) {
  SimSwarm::Options options{.nodes = 14, .plugins = {&kLyingStore}};
  for (const size_t liar : {2, 5, 7}) options.of_node[liar] = {"storage.plugin=lying"};
  SimSwarm swarm(options);
  swarm.Run([&] {
    const std::string content = TestBytes(3, 400'000);
    const auto put = swarm.Put(13, content, Coded("rs:4/12"));
    ASSERT_TRUE(put.ok()) << put.status();
    const std::vector<size_t> holders = HoldersOf(swarm, *put);
    EXPECT_EQ(holders.size(), 12u);
    swarm.Kill(13);
    const auto got = swarm.Get(Reader(swarm, holders), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(CodedSwarm, ChangesTheRedundancyOfAnObjectInTheBackground) {
  SimSwarm swarm({.nodes = 16});
  swarm.Run([&] {
    const std::string content = TestBytes(4, 300'000);
    const auto put = swarm.Put(15, content, Coded("copies:2"));
    ASSERT_TRUE(put.ok()) << put.status();
    const std::vector<size_t> holders = HoldersOf(swarm, *put);
    EXPECT_FALSE(swarm.node(15).content().ChangeRedundancy(put->id.ToString(), "rs:9").ok());
    EXPECT_FALSE(swarm.node(15).content().ChangeRedundancy("nothing", "rs:3/9").ok());
    ASSERT_TRUE(swarm.node(15).content().ChangeRedundancy(put->id.ToString(), "rs:3/9").ok());
    const auto redundancy = [&] { return swarm.node(15).content().Files()->at(0).redundancy; };
    for (int i = 0; i < 100 && redundancy() != "rs:3/9"; ++i) {
      swarm.simulation().Sleep(absl::Seconds(1));
    }
    EXPECT_EQ(redundancy(), "rs:3/9");
    swarm.Kill(15);
    KillAll(swarm, holders);
    const auto got = swarm.Get(Reader(swarm, holders), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(CodedSwarm, KnowsTheHealthOfWhatWasJustPut) {
  SimSwarm swarm({.nodes = 14});
  swarm.Run([&] {
    const auto put = swarm.Put(13, TestBytes(5, 300'000), Coded("rs:4/12"));
    ASSERT_TRUE(put.ok()) << put.status();
    const auto health = swarm.node(13).CheckHealth(put->id);
    ASSERT_TRUE(health.ok()) << health.status();
    EXPECT_EQ(health->verdict, Health::Verdict::kHealthy);
    EXPECT_EQ(health->groups.at(0).live, 12u);
  });
}

// The keepers of the holders rebuild what is lost, so that in time an object outlives all of those
// that were asked first.
TEST(CodedSwarm, OutlivesItsUploaderAndAllItsFirstHolders) {
  SimSwarm swarm({.nodes = 24});
  swarm.Run([&] {
    const std::string content = TestBytes(6, 300'000);
    const auto put = swarm.Put(23, content, Coded("rs:4/12"));
    ASSERT_TRUE(put.ok()) << put.status();
    const std::vector<size_t> holders = HoldersOf(swarm, *put);
    ASSERT_EQ(holders.size(), 12u);
    swarm.simulation().Sleep(absl::Minutes(30));
    swarm.Kill(23);
    KillAll(swarm, {holders.begin(), holders.begin() + 6});
    swarm.simulation().Sleep(absl::Hours(12));
    KillAll(swarm, {holders.begin() + 6, holders.end()});
    const auto got = swarm.Get(Reader(swarm, holders), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(CodedSwarm, GrowsTenfoldAndLosesHalfOfTheFirstNodes) {
  // Newcomers close to a group hear of its holders when these announce themselves again.
  SimSwarm swarm({.nodes = 20, .settings = {"routing.kademlia.provide_again=5m"}});
  swarm.Run([&] {
    std::vector<std::pair<Cid, std::string>> objects;
    for (size_t i = 0; i < 50; ++i) {
      objects.emplace_back(Cid(), TestBytes(i, 1000 + 2000 * i));
      const auto put = swarm.Put(i % 20, objects.back().second, Coded("auto"));
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(put->outcome->redundancy.ToString(), "rs:6/18");
      objects.back().first = put->id;
    }
    while (swarm.size() < 200) swarm.AddNode();
    swarm.simulation().Sleep(absl::Minutes(6));
    for (size_t i = 1; i <= 10; ++i) swarm.Kill(i);
    for (size_t i = 0; i < objects.size(); ++i) {
      const auto got = swarm.Get(20 + 3 * i, objects[i].first);
      ASSERT_TRUE(got.ok()) << i << ": " << got.status();
      EXPECT_EQ(got->lone(), objects[i].second);
    }
  });
}

}  // namespace
}  // namespace l2p
