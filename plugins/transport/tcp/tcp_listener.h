#ifndef L2P_PLUGINS_TRANSPORT_TCP_TCP_LISTENER_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TCP_LISTENER_H_

#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <functional>

#include "io_loop.h"

namespace l2p::tcp {

// Accepts connections from one listening socket, on its loop.
class TcpListener : public Pollable {
 public:
  using OnAccepted =
      std::function<void(Poco::Net::StreamSocket socket, const Poco::Net::SocketAddress& remote)>;

  // Takes over `descriptor`, which is listening and non-blocking. Errors are logged by `log`.
  TcpListener(IoLoop& loop, std::function<Time()> clock, int descriptor, OnAccepted on_accepted,
              std::function<void(const absl::Status&)> log);
  ~TcpListener() override;

  // Accepts nothing more, soon. [any thread] through IoLoop::Wake afterwards.
  void Close() { closing_ = true; }

  int descriptor() const override { return descriptor_; }
  void OnAdded() override;
  void OnReady(uint32_t events) override;
  void OnWake() override;
  void OnTimer() override;
  void OnStop() override {}

 private:
  IoLoop& loop_;
  const std::function<Time()> clock_;
  const int descriptor_;
  const OnAccepted on_accepted_;
  const std::function<void(const absl::Status&)> log_;
  std::atomic<bool> closing_ = false;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TCP_LISTENER_H_
