#ifndef L2P_KERNEL_ADVICE_H_
#define L2P_KERNEL_ADVICE_H_

#include <string>
#include <vector>

#include "kernel/node.h"

namespace l2p {

// What a person should do about a node that is like this at `now`: a sentence each, the most urgent
// first; empty if all is well.
std::vector<std::string> AdviceFor(const KernelNode::Status& status, Time now);

}  // namespace l2p

#endif  // L2P_KERNEL_ADVICE_H_
