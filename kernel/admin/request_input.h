#ifndef L2P_KERNEL_ADMIN_REQUEST_INPUT_H_
#define L2P_KERNEL_ADMIN_REQUEST_INPUT_H_

#include <atomic>
#include <memory>
#include <optional>

#include "kernel/admin/admin_call.h"
#include "kernel/content/importer.h"

namespace l2p {

// What a request is to put: the path of this machine that it names, or its body as a tar or as one
// file. The call is lent. InvalidArgument when it has neither, or a path that is not absolute.
absl::StatusOr<std::unique_ptr<Input>> OpenInput(AdminCall& call);

// Passes an Input on until the caller has gone. The end of a chunked body counts only while the
// caller is still there for the answer: Poco does not tell a last chunk from a cut connection.
class CancellableInput : public Input {
 public:
  // All lent. `call` is where the input comes from, or null when it is not a body.
  CancellableInput(Input& input, const std::atomic<bool>& gone, AdminCall* call)
      : input_(input), gone_(gone), call_(call) {}

  absl::StatusOr<std::optional<Entry>> Next() override;
  absl::StatusOr<size_t> Read(MutableByteView into) override;
  std::optional<uint64_t> total_bytes() const override { return input_.total_bytes(); }

 private:
  absl::Status CheckComplete() const;

  Input& input_;
  const std::atomic<bool>& gone_;
  AdminCall* const call_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_REQUEST_INPUT_H_
