#ifndef L2P_KERNEL_RUNTIME_PATH_OUTPUT_H_
#define L2P_KERNEL_RUNTIME_PATH_OUTPUT_H_

#include <memory>
#include <string>

#include "kernel/content/exporter.h"

namespace l2p {

// Writes an export to `target` of this machine. Everything is written to `target`.l2p-part beside
// it; Commit renames that into place, so the target is whole or not there. A part that an
// interrupted export left behind is read back and resumed. Nothing outside is ever touched: each
// path part is opened below its parent without following links.
//
// One task at a time. Destroyed without Commit, it leaves the part for a later try.
class PathOutput : public Output {
 public:
  // FailedPrecondition when `target` exists or its folder cannot be opened; errors name the path.
  static absl::StatusOr<std::unique_ptr<PathOutput>> Open(const std::string& target);

  // Makes the content durable and puts it in place.
  virtual absl::Status Commit() = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_PATH_OUTPUT_H_
