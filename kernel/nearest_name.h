#ifndef L2P_KERNEL_NEAREST_NAME_H_
#define L2P_KERNEL_NEAREST_NAME_H_

#include <span>
#include <string>
#include <string_view>

namespace l2p {

// ", did you mean '<candidate>'?" with the candidate that takes the fewest edits from `name`, or ""
// when none is near. For the end of a message about an unknown name.
std::string DidYouMean(std::string_view name, std::span<const std::string> candidates);

}  // namespace l2p

#endif  // L2P_KERNEL_NEAREST_NAME_H_
