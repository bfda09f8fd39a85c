// What every SDK header needs: symbol visibility and the version of the plugin boundary.
#ifndef L2P_API_H_
#define L2P_API_H_

#include <cstdint>

#ifndef L2P_SDK_API
#define L2P_SDK_API __attribute__((visibility("default")))
#endif

namespace l2p {

// A plugin is accepted when its major equals ours and its minor is not newer (see l2p/plugin.h).
inline constexpr uint16_t kSdkMajor = 1;
inline constexpr uint16_t kSdkMinor = 0;

// The version of this release, as `l2p --version` and identify print it.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace l2p

#endif  // L2P_API_H_
