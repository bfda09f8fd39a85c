#ifndef L2P_PLUGINS_TRANSPORT_TCP_TCP_CONNECTION_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TCP_CONNECTION_H_

#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "io_loop.h"
#include "l2p/host.h"
#include "l2p/transport.h"
#include "tls_session.h"
#include "upgrade.h"
#include "yamux_session.h"

namespace l2p::tcp {

// What all connections of a transport share.
struct TcpContext {
  explicit TcpContext(Host& its_host) : host(its_host) {}

  Host& host;
  std::unique_ptr<TlsContext> tls;
  Inbound* inbound = nullptr;  // Until the loops have stopped.
  YamuxLimits limits;
  Duration handshake_timeout;
  Duration keepalive;
  size_t max_handshakes = 0;
  std::atomic<size_t> handshakes = 0;  // Inbound ones under way.
  Metric* open = nullptr;
  Metric* failed_handshakes = nullptr;
  Metric* received_bytes = nullptr;
  Metric* sent_bytes = nullptr;
};

// One TCP connection: its socket, TLS and yamux session belong to one IoLoop; streams reach the
// yamux session under the connection's mutex and have the loop send what came of it.
class TcpConnection : public Connection,
                      public Pollable,
                      public std::enable_shared_from_this<TcpConnection> {
 public:
  struct Ends {
    Multiaddr local;
    Multiaddr remote;
  };

  // For an inbound connection: `socket` was accepted from `ends.remote`.
  TcpConnection(std::shared_ptr<TcpContext> context, std::shared_ptr<IoLoop> loop,
                Poco::Net::StreamSocket socket, Ends ends);
  // For one that we dial: `socket` is connecting.
  TcpConnection(std::shared_ptr<TcpContext> context, std::shared_ptr<IoLoop> loop,
                Poco::Net::StreamSocket socket, Multiaddr remote, std::optional<PeerId> expected);
  ~TcpConnection() override;

  // After the loop got a dialled connection: waits until it stands. On failure it is closed, and
  // the kernel never hears of it.
  absl::Status AwaitOpen(Time deadline);

  const PeerId& peer() const override { return peer_; }
  const Multiaddr& remote() const override { return ends_.remote; }
  const Multiaddr& local() const override { return ends_.local; }
  bool outbound() const override { return outbound_; }
  absl::StatusOr<std::unique_ptr<Stream>> Open(std::string_view protocol) override;
  void Close() override;
  size_t streams() const override;

  int descriptor() const override { return descriptor_; }
  void OnAdded() override;
  void OnReady(uint32_t events) override;
  void OnWake() override;
  void OnTimer() override;
  void OnStop() override;

 private:
  friend class TcpStream;
  enum class State { kOpening, kOpen, kClosed };

  void OnConnected();
  void OnInput();
  void Take(ByteView ciphertext);
  void AdvanceUpgrade(ByteView in);
  void OnUpgraded();
  void TakePlaintext();
  void Pump();  // Does all that became due: negotiations, output, callbacks.
  void Negotiate();
  void NegotiateOutbound(YamuxChannel& channel) L2P_REQUIRES(mutex_);
  void NegotiateInbound(uint32_t id);
  std::optional<std::string> NextProposal(uint32_t id);
  std::unique_ptr<Stream> Answer(uint32_t id, std::string_view proposal, bool accepted);
  void RunCallbacks();
  void SendFrames();
  void SendTlsOutput();
  void Flush();
  void Send(ByteView bytes);
  void WatchSocket();
  void ScheduleTimer(Time now);
  void End(absl::Status why);  // Announces it as far as possible, and closes.
  void Farewell(const absl::Status& why);
  void CloseSocket();
  bool IsClosed() const;
  void WakeLoop() { loop_->Wake(shared_from_this()); }

  const std::shared_ptr<TcpContext> context_;
  const std::shared_ptr<IoLoop> loop_;
  const bool outbound_;
  Ends ends_;    // Constant once open.
  PeerId peer_;  // Constant once open.

  // The loop's thread only.
  Poco::Net::StreamSocket socket_;
  int descriptor_;
  bool connecting_;
  std::unique_ptr<Upgrade> upgrade_;
  std::unique_ptr<TlsSession> tls_;
  std::string unsent_;
  size_t unsent_begin_ = 0;
  Time next_ping_ = absl::InfiniteFuture();
  uint64_t received_at_ping_ = 0;
  bool got_frames_ = false;

  mutable Mutex mutex_{"TcpConnection"};
  YamuxSession session_ L2P_GUARDED_BY(mutex_);
  State state_ L2P_GUARDED_BY(mutex_) = State::kOpening;
  bool close_wanted_ L2P_GUARDED_BY(mutex_) = false;
  absl::Status why_ L2P_GUARDED_BY(mutex_);  // Of the end.
  const std::unique_ptr<Event> opened_;      // Dialled: open or closed.
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TCP_CONNECTION_H_
