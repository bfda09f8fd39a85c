#include "provider_store.h"

#include <gtest/gtest.h>

#include "kad_world.h"
#include "l2p/testkit/memory_disk.h"

namespace l2p::kademlia {
namespace {

using testkit::TestKey;
using testkit::TestPeerAt;

const Time kStart = absl::FromUnixSeconds(1'700'000'000);

class ProviderStoreTest : public ::testing::Test {
 protected:
  State& state() { return **disk_.OpenState("kademlia"); }
  static size_t Count(const ProviderStore& store, uint64_t key, Time now = kStart) {
    return store.Get(TestKey(key).bytes(), 0, 10'000, now).size();
  }
  static absl::Status Add(ProviderStore& store, uint64_t key, uint64_t peer, Time now = kStart) {
    return store.Add(TestKey(key).bytes(), TestPeerAt(peer, "1.2.3.4"), now);
  }

  testkit::MemoryDisk disk_;
};

TEST_F(ProviderStoreTest, GivesBackWhatWasAdded) {
  ProviderStore store(state(), {});
  ASSERT_TRUE(Add(store, 1, 7).ok());
  const auto found = store.Get(TestKey(1).bytes(), 0, 10, kStart);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], TestPeerAt(7, "1.2.3.4"));
  EXPECT_EQ(Count(store, 2), 0u);
}

TEST_F(ProviderStoreTest, DoesNotGiveExpiredRecords) {
  ProviderStore store(state(), {.lifetime = absl::Hours(48)});
  ASSERT_TRUE(Add(store, 1, 7).ok());
  EXPECT_EQ(Count(store, 1, kStart + absl::Hours(48) - absl::Seconds(1)), 1u);
  EXPECT_EQ(Count(store, 1, kStart + absl::Hours(48)), 0u);
}

TEST_F(ProviderStoreTest, RenewsARecordThatIsAnnouncedAgain) {
  ProviderStore store(state(), {.lifetime = absl::Hours(48)});
  ASSERT_TRUE(Add(store, 1, 7).ok());
  ASSERT_TRUE(Add(store, 1, 7, kStart + absl::Hours(22)).ok());
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(Count(store, 1, kStart + absl::Hours(69)), 1u);
}

TEST_F(ProviderStoreTest, KnowsTheLatestAddressesOfASenderForAllItsRecordsAlsoAfterARestart) {
  const Time later = kStart + absl::Hours(1);
  const auto address_of = [&](const ProviderStore& store, uint64_t key) {
    return store.Get(TestKey(key).bytes(), 0, 1, later)[0];
  };
  {
    ProviderStore store(state(), {});
    for (const uint64_t key : {1, 2, 3}) ASSERT_TRUE(Add(store, key, 7).ok());
    ASSERT_TRUE(store.Flush(kStart).ok());
    ASSERT_TRUE(store.Add(TestKey(2).bytes(), TestPeerAt(7, "5.6.7.8"), later).ok());
    ASSERT_TRUE(store.Flush(later).ok());
    for (const uint64_t key : {1, 2, 3}) {
      EXPECT_EQ(address_of(store, key), TestPeerAt(7, "5.6.7.8"));
    }
  }
  ProviderStore store(state(), {});
  ASSERT_TRUE(store.Load(later).ok());
  for (const uint64_t key : {1, 2, 3}) EXPECT_EQ(address_of(store, key), TestPeerAt(7, "5.6.7.8"));
}

TEST_F(ProviderStoreTest, RefusesMoreProvidersOfAKeyThanItsCap) {
  ProviderStore store(state(), {.most_of_key = 5});
  for (uint64_t peer = 0; peer < 5; ++peer) ASSERT_TRUE(Add(store, 1, peer).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Add(store, 1, 5)));
  EXPECT_TRUE(Add(store, 1, 3).ok());
  EXPECT_TRUE(Add(store, 2, 5).ok());
  EXPECT_EQ(Count(store, 1), 5u);
}

TEST_F(ProviderStoreTest, RefusesMoreRecordsThanItsCapAndAQuarterOfThemFromOneSender) {
  ProviderStore store(state(), {.most = 40});
  for (uint64_t key = 0; key < 10; ++key) ASSERT_TRUE(Add(store, key, 1).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Add(store, 10, 1)));
  for (uint64_t i = 0; i < 100; ++i) Add(store, i, 2 + i % 5).IgnoreError();
  EXPECT_EQ(store.size(), 40u);
  // What expires makes room.
  const Time later = kStart + absl::Hours(49);
  ASSERT_TRUE(store.Flush(later).ok());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(Add(store, 10, 1, later).ok());
}

TEST_F(ProviderStoreTest, KeepsFlushedRecordsAcrossARestart) {
  {
    ProviderStore store(state(), {});
    for (uint64_t key = 0; key < 2500; ++key) ASSERT_TRUE(Add(store, key, key % 7).ok());
    ASSERT_TRUE(store.Flush(kStart).ok());
  }
  ProviderStore store(state(), {});
  ASSERT_TRUE(store.Load(kStart).ok());
  EXPECT_EQ(store.size(), 2500u);
  const auto found = store.Get(TestKey(2499).bytes(), 0, 10, kStart);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], TestPeerAt(2499 % 7, "1.2.3.4"));
  EXPECT_EQ(Count(store, 1, kStart + absl::Hours(48)), 0u);
}

TEST_F(ProviderStoreTest, RemovesExpiredRecordsFromTheDisk) {
  const Time later = kStart + absl::Hours(49);
  {
    ProviderStore store(state(), {});
    ASSERT_TRUE(Add(store, 1, 1).ok());
    ASSERT_TRUE(Add(store, 2, 1).ok());
    ASSERT_TRUE(store.Flush(kStart).ok());
    ASSERT_TRUE(Add(store, 2, 1, later).ok());
    ASSERT_TRUE(store.Flush(later).ok());
  }
  EXPECT_EQ(state().Scan("provider/", "", 10)->size(), 1u);
  ProviderStore store(state(), {});
  ASSERT_TRUE(store.Load(later + absl::Hours(49)).ok());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(state().Scan("provider/", "", 10)->empty());
}

TEST_F(ProviderStoreTest, DropsRowsThatItCannotRead) {
  const std::vector<State::Change> rows = {{"provider/", "x"},
                                           {"provider/\x05"
                                            "ab",
                                            "x"},
                                           {"provider/\x02"
                                            "ab"
                                            "rubbish",
                                            "\x01\x02"}};
  ASSERT_TRUE(state().Commit(rows).ok());
  ProviderStore store(state(), {});
  ASSERT_TRUE(store.Load(kStart).ok());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(state().Scan("provider/", "", 10)->empty());
}

TEST_F(ProviderStoreTest, TurnsTheListForThoseWhoTakeAPart) {
  ProviderStore store(state(), {});
  for (uint64_t peer = 0; peer < 10; ++peer) ASSERT_TRUE(Add(store, 1, peer).ok());
  const auto first = store.Get(TestKey(1).bytes(), 0, 4, kStart);
  const auto second = store.Get(TestKey(1).bytes(), 14, 4, kStart);
  EXPECT_EQ(first.size(), 4u);
  EXPECT_EQ(second.size(), 4u);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace l2p::kademlia
