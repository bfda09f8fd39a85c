#ifndef L2P_KERNEL_SERVICE_NODE_H_
#define L2P_KERNEL_SERVICE_NODE_H_

#include <memory>

#include "kernel/content/block_service.h"
#include "kernel/content/content.h"
#include "kernel/content/scrubber.h"
#include "kernel/network/peer_scores.h"
#include "l2p/service.h"

namespace l2p {

// A ServiceNode is what one service sees of a KernelNode. [any thread]
class ServiceNode : public Node {
 public:
  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    BlockService& blocks;
    Holdings& holdings;
    Scrubber& scrubber;
    Exchange& exchange;
    Placement& placement;
    PluginSlot<Router>& router;
    PeerScores& scores;
  };
  ServiceNode(Parts parts, std::unique_ptr<Messenger> messenger);
  ~ServiceNode() override;

  NodeBlocks& blocks() override { return *blocks_; }
  HeldGroups& groups() override { return *groups_; }
  NodePeers& peers() override { return *peers_; }
  Messenger& messenger() override { return *messenger_; }

 private:
  const std::unique_ptr<Messenger> messenger_;
  const std::unique_ptr<NodeBlocks> blocks_;
  const std::unique_ptr<HeldGroups> groups_;
  const std::unique_ptr<NodePeers> peers_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_SERVICE_NODE_H_
