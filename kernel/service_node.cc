#include "kernel/service_node.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/network/push_sender.h"

namespace l2p {
namespace {

constexpr Duration kAnnounceLimit = absl::Seconds(30);

absl::Status Verify(const BlockService& service, std::span<const Block> blocks) {
  for (const Block& block : blocks) {
    L2P_RETURN_IF_ERROR(service.hashers().Verify(block.id, block.data));
  }
  return absl::OkStatus();
}

class Blocks final : public NodeBlocks {
 public:
  explicit Blocks(ServiceNode::Parts parts) : parts_(parts) {}

  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    parts_.blocks.Get(ids, out);
  }

  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    return parts_.blocks.Has(ids, out);
  }

  absl::Status Put(std::span<const Block> blocks) override {
    L2P_RETURN_IF_ERROR(Verify(parts_.blocks, blocks));
    return BlockService::Operation(parts_.blocks).Put(blocks);
  }

  void Fetch(const Multihash& group, std::span<const Multihash> ids, Time deadline,
             std::span<absl::StatusOr<Bytes>> out) override {
    if (ids.size() > BlockSource::kMaxWanted) {
      std::fill(out.begin(), out.end(), absl::InvalidArgumentError("too many blocks at once"));
      return;
    }
    const std::unique_ptr<Exchange::Session> session = parts_.exchange.NewSession(false);
    session->FindHolders(group);
    std::vector<BlockSource::Wanted> wanted;
    for (size_t i = 0; i < ids.size(); ++i) {
      wanted.push_back({Cid(Codec::kRaw, ids[i]), 0, i});
      out[i] = absl::DeadlineExceededError(
          absl::StrCat("block ", ids[i].ToString(), " did not come in time"));
    }
    session->Want(wanted);
    for (size_t left = ids.size(); left > 0; --left) {
      absl::StatusOr<BlockSource::Arrived> arrived = session->Next(deadline);
      if (!arrived.ok()) return;
      out[arrived->tag] = std::move(arrived->data);
    }
  }

 private:
  const ServiceNode::Parts parts_;
};

class Groups final : public HeldGroups {
 public:
  explicit Groups(ServiceNode::Parts parts) : parts_(parts) {}

  std::vector<HeldGroup> List(const Multihash& after, size_t most) override {
    return parts_.holdings.List(after, most);
  }

  absl::StatusOr<Content> Find(const Multihash& group) override {
    return parts_.holdings.FindContent(group);
  }

  std::vector<Lost> LostBlocks(size_t most) override { return parts_.scrubber.LostBlocks(most); }

  absl::Status Keep(const HeldGroup& held, const Content& content,
                    std::span<const Block> blocks) override {
    L2P_RETURN_IF_ERROR(Verify(parts_.blocks, blocks));
    BlockService::Operation operation(parts_.blocks);
    absl::Status kept = KeepBy(operation, held, content, blocks);
    if (!kept.ok()) {
      kept.Update(parts_.holdings.ReclaimUnneeded(operation.ForgetAll()));
      return kept;
    }
    const absl::Status announced = parts_.router.Get()->Provide(
        {&content.blocks.id, 1}, parts_.runtime.Now() + kAnnounceLimit);
    if (!announced.ok()) {
      parts_.runtime.Log(Severity::kWarning, "kernel",
                         absl::StrCat("announce ", content.blocks.id.ToString(), ": ",
                                      std::string(announced.message())));
    }
    return absl::OkStatus();
  }

  absl::Status Release(const Multihash& group, const PeerId& owner) override {
    L2P_RETURN_IF_ERROR(parts_.holdings.Release(group, owner));
    if (parts_.holdings.FindGroup(group).ok()) return absl::OkStatus();
    parts_.router.Get()->Withdraw({&group, 1});
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<OwnObject>> Objects() override {
    L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, parts_.holdings.Roots());
    std::vector<OwnObject> objects;
    for (Root& root : roots) {
      objects.push_back({std::move(root.id), std::move(root.name), std::move(root.redundancy),
                         std::move(root.groups)});
    }
    return objects;
  }

 private:
  absl::Status KeepBy(BlockService::Operation& operation, const HeldGroup& held,
                      const Content& content, std::span<const Block> blocks) {
    L2P_ASSIGN_OR_RETURN(const Reservation room, parts_.holdings.Admit(content.blocks, held.owner,
                                                                       "", content.record.size()));
    L2P_ASSIGN_OR_RETURN(const Time until, parts_.holdings.LeaseUntil(held.until));
    std::vector<Multihash> ids;
    for (const BlockRef& block : content.blocks.nodes) ids.push_back(block.id);
    for (const BlockRef& block : content.blocks.leaves) ids.push_back(block.id);
    L2P_RETURN_IF_ERROR(operation.Put(blocks));
    std::vector<int64_t> sizes(ids.size(), -1);
    L2P_RETURN_IF_ERROR(operation.Has(ids, sizes));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (sizes[i] >= 0) continue;
      return absl::FailedPreconditionError(absl::StrCat("group ", content.blocks.id.ToString(),
                                                        ": block ", ids[i].ToString(),
                                                        " is neither given nor here"));
    }
    return parts_.holdings.Commit(content.blocks, {held.owner, until, content.record});
  }

  const ServiceNode::Parts parts_;
};

class Peers final : public NodePeers {
 public:
  Peers(ServiceNode::Parts parts, Messenger& messenger) : parts_(parts), messenger_(messenger) {}

  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override {
    return parts_.router.Get()->FindProviders(key, most, deadline);
  }

  absl::StatusOr<std::vector<PeerInfo>> Candidates(const Multihash& group, Time deadline) override {
    return parts_.placement.Candidates(group, deadline);
  }

  absl::Status Push(const PeerInfo& holder, const HeldGroups::Content& content, Time until,
                    const BlockReader& read) override {
    return PushGroup(parts_.runtime, parts_.placement.turns(), read, messenger_, holder,
                     content.blocks, content.record, until, [](uint64_t) {})
        .status();
  }

  void Note(const PeerId& peer, Conduct conduct, uint64_t amount) override {
    parts_.scores.Note(peer, conduct, amount);
  }

  double Score(const PeerId& peer) override { return parts_.scores.Score(peer); }

 private:
  const ServiceNode::Parts parts_;
  Messenger& messenger_;
};

}  // namespace

ServiceNode::ServiceNode(Parts parts, std::unique_ptr<Messenger> messenger)
    : messenger_(std::move(messenger)),
      blocks_(std::make_unique<Blocks>(parts)),
      groups_(std::make_unique<Groups>(parts)),
      peers_(std::make_unique<Peers>(parts, *messenger_)) {}

ServiceNode::~ServiceNode() = default;

}  // namespace l2p
