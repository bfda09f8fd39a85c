// Sessions of an Exchange against holders that answer late or never.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/network/exchange.h"
#include "kernel/network/group_records.h"
#include "kernel/network/groups.pb.h"
#include "l2p/coding.h"
#include "l2p/group_record.h"
#include "l2p/testkit/conformance.h"
#include "sim_peer.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

// What FindProviders gives for each key: the first at once, the others from a second later on.
class ListedProviders : public Router {
 public:
  explicit ListedProviders(testkit::Simulation& simulation) : simulation_(simulation) {}

  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t,
                                                               Time) override {
    return std::make_unique<Query>(simulation_, of[key]);
  }

  absl::Status Start(Messenger&, std::span<const PeerInfo>) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash&, size_t, Time) override {
    return std::vector<PeerInfo>();
  }
  absl::Status Provide(std::span<const Multihash>, Time) override { return absl::OkStatus(); }
  void Withdraw(std::span<const Multihash>) override {}
  absl::StatusOr<PeerInfo> FindPeer(const PeerId&, Time) override {
    return absl::NotFoundError("not asked for");
  }
  std::vector<PeerInfo> Known(size_t) override { return {}; }
  void Stop() override {}

  std::map<Multihash, std::vector<PeerInfo>> of;

 private:
  class Query : public ProviderQuery {
   public:
    Query(testkit::Simulation& simulation, std::vector<PeerInfo> peers)
        : simulation_(simulation), peers_(std::move(peers)) {}
    absl::StatusOr<std::optional<PeerInfo>> Next(Time) override {
      simulation_.Sleep(absl::Milliseconds(next_ == 1 ? 1000 : 10));
      return next_ < peers_.size() ? std::optional(peers_[next_++]) : std::nullopt;
    }

   private:
    testkit::Simulation& simulation_;
    const std::vector<PeerInfo> peers_;
    size_t next_ = 0;
  };

  testkit::Simulation& simulation_;
};

// Counts for each peer how many wait for a stream to it at once, and refuses streams to those that
// have no room.
class CountedOpens : public Messenger {
 public:
  explicit CountedOpens(Messenger& messenger) : messenger_(messenger) {}

  absl::StatusOr<std::unique_ptr<Stream>> Open(const PeerInfo& to, std::string_view protocol,
                                               Time deadline) override {
    Count& count = of[to.id];
    count.most = std::max(count.most, ++count.now);
    auto stream = messenger_.Open(to, protocol, deadline);
    --count.now;
    if (no_room.contains(to.id)) return absl::ResourceExhaustedError("too many streams are open");
    return stream;
  }

  std::unique_ptr<Calls> NewCalls() override { return messenger_.NewCalls(); }
  absl::Status Tell(const PeerInfo& to, std::string_view protocol, std::span<const Bytes> messages,
                    Time deadline) override {
    return messenger_.Tell(to, protocol, messages, deadline);
  }
  absl::StatusOr<std::unique_ptr<Registration>> Serve(std::string_view protocol, size_t most,
                                                      Handler handler) override {
    return messenger_.Serve(protocol, most, std::move(handler));
  }
  absl::StatusOr<std::unique_ptr<Registration>> ServeStreams(std::string_view protocol,
                                                             StreamHandler handler) override {
    return messenger_.ServeStreams(protocol, std::move(handler));
  }
  std::vector<PeerId> Connected() override { return messenger_.Connected(); }
  std::unique_ptr<Registration> Watch(PeerWatcher watcher) override {
    return messenger_.Watch(std::move(watcher));
  }
  PeerInfo Self() override { return messenger_.Self(); }

  struct Count {
    int now = 0;
    int most = 0;
  };
  std::map<PeerId, Count> of;
  std::set<PeerId> no_room;

 private:
  Messenger& messenger_;
};

// A node with blocks and an Exchange.
struct ExchangePeer : SimPeer {
  ExchangePeer(testkit::Simulation& simulation, testkit::SimNetwork& network,
               std::optional<Duration> rtt = std::nullopt)
      : SimPeer(simulation, network),
        opens(*messenger),
        providers(std::make_shared<ListedProviders>(simulation)),
        slot(providers),
        exchange(runtime, content.memory, content.blocks, slot, opens,
                 {scores, [rtt](const PeerId&) { return rtt; }, [] { return false; }}, TestCrypto(),
                 {}) {
    EXPECT_TRUE(exchange.Start().ok());
  }
  ~ExchangePeer() { exchange.Stop(); }

