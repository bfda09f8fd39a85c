#ifndef @NAME@_TRANSPORT_H_
#define @NAME@_TRANSPORT_H_

#include <memory>
#include <optional>
#include <vector>

#include "l2p/host.h"
#include "l2p/listeners.h"
#include "l2p/transport.h"
#include "@name@_connection.h"

namespace @name@ {

// Plain TCP for a network that is closed and trusted: both sides prove their ids when they connect,
// and what follows is neither encrypted nor protected. A task of the node for each connection, so
// for some tens of peers. Its addresses look like those of the transport tcp, which cannot talk to
// it: all nodes of a swarm use the same one.
class @Name@Transport : public l2p::Transport {
 public:
  explicit @Name@Transport(l2p::Host& host);  // Outlives this.
  ~@Name@Transport() override;

  absl::Status Start(l2p::Inbound& inbound) override;
  absl::StatusOr<std::vector<l2p::Multiaddr>> Listen(const l2p::Multiaddr& address) override;
  bool CanDial(const l2p::Multiaddr& address) const override;
  absl::StatusOr<std::shared_ptr<l2p::Connection>> Dial(const l2p::Multiaddr& address,
                                                        const std::optional<l2p::PeerId>& expected,
                                                        l2p::Time deadline) override;
  void StopListening() override;
  void Stop() override;

 private:
  void AcceptFrom(int listener);
  void Welcome(int socket);
  absl::StatusOr<std::shared_ptr<@Name@Connection>> Greet(int socket, bool outbound,
                                                         l2p::Multiaddr remote, l2p::Time deadline);
  // Takes note of a connection, for Stop; Aborted after it, ResourceExhausted at the cap.
  absl::Status Keep(const std::shared_ptr<@Name@Connection>& connection);
  bool stopping();

  l2p::Host& host_;
  l2p::Inbound* inbound_ = nullptr;
  l2p::Mutex mutex_{"@Name@Transport"};
  bool listening_ L2P_GUARDED_BY(mutex_) = true;
  bool stopping_ L2P_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<@Name@Connection>> connections_ L2P_GUARDED_BY(mutex_);
  l2p::TaskGroup tasks_;  // Last: its destruction waits for what uses the others.
};

}  // namespace @name@

#endif  // @NAME@_TRANSPORT_H_
