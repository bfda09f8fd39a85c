// What a server answers, to whom it listens, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>

#include "kad_world.h"

namespace l2p::testkit {
namespace {

using kademlia::Decode;
using kademlia::Encode;
using kademlia::Message;
using kademlia::MessageType;

constexpr char kProtocol[] = "/l2p/kad/1.0.0";

class ResponderTest : public ::testing::Test {
 protected:
  // A swarm of `size`; the last node speaks for itself, as any program might.
  void InSwarm(size_t size, const std::function<void(KadWorld&)>& body) {
    Simulation simulation(1);
    simulation.Run([&] {
      KadWorld world(simulation,
                     [](KademliaRouter::Options& options) { options.store.most_of_key = 3; });
      world.Grow(size);
      body(world);
    });
  }

  static absl::StatusOr<Bytes> AskRaw(KadWorld& world, size_t from, size_t to, std::string bytes) {
    const std::unique_ptr<Calls> calls = world.messenger(from).NewCalls();
    calls->Send(world.peer(to), kProtocol, Bytes::Of(std::move(bytes)), 1 << 20,
                world.In(absl::Seconds(10)));
    std::optional<Calls::Answer> answer = calls->Next(world.In(absl::Seconds(11)));
    if (!answer) return absl::DeadlineExceededError("no answer");
    return std::move(answer->result);
  }

  static absl::StatusOr<Message> Ask(KadWorld& world, size_t from, size_t to, Message request) {
    L2P_ASSIGN_OR_RETURN(const Bytes bytes, AskRaw(world, from, to, Encode(request)));
    return Decode(bytes.view());
  }

  static void TellProvider(KadWorld& world, size_t from, size_t to, const std::string& key,
                           const PeerInfo& provider) {
    const Message message{
        .type = MessageType::kAddProvider, .key = key, .closer = {}, .providers = {provider}};
    ASSERT_TRUE(world.messenger(from)
                    .Tell(world.peer(to), kProtocol, {{Bytes::Of(Encode(message))}},
                          world.In(absl::Seconds(10)))
                    .ok());
    world.simulation().Sleep(absl::Seconds(1));
  }

  static size_t CountProviders(KadWorld& world, size_t at, const Multihash& key) {
    const auto answer = Ask(
        world, 0, at,
        {.type = MessageType::kGetProviders, .key = key.bytes(), .closer = {}, .providers = {}});
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->providers.size() : 0;
  }
};

TEST_F(ResponderTest, NamesTheClosestServersButNotTheAsker) {
  InSwarm(40, [](KadWorld& world) {
    const auto answer = Ask(
        world, 3, 9,
        {.type = MessageType::kFindNode, .key = TestKey(1).bytes(), .closer = {}, .providers = {}});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->type, MessageType::kFindNode);
    EXPECT_EQ(answer->closer.size(), 20u);
    for (const PeerInfo& peer : answer->closer) {
      EXPECT_NE(peer.id, world.peer(3).id);
      EXPECT_NE(peer.id, world.peer(9).id);
      EXPECT_FALSE(peer.addresses.empty());
    }
  });
}

TEST_F(ResponderTest, PutsAPeerThatIsAskedForFirst) {
  InSwarm(30, [](KadWorld& world) {
    for (const size_t wanted : {9u, 3u, 5u}) {  // Itself, the asker, another.
      const auto answer = Ask(world, 3, 9,
                              {.type = MessageType::kFindNode,
                               .key = world.peer(wanted).id.bytes(),
                               .closer = {},
                               .providers = {}});
      ASSERT_TRUE(answer.ok()) << answer.status();
      ASSERT_FALSE(answer->closer.empty());
      EXPECT_EQ(answer->closer[0], world.peer(wanted));
      EXPECT_LE(answer->closer.size(), 20u);
    }
  });
}

TEST_F(ResponderTest, NamesItselfAsProviderOfWhatItProvides) {
  InSwarm(2, [](KadWorld& world) {
    ASSERT_TRUE(world.router(1).Provide({{TestKey(1)}}, world.In(absl::Minutes(1))).ok());
    EXPECT_EQ(CountProviders(world, 1, TestKey(1)), 1u);
    world.router(1).Withdraw({{TestKey(1)}});
    EXPECT_EQ(CountProviders(world, 1, TestKey(1)), 0u);
  });
}

TEST_F(ResponderTest, KeepsARecordOfItsSenderOnly) {
  InSwarm(4, [](KadWorld& world) {
    const Multihash key = TestKey(1);
    TellProvider(world, 2, 1, key.bytes(), world.peer(3));
    EXPECT_EQ(CountProviders(world, 1, key), 0u);
    TellProvider(world, 2, 1, key.bytes(), {world.peer(2).id, {}});
    EXPECT_EQ(CountProviders(world, 1, key), 0u);
    TellProvider(world, 2, 1, key.bytes(), world.peer(2));
    EXPECT_EQ(CountProviders(world, 1, key), 1u);
  });
}

TEST_F(ResponderTest, RefusesKeysThatAreNoMultihash) {
  InSwarm(2, [](KadWorld& world) {
    for (const std::string& key : {std::string(), std::string("abc"), std::string(81, 'x')}) {
      TellProvider(world, 0, 1, key, world.peer(0));
      EXPECT_FALSE(
          Ask(world, 0, 1,
              {.type = MessageType::kGetProviders, .key = key, .closer = {}, .providers = {}})
              .ok());
    }
    EXPECT_FALSE(
        Ask(world, 0, 1, {.type = MessageType::kFindNode, .key = "", .closer = {}, .providers = {}})
            .ok());
  });
}

TEST_F(ResponderTest, KeepsNoMoreRecordsOfAKeyThanItsCap) {
  InSwarm(8, [](KadWorld& world) {
    for (size_t i = 2; i < 8; ++i) TellProvider(world, i, 1, TestKey(1).bytes(), world.peer(i));
    EXPECT_EQ(CountProviders(world, 1, TestKey(1)), 3u);
  });
}

TEST_F(ResponderTest, EchoesPingsAndRefusesValues) {
  InSwarm(2, [](KadWorld& world) {
    const auto echo = AskRaw(world, 0, 1, "\x08\x05");
    ASSERT_TRUE(echo.ok()) << echo.status();
    EXPECT_EQ(echo->text(), "\x08\x05");
    EXPECT_FALSE(AskRaw(world, 0, 1, "\x12\x03/pk").ok());
    const auto value =
        Ask(world, 0, 1,
            {.type = MessageType::kGetValue, .key = "/pk/x", .closer = {}, .providers = {}});
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(value->key, "/pk/x");
  });
}

TEST_F(ResponderTest, GoesOnAfterRubbish) {
  InSwarm(2, [](KadWorld& world) {
    for (const char* rubbish : {"", "\xff\xff\xff\xff", "\x08\x09", "\x12\xff\x01"}) {
      EXPECT_FALSE(AskRaw(world, 0, 1, rubbish).ok());
    }
    EXPECT_TRUE(AskRaw(world, 0, 1, "\x08\x05").ok());
  });
}

}  // namespace
}  // namespace l2p::testkit
