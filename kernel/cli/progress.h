#ifndef L2P_KERNEL_CLI_PROGRESS_H_
#define L2P_KERNEL_CLI_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace l2p {

// Shows how far a transfer has come on stderr: one line that rewrites itself on a terminal, a plain
// line every few seconds elsewhere. One thread.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // Ends the line.

  // `detail` follows the numbers: "4 peers, 2 copies".
  void Show(uint64_t done, std::optional<uint64_t> total, const std::string& detail);

 private:
  const std::string what_;
  const bool terminal_;
  const absl::Time started_;
  absl::Time next_;
  bool shown_ = false;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CLI_PROGRESS_H_
