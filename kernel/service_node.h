#ifndef L2P_KERNEL_SERVICE_NODE_H_
#define L2P_KERNEL_SERVICE_NODE_H_

#include "kernel/content/block_service.h"
#include "kernel/content/content.h"
#include "l2p/service.h"

namespace l2p {

// What services see of a KernelNode. All parts are lent and outlive it.
class ServiceNode : public Node {
 public:
  ServiceNode(BlockService& blocks, Content& content, Messenger& messenger)
      : blocks_(blocks), content_(content), messenger_(messenger) {}

  absl::StatusOr<Bytes> GetLocal(const Multihash& id) override { return blocks_.Get(id); }

  absl::StatusOr<Bytes> Get(const Cid& id, Time deadline) override {
    return GetBlock(*content_.NewSession(false), id, deadline);
  }

  absl::Status Put(const Cid& id, Bytes data) override {
    L2P_RETURN_IF_ERROR(blocks_.hashers().Verify(id.hash(), data));
    const Block block{id.hash(), std::move(data)};
    return BlockService::Operation(blocks_).Put({&block, 1});
  }

  Messenger& messenger() override { return messenger_; }

 private:
  BlockService& blocks_;
  Content& content_;
  Messenger& messenger_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_SERVICE_NODE_H_
