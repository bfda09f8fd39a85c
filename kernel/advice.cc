#include "kernel/advice.h"

#include "absl/strings/str_cat.h"

namespace l2p {

std::vector<std::string> AdviceFor(const KernelNode::Status& status) {
  std::vector<std::string> advice;
  if (status.move && !status.move->problem.empty()) {
    advice.push_back(absl::StrCat("moving blocks to ", status.move->to, " fails: ",
                                  status.move->problem, "; it is tried again until it works"));
  }
  if (!status.joined) {
    advice.push_back("no peer is connected: check network.bootstrap, or use l2p connect MULTIADDR");
  }
  if (status.store.disk_bytes > status.quota_bytes / 20 * 19) {
    advice.push_back("storage is nearly full: raise storage.quota, or l2p rm something");
  }
  if (!status.store.durable) {
    advice.push_back(
        "storage.plugin forgets everything when the node stops, so it holds nothing for others");
  }
  return advice;
}

}  // namespace l2p
