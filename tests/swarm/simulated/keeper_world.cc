#include "tests/swarm/simulated/keeper_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "l2p/coding.h"
#include "l2p/plugin.h"

namespace l2p {
namespace {

constexpr Duration kLookupLimit = absl::Seconds(20);
constexpr size_t kMostGroups = 1'000'000;

struct Exposed {
  Node* node;
  Host* host;
};
std::map<PeerId, Exposed>& AllExposed() {
  static std::map<PeerId, Exposed> all;
  return all;
}

// Lets the test use a node as a service does.
class WindowService final : public Service {
 public:
  explicit WindowService(Host& host) : host_(host) {}
  absl::Status Start(Node& node) override {
    AllExposed()[host_.identity().peer()] = {&node, &host_};
    return absl::OkStatus();
  }
  void Stop() override { AllExposed().erase(host_.identity().peer()); }

 private:
  Host& host_;
};

absl::StatusOr<std::unique_ptr<Service>> OpenWindow(Host& host, const Settings&) {
  return std::make_unique<WindowService>(host);
}

const PluginDescriptor kWindow = {kPluginMagic,
                                  sizeof(PluginDescriptor),
                                  kSdkMajor,
                                  kSdkMinor,
                                  L2P_TOOLCHAIN,
                                  Service::kKind,
                                  "window",
                                  "1.0.0",
                                  nullptr,
                                  0,
                                  &OpenAs<Service, OpenWindow>};

SimSwarm::Options SwarmOf(KeeperWorld::Options options) {
  SimSwarm::Options swarm;
  swarm.nodes = options.nodes;
  swarm.seed = options.seed;
  swarm.longest_run = options.longest_run;
  swarm.settings = std::move(options.settings);
  swarm.settings.push_back("service.plugin=keeper,window");
  swarm.of_node = std::move(options.of_node);
  swarm.plugins = std::move(options.plugins);
  swarm.plugins.push_back(&kWindow);
  return swarm;
}

std::vector<Multihash> IdsOf(const Group& group) {
  std::vector<Multihash> ids;
  for (const BlockRef& block : group.nodes) ids.push_back(block.id);
  for (const BlockRef& block : group.leaves) ids.push_back(block.id);
  return ids;
}

}  // namespace

KeeperWorld::KeeperWorld(Options options) : swarm_(SwarmOf(std::move(options))) {}

Node& KeeperWorld::NodeAt(size_t i) { return *AllExposed().at(swarm_.node(i).self().id).node; }

const Identity& KeeperWorld::IdentityAt(size_t i) {
  return AllExposed().at(swarm_.node(i).self().id).host->identity();
}

KeeperWorld::Kept KeeperWorld::Put(size_t owner, const std::string& content,
                                   const Redundancy& spec) {
  Kept kept;
  kept.content = content;
  const auto put = swarm_.Put(owner, content, SimSwarm::Local());
  EXPECT_TRUE(put.ok()) << put.status();
  kept.id = put->id.hash();
  kept.root = put->id;
  Node& node = NodeAt(owner);
  const Crypto& crypto = swarm_.node(owner).crypto();
  HeldGroups::Content share = *node.groups().Find(kept.id);
  kept.group = share.blocks;
  kept.spec = spec.ForGroup(kept.group);

  GroupRecord record{kept.id, spec, {}, {}, {}, Now(), absl::InfiniteFuture()};
  std::map<Multihash, Bytes> made;
  const BlockReader read = [&](std::span<const Multihash> ids,
                               std::span<absl::StatusOr<Bytes>> out) {
    node.blocks().Get(ids, out);
  };
  if (kept.spec.coded()) {
    kept.sidecar =
        MakeSidecar({crypto}, kept.group, kept.spec.needed, kept.spec.holders, read).value();
    const std::string bytes = kept.sidecar->Encode();
    const ByteView view = AsBytes(bytes);
    record.sidecar = *Multihash::FromDigest(HashCode::kSha2_256, crypto.Sha256({&view, 1}));
    made[record.sidecar] = Bytes::Copy(bytes);
    for (size_t s = 0; s < kept.sidecar->stripes().size(); ++s) {
      for (size_t i = 0; i < kept.spec.holders; ++i) {
        if (!kept.sidecar->IsBlock(s, i)) continue;
        made[kept.sidecar->BlocksOf(s, i)[0].id] =
            MakePieces({crypto}, *kept.sidecar, s, {&i, 1}, read).value()[0];
      }
    }
  }
  const std::vector<PeerInfo> candidates =
      node.peers().Candidates(kept.id, Now() + kLookupLimit).value();
  EXPECT_GE(candidates.size(), kept.spec.holders);
  for (size_t p = 0; p < kept.spec.holders; ++p) {
    record.holders.push_back(candidates[p].id);
    kept.holders.push_back(swarm_.NodeOf(candidates[p].id));
  }
  share.record = SignGroupRecord(record, IdentityAt(owner)).value();
  for (size_t p = 0; p < kept.spec.holders; ++p) {
    if (kept.sidecar) {
      share.blocks = kept.sidecar->ShareOf(p);
      share.blocks.leaves.push_back(
          {record.sidecar, static_cast<uint32_t>(made.at(record.sidecar).size())});
    }
    const absl::Status pushed = node.peers().Push(
        candidates[p], share, record.until,
        [&](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
          node.blocks().Get(ids, out);
          for (size_t i = 0; i < ids.size(); ++i) {
            if (const auto it = made.find(ids[i]); it != made.end()) out[i] = it->second;
          }
        });
    EXPECT_TRUE(pushed.ok()) << pushed;
  }
  EXPECT_TRUE(swarm_.node(owner).content().Remove(put->id.ToString()).ok());
  return kept;
}

std::vector<size_t> KeeperWorld::HoldersOf(const Kept& kept) {
  std::vector<size_t> holders;
  for (size_t i = 0; i < swarm_.size(); ++i) {
    if (swarm_.runs(i) && NodeAt(i).groups().Find(kept.id).ok()) holders.push_back(i);
  }
  return holders;
}

size_t KeeperWorld::LivePieces(const Kept& kept) {
  return PiecesOf(kept.id, [](size_t) { return true; }).there;
}

KeeperWorld::Pieces KeeperWorld::PiecesOf(const Multihash& group,
                                          const std::function<bool(size_t)>& counts) {
  std::set<std::vector<Multihash>> shares;
  size_t copies = 0;
  std::optional<Redundancy> spec;
  for (size_t i = 0; i < swarm_.size(); ++i) {
    if (!swarm_.runs(i) || !counts(i)) continue;
    const auto held = NodeAt(i).groups().Find(group);
    if (!held.ok()) continue;
    const auto record = OpenGroupRecord(swarm_.node(i).crypto(), AsBytes(held->record));
    if (record.ok()) spec = record->ForGroup();
    const std::vector<Multihash> ids = IdsOf(held->blocks);
    if (!HasAll(i, ids)) continue;
    ++copies;
    shares.insert(ids);
  }
  if (!spec || !spec->coded()) return {copies, 1};
  return {shares.size(), spec->needed};
}

bool KeeperWorld::HasAll(size_t i, const std::vector<Multihash>& ids) {
  std::vector<int64_t> sizes(ids.size(), -1);
  return NodeAt(i).blocks().Has(ids, sizes).ok() && std::count(sizes.begin(), sizes.end(), -1) == 0;
}

std::vector<HeldGroups::Content> KeeperWorld::HeldBy(size_t i) {
  std::vector<HeldGroups::Content> all;
  for (const HeldGroup& held : NodeAt(i).groups().List({}, kMostGroups)) {
    if (held.owner == swarm_.node(i).self().id) continue;
    auto content = NodeAt(i).groups().Find(held.group);
    if (content.ok()) all.push_back(*std::move(content));
  }
  return all;
}

std::set<Multihash> KeeperWorld::WholeGroupsOf(size_t i) {
  std::set<Multihash> whole;
  for (const HeldGroups::Content& held : HeldBy(i)) {
    if (HasAll(i, IdsOf(held.blocks))) whole.insert(held.blocks.id);
  }
  return whole;
}

std::vector<Multihash> KeeperWorld::WrongBlocksOf(size_t i) {
  std::vector<Multihash> wrong;
  for (const HeldGroups::Content& held : HeldBy(i)) {
    for (const Multihash& id : IdsOf(held.blocks)) {
      absl::StatusOr<Bytes> block = absl::UnknownError("");
      NodeAt(i).blocks().Get({&id, 1}, {&block, 1});
      if (!block.ok() || id.code() != HashCode::kSha2_256) continue;
      const ByteView bytes = block->view();
      const Sha256Digest digest = swarm_.node(i).crypto().Sha256({&bytes, 1});
      if (*Multihash::FromDigest(HashCode::kSha2_256, digest) != id) wrong.push_back(id);
    }
  }
  return wrong;
}

std::optional<std::string> KeeperWorld::BlockOf(const Kept& kept, const Multihash& id) {
  for (const size_t i : HoldersOf(kept)) {
    absl::StatusOr<Bytes> block = absl::UnknownError("");
    NodeAt(i).blocks().Get({&id, 1}, {&block, 1});
    if (block.ok()) return std::string(block->text());
  }
  return std::nullopt;
}

std::string KeeperWorld::Read(const Kept& kept) {
  std::map<uint32_t, std::string> leaves;
  for (uint32_t leaf = 0; leaf < kept.group.leaves.size(); ++leaf) {
    if (auto block = BlockOf(kept, kept.group.leaves[leaf].id)) leaves[leaf] = *block;
  }
  const size_t stripes = kept.sidecar ? kept.sidecar->stripes().size() : 0;
  for (size_t s = 0; s < stripes && leaves.size() < kept.group.leaves.size(); ++s) {
    std::vector<HeldPiece> have;
    for (size_t i = 0; i < kept.spec.holders && have.size() < kept.spec.needed; ++i) {
      HeldPiece piece{i, {}};
      const std::vector<BlockRef> refs = kept.sidecar->BlocksOf(s, i);
      for (const BlockRef& ref : refs) {
        if (auto block = BlockOf(kept, ref.id)) piece.blocks.push_back(Bytes::Of(*block));
      }
      if (piece.blocks.size() == refs.size()) have.push_back(std::move(piece));
    }
    const auto restored =
        RestoreLeaves({swarm_.node(HoldersOf(kept)[0]).crypto()}, *kept.sidecar, s, have);
    if (!restored.ok()) return "";
    for (const RestoredLeaf& leaf : *restored) leaves[leaf.leaf] = leaf.data.text();
  }
  std::string content;
  for (const auto& [leaf, bytes] : leaves) content += bytes;
  return leaves.size() == kept.group.leaves.size() ? content : "";
}

int64_t KeeperWorld::CounterOf(size_t i, const std::string& counter) {
  const std::string text = swarm_.node(i).RenderMetrics();
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, absl::StrCat("l2p_", counter, "{"))) continue;
    int64_t value = 0;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (absl::SimpleAtoi(words.back(), &value)) return value;
  }
  return 0;
}

