#ifndef L2P_TESTKIT_BARE_HOST_H_
#define L2P_TESTKIT_BARE_HOST_H_

#include <memory>
#include <string>
#include <vector>

#include "l2p/crypto.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// Hosts for programs that run a plugin without a kernel: the runtime's own folder and a table of
// it, no metrics. With `crypto`, which outlives the hosts, node i has a key pair of its own;
// without, a name only, crypto() aborts and Sign fails, as while a node opens its crypto plugin.
HostFactory BareHosts(std::shared_ptr<const Crypto> crypto);

// The folders that may hold <kind>/*.so: beside a build's or an installation's programs.
std::vector<std::string> PluginFolders();

// The first crypto plugin in one of `folders`, made on `host`, which is lent for the call.
absl::StatusOr<std::shared_ptr<const Crypto>> OpenCrypto(const std::vector<std::string>& folders,
                                                         Host& host);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_BARE_HOST_H_
