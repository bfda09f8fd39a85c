#ifndef L2P_TESTS_PLUGINS_SERVICE_KEEPER_REPAIR_WORLD_H_
#define L2P_TESTS_PLUGINS_SERVICE_KEEPER_REPAIR_WORLD_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "keeper_party.h"
#include "l2p/coding.h"
#include "l2p/dag_pb.h"
#include "repairer.h"

namespace l2p::keeper {

inline Multihash IdOf(ByteView bytes) {
  return *Multihash::FromDigest(HashCode::kSha2_256, crypto.Sha256({&bytes, 1}));
}

// A group of one node and leaves of equal size, and all blocks that its holders keep together.
struct CodedGroup {
  // Leaves of more than half of kFullPiece: a stripe has one in each data piece.
  static constexpr size_t kLeaf = 530'000;

  explicit CodedGroup(size_t stripes) {
    DagNode root;
    for (size_t i = 0; i < stripes * kSpec.needed; ++i) {
      std::string leaf(kLeaf, '\0');
      for (size_t at = 0; at < leaf.size(); ++at) leaf[at] = static_cast<char>(at * i + (at >> 8));
      leaf.replace(0, 20, absl::StrCat("leaf ", i));
      group.leaves.push_back(Add(leaf));
      root.links.push_back({Cid(Codec::kRaw, group.leaves.back().id), "", kLeaf});
    }
    group.nodes.push_back(Add(EncodeDagPb(root)));
    group.id = group.nodes[0].id;
    const BlockReader read = [this](std::span<const Multihash> ids,
                                    std::span<absl::StatusOr<Bytes>> out) {
      for (size_t i = 0; i < ids.size(); ++i) out[i] = blocks.at(ids[i]);
    };
    sidecar = MakeSidecar({crypto}, group, kSpec.needed, kSpec.holders, read).value();
    for (size_t s = 0; s < sidecar->stripes().size(); ++s) {
      for (size_t i = kSpec.needed; i < kSpec.holders; ++i) {
        Add(MakePieces({crypto}, *sidecar, s, {&i, 1}, read).value()[0].text());
      }
    }
    sidecar_block = Add(sidecar->Encode());
  }

  Group ShareOf(size_t place) const {
    Group share = sidecar->ShareOf(place);
    share.leaves.push_back(sidecar_block);
    return share;
  }

  Group group;
  std::optional<Sidecar> sidecar;
  BlockRef sidecar_block;
  std::map<Multihash, Bytes> blocks;

 private:
  BlockRef Add(std::string_view bytes) {
    const Multihash id = IdOf(AsBytes(bytes));
    blocks[id] = Bytes::Copy(bytes);
    return {id, static_cast<uint32_t>(bytes.size())};
  }
};

// A TestNode with a network: other holders' blocks can be fetched, and candidates take what is
// pushed.
class NetworkedNode : public Node, private NodeBlocks, private NodePeers {
 public:
  NetworkedNode(Party& party, testkit::Simulation& simulation, const CodedGroup& group)
      : party_(party), simulation_(simulation), group_(group) {}

  NodeBlocks& blocks() override { return *this; }
  HeldGroups& groups() override { return party_.node.groups(); }
  NodePeers& peers() override { return *this; }
  Messenger& messenger() override { return party_.node.messenger(); }

  std::vector<PeerInfo> candidates;
  // What a push comes to, given what it can read.
  std::function<absl::Status(const PeerId&, const Group& share, const BlockReader& read)> push;
  std::function<absl::Status()> fetch = [] { return absl::OkStatus(); };
  bool garbles = false;  // What is fetched.

 private:
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    party_.node.blocks().Get(ids, out);
  }
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    return party_.node.blocks().Has(ids, out);
  }
  absl::Status Put(std::span<const Block> put) override { return party_.node.blocks().Put(put); }
  void Fetch(const Multihash&, std::span<const Multihash> ids, Time,
             std::span<absl::StatusOr<Bytes>> out) override {
    simulation_.Sleep(absl::Milliseconds(500));
    const absl::Status status = fetch();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (status.ok() && garbles) {
        out[i] = Bytes::Copy(std::string(group_.blocks.at(ids[i]).size(), 'x'));
      } else if (status.ok()) {
        out[i] = group_.blocks.at(ids[i]);
      } else {
        out[i] = status;
      }
    }
  }

  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override {
    return party_.node.peers().FindProviders(key, most, deadline);
  }
  absl::StatusOr<std::vector<PeerInfo>> Candidates(const Multihash&, Time) override {
    return candidates;
  }
  absl::Status Push(const PeerInfo& holder, const HeldGroups::Content& content, Time,
                    const BlockReader& read) override {
    return push(holder.id, content.blocks, read);
  }
  void Note(const PeerId& peer, Conduct conduct, uint64_t amount) override {
    party_.node.peers().Note(peer, conduct, amount);
  }
  double Score(const PeerId& peer) override { return party_.node.peers().Score(peer); }

  Party& party_;
  testkit::Simulation& simulation_;
  const CodedGroup& group_;
};

