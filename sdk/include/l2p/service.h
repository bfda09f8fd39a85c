#ifndef L2P_SERVICE_H_
#define L2P_SERVICE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/cid.h"
#include "l2p/messenger.h"

namespace l2p {

// Node is what a Service sees of the node it extends: content in and out, peers, protocols.
// [any thread]; outlives the Service.
class L2P_SDK_API Node {
 public:
  virtual ~Node();

  // The block from this node's own store, or NotFound.
  virtual absl::StatusOr<Bytes> GetLocal(const Multihash& id) = 0;

  // The block from here or from the network, verified.
  virtual absl::StatusOr<Bytes> Get(const Cid& id, Time deadline) = 0;

  // Stores a block after checking that `data` hashes to `id` (DataLoss if not), within the quota.
  virtual absl::Status Put(const Cid& id, Bytes data) = 0;

  virtual Messenger& messenger() = 0;
};

// A Service is an add-on that uses a node through the narrow Node interface: a gateway, another
// exchange protocol, a keeper of redundancy.
class L2P_SDK_API Service {
 public:
  static constexpr char kKind[] = "service";
  virtual ~Service();

  // Called once each. `node` is lent until Stop returns.
  virtual absl::Status Start(Node& node) = 0;
  virtual void Stop() = 0;
};

}  // namespace l2p

#endif  // L2P_SERVICE_H_
