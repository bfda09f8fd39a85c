#ifndef L2P_TESTKIT_TEST_NODE_H_
#define L2P_TESTKIT_TEST_NODE_H_

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "l2p/service.h"

namespace l2p::testkit {

// A TestNode is the Node of a service that has no kernel: blocks, promises, objects and opinions in
// memory, as a test makes them, and no network but the Messenger. Blocks are not verified. It says
// how often it was called, and can be made to refuse everything. [any thread]
class TestNode : public Node {
 public:
  // `messenger` is lent and outlives this.
  explicit TestNode(Messenger& messenger);
  ~TestNode() override;

  NodeBlocks& blocks() override { return *blocks_; }
  HeldGroups& groups() override { return *groups_; }
  NodePeers& peers() override { return *peers_; }
  Messenger& messenger() override { return messenger_; }

  void Hold(HeldGroup held, HeldGroups::Content content, std::span<const Block> blocks);
  void SetObjects(std::vector<OwnObject> objects);
  void SetProviders(std::vector<PeerInfo> providers);  // Of every key, and every candidate.
  void RemoveBlock(const Multihash& id);

  // From now on every call that can fail is answered with `error`; OK ends that.
  void FailWith(absl::Status error);

  size_t calls() const;
  bool holds(const Multihash& group) const;

 private:
  class Blocks;
  class Groups;
  class Peers;
  class Query;

  using Key = std::pair<Multihash, PeerId>;
  struct Promise {
    HeldGroup held;
    HeldGroups::Content content;
  };

  absl::Status Called() const;  // Counts the call; the error to answer with.

  Messenger& messenger_;
  const std::unique_ptr<NodeBlocks> blocks_;
  const std::unique_ptr<HeldGroups> groups_;
  const std::unique_ptr<NodePeers> peers_;

  mutable Mutex mutex_{"TestNode"};
  mutable size_t calls_ L2P_GUARDED_BY(mutex_) = 0;
  absl::Status error_ L2P_GUARDED_BY(mutex_);
  std::map<Multihash, Bytes> stored_ L2P_GUARDED_BY(mutex_);
  std::map<Key, Promise> promises_ L2P_GUARDED_BY(mutex_);
  std::vector<OwnObject> objects_ L2P_GUARDED_BY(mutex_);
  std::vector<PeerInfo> providers_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, double> scores_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_TEST_NODE_H_
