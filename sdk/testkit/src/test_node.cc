#include "l2p/testkit/test_node.h"

#include <algorithm>

namespace l2p::testkit {

class TestNode::Blocks : public NodeBlocks {
 public:
  explicit Blocks(TestNode& node) : node_(node) {}

  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    const absl::Status error = node_.Called();
    MutexLock lock(node_.mutex_);
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto found = node_.stored_.find(ids[i]);
      if (!error.ok()) {
        out[i] = error;
      } else if (found == node_.stored_.end()) {
        out[i] = absl::NotFoundError("this node does not have the block");
      } else {
        out[i] = found->second;
      }
    }
  }

  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto found = node_.stored_.find(ids[i]);
      out[i] = found == node_.stored_.end() ? -1 : static_cast<int64_t>(found->second.size());
    }
    return absl::OkStatus();
  }

  absl::Status Put(std::span<const Block> blocks) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    for (const Block& block : blocks) node_.stored_.emplace(block.id, block.data);
    return absl::OkStatus();
  }

  void Fetch(const Multihash&, std::span<const Multihash> ids, Time,
             std::span<absl::StatusOr<Bytes>> out) override {
    Get(ids, out);
  }

 private:
  TestNode& node_;
};

class TestNode::Groups : public HeldGroups {
 public:
  explicit Groups(TestNode& node) : node_(node) {}

  std::vector<HeldGroup> List(const Multihash& after, size_t most) override {
    node_.Called().IgnoreError();
    MutexLock lock(node_.mutex_);
    std::vector<HeldGroup> list;
    for (const auto& [key, promise] : node_.promises_) {
      if (key.first <= after) continue;
      if (list.size() >= most && list.back().group != key.first) break;
      list.push_back(promise.held);
    }
    return list;
  }

  absl::StatusOr<Content> Find(const Multihash& group) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    const auto found = node_.promises_.lower_bound({group, PeerId()});
    if (found == node_.promises_.end() || found->first.first != group) {
      return absl::NotFoundError("the group is not held");
    }
    return found->second.content;
  }

  std::vector<Lost> LostBlocks(size_t most) override {
    node_.Called().IgnoreError();
    MutexLock lock(node_.mutex_);
    std::vector<Lost> lost;
    for (const auto& [key, promise] : node_.promises_) {
      std::vector<BlockRef> blocks = promise.content.blocks.nodes;
      const std::vector<BlockRef>& leaves = promise.content.blocks.leaves;
      blocks.insert(blocks.end(), leaves.begin(), leaves.end());
      for (const BlockRef& block : blocks) {
        if (lost.size() < most && !node_.stored_.contains(block.id)) {
          lost.push_back({key.first, block});
        }
      }
    }
    return lost;
  }

  absl::Status Keep(const HeldGroup& held, const Content& content,
                    std::span<const Block> blocks) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    node_.Hold(held, content, blocks);
    return absl::OkStatus();
  }

  absl::Status Release(const Multihash& group, const PeerId& owner) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    if (node_.promises_.erase({group, owner}) > 0) return absl::OkStatus();
    return absl::NotFoundError("the group is not held");
  }

  absl::StatusOr<std::vector<OwnObject>> Objects() override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    return node_.objects_;
  }

 private:
  TestNode& node_;
};

class TestNode::Query : public ProviderQuery {
 public:
  explicit Query(std::vector<PeerInfo> providers) : providers_(std::move(providers)) {}
  absl::StatusOr<std::optional<PeerInfo>> Next(Time) override {
    if (next_ == providers_.size()) return std::nullopt;
    return providers_[next_++];
  }

 private:
  const std::vector<PeerInfo> providers_;
  size_t next_ = 0;
};

class TestNode::Peers : public NodePeers {
 public:
  explicit Peers(TestNode& node) : node_(node) {}

  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash&, size_t most,
                                                               Time) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    std::vector<PeerInfo> found = node_.providers_;
    if (found.size() > most) found.resize(most);
    return std::make_unique<Query>(std::move(found));
  }

  absl::StatusOr<std::vector<PeerInfo>> Candidates(const Multihash&, Time) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    MutexLock lock(node_.mutex_);
    return node_.providers_;
  }

  absl::Status Push(const PeerInfo&, const HeldGroups::Content&, Time,
                    const BlockReader&) override {
    L2P_RETURN_IF_ERROR(node_.Called());
    return absl::UnavailableError("a TestNode reaches no holder");
  }

  void Note(const PeerId& peer, Conduct conduct, uint64_t) override {
    node_.Called().IgnoreError();
    const bool is_good = conduct == Conduct::kServed || conduct == Conduct::kAuditPassed;
    MutexLock lock(node_.mutex_);
    node_.scores_[peer] += is_good ? 1 : -10;
  }

  double Score(const PeerId& peer) override {
    node_.Called().IgnoreError();
    MutexLock lock(node_.mutex_);
    const auto found = node_.scores_.find(peer);
    return found == node_.scores_.end() ? 0 : found->second;
  }

 private:
  TestNode& node_;
};

TestNode::TestNode(Messenger& messenger)
    : messenger_(messenger),
      blocks_(std::make_unique<Blocks>(*this)),
      groups_(std::make_unique<Groups>(*this)),
      peers_(std::make_unique<Peers>(*this)) {}

TestNode::~TestNode() = default;

void TestNode::Hold(HeldGroup held, HeldGroups::Content content, std::span<const Block> blocks) {
  MutexLock lock(mutex_);
  for (const Block& block : blocks) stored_.emplace(block.id, block.data);
  held.bytes = content.blocks.bytes();
  const Key key(held.group, held.owner);
  promises_[key] = {std::move(held), std::move(content)};
}

void TestNode::SetObjects(std::vector<OwnObject> objects) {
  MutexLock lock(mutex_);
  objects_ = std::move(objects);
}

void TestNode::SetProviders(std::vector<PeerInfo> providers) {
  MutexLock lock(mutex_);
  providers_ = std::move(providers);
}

void TestNode::RemoveBlock(const Multihash& id) {
  MutexLock lock(mutex_);
  stored_.erase(id);
}

void TestNode::FailWith(absl::Status error) {
  MutexLock lock(mutex_);
  error_ = std::move(error);
}

absl::Status TestNode::Called() const {
  MutexLock lock(mutex_);
  ++calls_;
  return error_;
}

size_t TestNode::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

bool TestNode::holds(const Multihash& group) const {
  MutexLock lock(mutex_);
  const auto found = promises_.lower_bound({group, PeerId()});
  return found != promises_.end() && found->first.first == group;
}

}  // namespace l2p::testkit
