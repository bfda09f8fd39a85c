#ifndef L2P_KERNEL_PROPERTIES_H_
#define L2P_KERNEL_PROPERTIES_H_

#include <string>
#include <string_view>
#include <vector>

#include "l2p/status.h"

namespace l2p {

// One setting of a properties file.
struct Property {
  std::string key;
  std::string value;
  int line = 0;  // Where it begins, from 1.
};

// Reads a properties file. `name` is what errors call it: InvalidArgument "<name>:<line>: ..." for
// a line that is no setting and for a key that is there twice.
absl::StatusOr<std::vector<Property>> ParseProperties(std::string_view name, std::string_view text);

}  // namespace l2p

#endif  // L2P_KERNEL_PROPERTIES_H_
