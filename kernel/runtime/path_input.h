#ifndef L2P_KERNEL_RUNTIME_PATH_INPUT_H_
#define L2P_KERNEL_RUNTIME_PATH_INPUT_H_

#include <memory>
#include <string>

#include "kernel/content/importer.h"

namespace l2p {

// The file or folder at `path` of this machine as an Input. A folder is walked in name order; links
// inside it stay links, a link as `path` itself is followed. Names that begin with '.' are left out
// below `path`, as the field's other tools do. NotFound, PermissionDenied (as errno says) or
// InvalidArgument (neither file nor folder) name the path; so do errors met on the way.
absl::StatusOr<std::unique_ptr<Input>> OpenPathInput(const std::string& path);

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_PATH_INPUT_H_
