#ifndef L2P_KERNEL_RUNTIME_DATA_DIR_H_
#define L2P_KERNEL_RUNTIME_DATA_DIR_H_

#include <cstdlib>
#include <string>

namespace l2p {

// Where a node of this user keeps its data unless data.dir says otherwise:
// ${XDG_DATA_HOME:-~/.local/share}/l2p.
inline std::string DefaultDataDir() {
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && data_home[0] == '/') return std::string(data_home) + "/l2p";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/l2p";
}

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_DATA_DIR_H_
