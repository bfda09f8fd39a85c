#ifndef L2P_KERNEL_CONTENT_PROMISE_H_
#define L2P_KERNEL_CONTENT_PROMISE_H_

#include <string>
#include <string_view>
#include <vector>

#include "l2p/event.h"
#include "l2p/group.h"
#include "l2p/status.h"

namespace l2p {

// A Promise is one row of Holdings: what is kept of a group for one owner, and until when. A value.
struct Promise {
  Time until = absl::InfiniteFuture();
  std::string nodes;    // Packed BlockRefs.
  std::string leaves;   // Packed BlockRefs.
  std::string record;   // What was pushed with the group; not read here.
  std::string network;  // Whence it came, see PublicNetworkOf.

  static Promise Of(const Group& group, Time until, std::string record, std::string network);
  // DataLoss when `row` is none.
  static absl::StatusOr<Promise> Decode(std::string_view row);
  std::string Encode() const;

  // Adds the blocks of `earlier` behind its own, within a cap, and its record if it has none.
  void Add(const Promise& earlier);

  std::vector<BlockRef> Blocks() const;
  std::vector<Multihash> BlockIds() const;
  Group AsGroup(const Multihash& id) const;
  uint64_t bytes() const;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_PROMISE_H_
