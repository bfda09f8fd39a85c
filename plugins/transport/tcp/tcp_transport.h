#ifndef L2P_PLUGINS_TRANSPORT_TCP_TCP_TRANSPORT_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TCP_TRANSPORT_H_

#include <atomic>
#include <memory>
#include <vector>

#include "io_loop.h"
#include "l2p/host.h"
#include "l2p/settings.h"
#include "l2p/transport.h"
#include "tcp_connection.h"
#include "tcp_listener.h"

namespace l2p::tcp {

// libp2p over TCP: multistream-select, TLS 1.3, yamux.
class TcpTransport : public Transport {
 public:
  TcpTransport(Host& host, const Settings& settings);
  ~TcpTransport() override;

  absl::Status Start(Inbound& inbound) override;
  absl::StatusOr<std::vector<Multiaddr>> Listen(const Multiaddr& address) override;
  bool CanDial(const Multiaddr& address) const override;
  absl::StatusOr<std::shared_ptr<Connection>> Dial(const Multiaddr& address,
                                                   const std::optional<PeerId>& expected,
                                                   Time deadline) override;
  void StopListening() override;
  void Stop() override;

 private:
  using SocketAddress = Poco::Net::SocketAddress;

  absl::StatusOr<int> OpenListener(const SocketAddress& address);
  absl::StatusOr<std::shared_ptr<Connection>> DialOne(const SocketAddress& target,
                                                      const std::optional<PeerId>& expected,
                                                      Time deadline);
  void OnAccepted(Poco::Net::StreamSocket socket, const SocketAddress& remote);
  std::shared_ptr<IoLoop> NextLoop();

  Host& host_;
  const size_t io_threads_;
  const std::shared_ptr<TcpContext> context_;
  std::vector<std::shared_ptr<IoLoop>> loops_;  // Constant after Start.
  std::atomic<size_t> next_loop_ = 0;
  Mutex mutex_{"TcpTransport"};
  std::vector<std::shared_ptr<TcpListener>> listeners_ L2P_GUARDED_BY(mutex_);  // On loop 0.
};

absl::StatusOr<std::unique_ptr<Transport>> OpenTcpTransport(Host& host, const Settings& settings);

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TCP_TRANSPORT_H_