// Eighteen members of a group that six of 24 are lost of, each with a repairer. They can be had at
// once: no member waits for those before it. And one more party, which has nothing of the group.
class RepairWorld {
 public:
  static constexpr size_t kMembers = 18;
  static constexpr size_t kNewcomer = kMembers;
  static constexpr size_t kCandidates = 40;

  static void Run(size_t stripes, const std::function<void(RepairWorld&)>& body) {
    const CodedGroup group(stripes);
    WithParties(kMembers + 1, [&](auto& parties, auto& network, testkit::Simulation& simulation) {
      RepairWorld world(parties, network, simulation, group);
      body(world);
      for (const auto& party : parties) party->on_request = [](auto&&...) {};
    });
  }

  Party& party(size_t i) { return *parties_[i]; }
  PeerId PeerAt(size_t i) { return parties_[i]->identity->peer(); }
  Repairer& repairer(size_t i) { return *members_[i]->repairer; }
  NetworkedNode& node(size_t i) { return *members_[i]->node; }
  const CodedGroup& group() const { return group_; }
  const Multihash& id() const { return group_.group.id; }
  testkit::Simulation& simulation() { return simulation_; }
  testkit::SimNetwork& network() { return network_; }
  PeerId CandidateAt(size_t i) { return IdentityOf(static_cast<uint8_t>(100 + i))->peer(); }

  // Takes all of the share, at so many bytes a second.
  absl::Status Receive(const Group& share, const BlockReader& read, double speed) {
    std::vector<BlockRef> left = share.nodes;
    left.insert(left.end(), share.leaves.begin(), share.leaves.end());
    for (const BlockRef& block : left) {
      absl::StatusOr<Bytes> got = absl::UnknownError("");
      read({&block.id, 1}, {&got, 1});
      if (!got.ok()) return got.status();
      simulation_.Sleep(absl::Seconds(block.size / speed));
    }
    return absl::OkStatus();
  }

  struct Hint {
    size_t to;
    PeerId peer;
    Time at;
  };
  std::vector<Hint> hints;  // That members were given.

 private:
  struct Member {
    Member(Party& party, testkit::Simulation& simulation, const CodedGroup& group)
        : node(std::make_unique<NetworkedNode>(party, simulation, group)),
          keeping{party.host, *node, party.roster, party.options, *party.stopping},
          repairer(std::make_unique<Repairer>(keeping)) {}
    std::unique_ptr<NetworkedNode> node;
    Keeping keeping;
    std::unique_ptr<Repairer> repairer;
  };

  RepairWorld(std::vector<std::unique_ptr<Party>>& parties, testkit::SimNetwork& network,
              testkit::Simulation& simulation, const CodedGroup& group)
      : parties_(parties), network_(network), simulation_(simulation), group_(group) {
    const std::unique_ptr<Identity> owner = IdentityOf(99);
    std::vector<std::pair<PeerId, Place>> places;
    GroupRecord record{id(), kSpec, group.sidecar_block.id, {}, {}, simulation.Now()};
    record.holders.resize(kSpec.holders);
    for (size_t i = 0; i < kMembers; ++i) {
      places.emplace_back(PeerAt(i), static_cast<Place>(i));
      record.holders[i] = PeerAt(i);
    }
    const std::string signed_record = *SignGroupRecord(record, *owner);
    for (size_t i = 0; i < kMembers; ++i) {
      Party& party = *parties[i];
      party.options.rule.takeover = absl::ZeroDuration();
      party.options.window_bytes = 1;  // One stripe.
      const Group share = group.ShareOf(i);
      std::vector<Block> blocks;
      for (const auto& list : {share.nodes, share.leaves}) {
        for (const BlockRef& ref : list) blocks.push_back({ref.id, group.blocks.at(ref.id)});
      }
      party.node.Hold({id(), owner->peer(), absl::InfiniteFuture()}, {share, signed_record},
                      blocks);
      party.roster.Add({id(), kSpec, static_cast<Place>(i), group.sidecar_block.id, owner->peer(),
                        owner->peer()},
                       places);
      members_.push_back(std::make_unique<Member>(party, simulation, group));
      node(i).push = [this](const PeerId&, const Group& share, const BlockReader& read) {
        return Receive(share, read, 10e6);
      };
      for (size_t c = 0; c < kCandidates; ++c) node(i).candidates.push_back({CandidateAt(c), {}});
      party.on_request = [this, i](const PeerId& from, const KeeperRequest& asked,
                                   KeeperAnswer& answer) {
        if (asked.claim) answer.granted = repairer(i).Consent(from, *asked.claim);
        for (const MemberHint& hint : asked.hints) hints.push_back({i, hint.peer, Now()});
      };
    }
  }
  Time Now() { return simulation_.Now(); }

  std::vector<std::unique_ptr<Party>>& parties_;
  testkit::SimNetwork& network_;
  testkit::Simulation& simulation_;
  const CodedGroup& group_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace l2p::keeper

#endif  // L2P_TESTS_PLUGINS_SERVICE_KEEPER_REPAIR_WORLD_H_
