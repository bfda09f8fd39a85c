#ifndef L2P_KERNEL_RUNTIME_FD_H_
#define L2P_KERNEL_RUNTIME_FD_H_

#include <unistd.h>

#include <utility>

namespace l2p {

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_FD_H_
