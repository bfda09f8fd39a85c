#include "kernel/admin/patient_socket.h"

#include <Poco/Net/ServerSocketImpl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "kernel/runtime/fd.h"

namespace l2p {

class PatientSocket::Listener : public Poco::Net::ServerSocketImpl {
 public:
  Listener() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // As long as it takes, whatever the timeout. Without an eventfd it has to look now and then.
  bool poll(const Poco::Timespan& timeout, int mode) override {
    if (!wake_.valid()) return ServerSocketImpl::poll(timeout, mode);
    pollfd both[] = {{sockfd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    return ::poll(both, 2, -1) > 0 && both[0].revents != 0;
  }

  void Wake() {
    const uint64_t once = 1;
    // It cannot fail but when it was woken 2^64 times.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &once, sizeof once);
  }

 private:
  const Fd wake_;
};

PatientSocket::PatientSocket() : ServerSocket(new Listener, true) {}

void PatientSocket::Wake() { static_cast<Listener*>(impl())->Wake(); }

}  // namespace l2p