int64_t KeeperWorld::Total(const std::string& counter) {
  int64_t total = past_[counter];
  for (size_t i = 0; i < swarm_.size(); ++i) {
    if (swarm_.runs(i)) total += CounterOf(i, counter);
  }
  return total;
}

void KeeperWorld::Remember(size_t i) {
  for (const char* counter :
       {"repairs_total", "repair_fetched_bytes_total", "repair_pushed_bytes_total",
        "probe_bytes_total", "probes_total", "audits_failed_total", "audits_passed_total"}) {
    past_[counter] += CounterOf(i, counter);
  }
}

std::vector<std::string> KeeperWorld::LateCalls() {
  const auto [allowed, overrun] = swarm_.network().waits();
  std::vector<std::string> late;
  if (allowed > kLongestWait) {
    late.push_back(
        absl::StrCat("a call on a stream would have waited ", absl::FormatDuration(allowed)));
  }
  if (overrun > absl::ZeroDuration()) {
    late.push_back(absl::StrCat("a call on a stream ended ", absl::FormatDuration(overrun),
                                " after its deadline"));
  }
  return late;
}

void KeeperWorld::Kill(size_t i) {
  Remember(i);
  AllExposed().erase(swarm_.node(i).self().id);
  swarm_.Kill(i);
}

void KeeperWorld::CutPower(size_t i) {
  Remember(i);
  AllExposed().erase(swarm_.node(i).self().id);
  swarm_.CutPower(i);
}

void KeeperWorld::Stop(size_t i) {
  Remember(i);
  swarm_.Stop(i);
}

}  // namespace l2p
