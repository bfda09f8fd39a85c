#include "kernel/advice.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr uint64_t kLittleDisk = uint64_t{1} << 30;
constexpr Duration kDialledSoon = absl::Minutes(10);  // In a swarm of any size.

// The disk's last space, which others may take too: the quota is no longer what bounds the store.
bool DiskIsNearlyFull(const KernelNode::Status& status) {
  return status.disk_total > 0 && status.disk_free < std::min(kLittleDisk, status.disk_total / 20);
}

}  // namespace

std::vector<std::string> AdviceFor(const KernelNode::Status& status, Time now) {
  std::vector<std::string> advice;
  if (DiskIsNearlyFull(status)) {
    advice.push_back(absl::StrCat("the disk below data.dir has only ", status.disk_free >> 20,
                                  " MiB left: free some, or puts and pushes will fail"));
  }
  if (status.move && !status.move->problem.empty()) {
    advice.push_back(absl::StrCat("moving blocks to ", status.move->to, " fails: ",
                                  status.move->problem, "; it is tried again until it works"));
  }
  if (status.lost_blocks > 0) {
    advice.push_back(absl::StrCat(status.lost_blocks,
                                  " held blocks are lost here: check the disk; service keeper "
                                  "fetches them again"));
  }
  if (!status.joined) {
    advice.push_back("no peer is connected: check network.bootstrap, or use l2p connect MULTIADDR");
  } else if (!status.was_dialled && !status.seen_at.empty() &&
             now - status.started > kDialledSoon) {
    advice.push_back(absl::StrCat("nobody has connected to this node, which others see at ",
                                  status.seen_at,
                                  ": forward its port and set network.announce; until then it "
                                  "holds nothing for others"));
  }
  if (status.store.disk_bytes > status.quota_bytes / 20 * 19) {
    advice.push_back("storage is nearly full: raise storage.quota, or l2p rm something");
  }
  if (status.degraded_groups > 0) {
    advice.push_back(absl::StrCat(status.degraded_groups,
                                  " held groups have lost holders: repair begins by itself; if "
                                  "the number stays, more nodes are needed"));
  }
  if (status.incomplete_groups > 0) {
    advice.push_back(absl::StrCat(status.incomplete_groups,
                                  " groups put here have fewer holders than asked for: leave "
                                  "this node running, or add nodes"));
  }
  if (!status.store.durable) {
    advice.push_back(
        "storage.plugin forgets everything when the node stops, so it holds nothing for others");
  }
  return advice;
}

}  // namespace l2p