  // Stores a block of these bytes.
  Cid Put(const std::string& text) {
    const Bytes data = Bytes::Copy(text);
    const ByteView part = data;
    const Multihash id =
        *Multihash::FromDigest(HashCode::kSha2_256, TestCrypto().Sha256({&part, 1}));
    const Block block{id, data};
    absl::Status stored;
    content.store->Put({&block, 1}, {&stored, 1});
    EXPECT_TRUE(stored.ok()) << stored;
    return Cid(Codec::kRaw, id);
  }

  ContentWorld content{runtime};
  CountedOpens opens;
  std::shared_ptr<ListedProviders> providers;
  PluginSlot<Router> slot;
  PeerScores scores{runtime, **runtime.OpenState("kernel")};
  Exchange exchange;
};

class FetchSessionTest : public SimNetworkTest {
 protected:
  static void Want(Exchange::Session& session, const Cid& id) {
    const BlockSource::Wanted wanted{.id = id, .size = 0, .tag = 0};
    session.Want({&wanted, 1});
  }

  // Its block does not come in `busy`, and soon after its holder has room again.
  static void ExpectServedOnceThereIsRoom(ExchangePeer& reader, Exchange::Session& session,
                                          Duration busy) {
    EXPECT_FALSE(session.Next(reader.Soon(busy)).ok());
    reader.opens.no_room.clear();
    const auto arrived = session.Next(reader.Soon(absl::Seconds(3)));
    ASSERT_TRUE(arrived.ok()) << arrived.status();
    EXPECT_TRUE(arrived->data.ok()) << arrived->data.status();
  }

  // When a holder that answers nothing sees that it has been left, from its being asked.
  Duration LeavesASilentHolderAfter(std::optional<Duration> rtt) {
    Duration took;
    Run([&] {
      RawPeer silent(simulation, network);
      std::unique_ptr<Stream> stream;
      Time asked;
      silent.protocols["/l2p/blocks/1.0.0"] = [&](std::unique_ptr<Stream> opened) {
        asked = simulation.Now();
        stream = std::move(opened);
      };
      ExchangePeer reader(simulation, network, rtt);
      ExchangePeer holder(simulation, network);
      const Cid id = holder.Put("what both are said to have");
      reader.providers->of[id.hash()] = {silent.info(), holder.info()};
      const auto session = reader.exchange.NewSession(false);
      Want(*session, id);
      const auto arrived = session->Next(reader.Soon());
      ASSERT_TRUE(arrived.ok() && arrived->data.ok());
      ASSERT_NE(stream, nullptr);
      uint8_t part[1000];
      absl::StatusOr<size_t> read = 1;
      while (read.ok() && *read > 0) read = stream->Read(part, reader.Soon());
      took = simulation.Now() - asked;
      stream->Reset();
    });
    return took;
  }
};

// A group of four leaves, coded 2 of 4 in one stripe, and what its holders have.
class CodedGroup {
 public:
  // Of leaves with bytes from `seed` on; known as `name`.
  explicit CodedGroup(const std::string& name, uint64_t seed = 1) {
    group_.id = IdOf(name);
    for (size_t i = 0; i < 4; ++i) {
      leaves_.push_back(testkit::TestBytes(seed + i, 300'000));
      group_.leaves.push_back({IdOf(leaves_.back()), 300'000});
    }
    sidecar_ = *MakeSidecar({TestCrypto()}, group_, 2, 4, Reader());
  }

  static Multihash IdOf(const std::string& text) {
    const ByteView part = AsBytes(text);
    return *Multihash::FromDigest(HashCode::kSha2_256, TestCrypto().Sha256({&part, 1}));
  }

  const Multihash& id() const { return group_.id; }
  Cid leaf() const { return Cid(Codec::kRaw, group_.leaves[0].id); }
  const std::vector<std::string>& leaves() const { return leaves_; }
  const Sidecar& sidecar() const { return *sidecar_; }

  // The bytes of the pieces that are no leaves.
  std::vector<Bytes> Parity() const {
    const size_t wanted[] = {2, 3};
    return *MakePieces({TestCrypto()}, *sidecar_, 0, wanted, Reader());
  }

 private:
  BlockReader Reader() const {
    return [this](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
      for (size_t i = 0; i < ids.size(); ++i) {
        for (const std::string& leaf : leaves_) {
          if (IdOf(leaf) == ids[i]) out[i] = Bytes::Copy(AsBytes(leaf));
        }
      }
    };
  }

  std::vector<std::string> leaves_;
  Group group_;
  std::optional<Sidecar> sidecar_;
};

// One that has a sidecar of `group` and tells so by a record that it has signed itself.
struct RecordPeer : ExchangePeer {
  RecordPeer(testkit::Simulation& simulation, testkit::SimNetwork& network, const Multihash& group,
             const Sidecar& sidecar)
      : ExchangePeer(simulation, network) {
    GroupRecord record;
    record.group = group;
    record.spec = Redundancy::ReedSolomon(2, 4);
    record.sidecar = Put(sidecar.Encode()).hash();
    record.holders = {id()};
    record.issued = absl::FromUnixSeconds(absl::ToUnixSeconds(runtime.Now()));
    wire::GroupAnswer answer;
    answer.add_record(*SignGroupRecord(record, *identity));
    serving = *messenger->Serve(kGroupsProtocol, 256,
                                [this, said = answer.SerializeAsString()](const Caller&, ByteView) {
                                  ++asked;
                                  return absl::StatusOr<std::optional<Bytes>>(Bytes::Of(said));
                                });
  }

  size_t asked = 0;
  std::unique_ptr<Registration> serving;
};

class FalseSidecarTest : public FetchSessionTest {
 protected:
  // Who is found first says `sidecar` of the group, and has the blocks `own`; who is found next
  // has the pieces that give its leaves back.
  void RestoresALeafInSpiteOf(const Sidecar& sidecar, const std::vector<std::string>& own) {
    Run([&] {
      const CodedGroup group("group");
      RecordPeer hostile(simulation, network, group.id(), sidecar);
      for (const std::string& block : own) hostile.Put(block);
      RecordPeer honest(simulation, network, group.id(), group.sidecar());
      for (const Bytes& piece : group.Parity()) honest.Put(std::string(AsText(piece.view())));
      ExchangePeer reader(simulation, network);
      reader.providers->of[group.id()] = {hostile.info(), honest.info()};
      const auto session = reader.exchange.NewSession(false);
      session->FindHolders(group.id());
      Want(*session, group.leaf());
      const auto arrived = session->Next(reader.Soon(absl::Minutes(1)));
      ASSERT_TRUE(arrived.ok()) << arrived.status();
      ASSERT_TRUE(arrived->data.ok()) << arrived->data.status();
      EXPECT_EQ(AsText(arrived->data->view()), group.leaves()[0]);
      EXPECT_EQ(hostile.asked, 1u);
      EXPECT_EQ(honest.asked, 1u);
    });
  }
};

TEST_F(FalseSidecarTest, WhosePiecesGiveOtherLeavesIsRefusedAndTheNextHolderAsked) {
  const CodedGroup group("group");
  Sidecar wrong = group.sidecar();
  std::vector<std::string> pieces;
  for (const size_t piece : {2, 3}) {
    pieces.push_back(testkit::TestBytes(90 + piece, wrong.stripes()[0].length));
    const ByteView part = AsBytes(pieces.back());
    wrong.Name(0, piece, TestCrypto().Sha256({&part, 1}), {});
  }
  RestoresALeafInSpiteOf(wrong, pieces);
}

TEST_F(FalseSidecarTest, WhosePiecesNobodyHasIsRefusedAndTheNextHolderAsked) {
  Sidecar wrong = CodedGroup("group").sidecar();
  for (const size_t piece : {2, 3}) wrong.Name(0, piece, {}, {});
  RestoresALeafInSpiteOf(wrong, {});
}

TEST_F(FalseSidecarTest, WithoutTheLeafIsRefusedAndTheNextHolderAsked) {
  RestoresALeafInSpiteOf(CodedGroup("group", /*seed=*/50).sidecar(), {});
}

TEST_F(FalseSidecarTest, ThatNamesTheLeafAsAPieceOfOthersIsRefusedAndTheNextHolderAsked) {
  const CodedGroup others("group", /*seed=*/50);
  Sidecar wrong = others.sidecar();
  const CodedGroup group("group");
  const ByteView leaf = AsBytes(group.leaves()[0]);
  wrong.Name(0, 2, TestCrypto().Sha256({&leaf, 1}), {});
  RestoresALeafInSpiteOf(wrong, others.leaves());
}

// 250 ms pass between looks at whether to go on waiting.
TEST_F(FetchSessionTest, LeavesASilentHolderAfterThreeOfItsRoundTripsAndASecond) {
  const Duration near = LeavesASilentHolderAfter(absl::Milliseconds(20));
  EXPECT_GE(near, absl::Milliseconds(1060));
  EXPECT_LE(near, absl::Milliseconds(1400));
  const Duration far = LeavesASilentHolderAfter(absl::Seconds(2));
  EXPECT_GE(far, absl::Seconds(7));
  EXPECT_LE(far, absl::Milliseconds(7400));
}

TEST_F(FetchSessionTest, TakesHalfASecondForARoundTripThatNobodyMeasured) {
  const Duration took = LeavesASilentHolderAfter(std::nullopt);
  EXPECT_GE(took, absl::Milliseconds(2500));
  EXPECT_LE(took, absl::Milliseconds(2900));
}

// More peers than a session converses with at once, of which none can be reached: some lose their
// place while they are being reached, and are found again.
TEST_F(FetchSessionTest, ReachesForAPeerOnceAtATime) {
  Run([&] {
    ExchangePeer reader(simulation, network);
    ExchangePeer holder(simulation, network);
    std::vector<PeerInfo> away;
    for (size_t i = 0; i < 40; ++i) {
      const size_t node = network.AddNode();
      network.SetFate(node, testkit::SimNetwork::Fate::kDown);
      away.push_back({TestIdentity(node)->peer(), {*Multiaddr::FromTcp(network.ip(node), 4422)}});
    }
    const Cid here = holder.Put("what the holder has");
    const Cid nowhere = reader.Put("what nobody has");
    absl::Status deleted;
    reader.content.store->Delete({&nowhere.hash(), 1}, {&deleted, 1});
    std::vector<PeerInfo>& of_here = reader.providers->of[here.hash()];
    of_here = away;
    of_here.insert(of_here.begin(), holder.info());
    reader.providers->of[nowhere.hash()] = away;

    auto session = reader.exchange.NewSession(false);
    Want(*session, here);
    const auto arrived = session->Next(reader.Soon());
    ASSERT_TRUE(arrived.ok() && arrived->data.ok());
    Sleep(absl::Milliseconds(1250));  // Some have just lost their place, and are waited for yet.
    Want(*session, nowhere);
    Sleep(absl::Seconds(20));
    session.reset();

    for (const PeerInfo& peer : away) EXPECT_LE(reader.opens.of[peer.id].most, 1);
  });
}

TEST_F(FetchSessionTest, WaitsForABusyHolderAsLongAsItHasPatience) {
  Run([&] {
    ExchangePeer reader(simulation, network);
    ExchangePeer holder(simulation, network);
    const Cid id = holder.Put("what a busy holder has");
    reader.providers->of[id.hash()] = {holder.info()};
    reader.opens.no_room.insert(holder.id());
    const auto session = reader.exchange.NewSession(false);
    Want(*session, id);
    ExpectServedOnceThereIsRoom(reader, *session, absl::Seconds(28));
  });
}

TEST_F(FetchSessionTest, GivesUpAHolderThatIsBusyForEver) {
  Run([&] {
    ExchangePeer reader(simulation, network);
    ExchangePeer holder(simulation, network);
    const Cid id = holder.Put("what a busy holder has");
    reader.providers->of[id.hash()] = {holder.info()};
    reader.opens.no_room.insert(holder.id());
    const auto session = reader.exchange.NewSession(false);
    Want(*session, id);
    const auto verdict = session->Next(reader.Soon(absl::Seconds(40)));
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_TRUE(absl::IsUnavailable(verdict->data.status())) << verdict->data.status();
  });
}

TEST_F(FetchSessionTest, HoldsNoRefusalOfLongAgoAgainstAHolder) {
  Run([&] {
    ExchangePeer reader(simulation, network);
    ExchangePeer busy(simulation, network);
    ExchangePeer idle(simulation, network);
    const Cid first = busy.Put("what both have");
    idle.Put("what both have");
    const Cid second = busy.Put("what a busy holder has");
    reader.providers->of[first.hash()] = {busy.info(), idle.info()};
    reader.providers->of[second.hash()] = {busy.info()};
    reader.opens.no_room.insert(busy.id());
    const auto session = reader.exchange.NewSession(false);
    Want(*session, first);
    ASSERT_TRUE(session->Next(reader.Soon()).ok());
    simulation.Sleep(absl::Minutes(1));
    Want(*session, second);
    ExpectServedOnceThereIsRoom(reader, *session, absl::Seconds(3));
  });
}

TEST_F(FetchSessionTest, SaysAtOnceThatThereIsNobodyToAsk) {
  Run([&] {
    ExchangePeer reader(simulation, network);
    const Cid id = reader.Put("what was here");
    absl::Status deleted;
    reader.content.store->Delete({&id.hash(), 1}, {&deleted, 1});
    const auto session = reader.exchange.NewSession(false);
    const Time asked = simulation.Now();
    Want(*session, id);
    const auto verdict = session->Next(reader.Soon());
    ASSERT_TRUE(verdict.ok());
    EXPECT_TRUE(absl::IsNotFound(verdict->data.status())) << verdict->data.status();
    EXPECT_LE(simulation.Now() - asked, absl::Milliseconds(300));
  });
}

}  // namespace
}  // namespace l2p
