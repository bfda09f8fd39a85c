#ifndef L2P_TESTKIT_SRC_SIM_NETWORK_TRANSPORT_H_
#define L2P_TESTKIT_SRC_SIM_NETWORK_TRANSPORT_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "l2p/host.h"
#include "l2p/testkit/sim_network.h"
#include "sim_network_connection.h"

namespace l2p::testkit {

class SimTransport : public Transport {
 public:
  // `port` outlives this.
  SimTransport(const SimNetwork::Port& port, PeerId self);
  ~SimTransport() override;

  absl::Status Start(Inbound& inbound) override;
  absl::StatusOr<std::vector<Multiaddr>> Listen(const Multiaddr& address) override;
  bool CanDial(const Multiaddr& address) const override;
  absl::StatusOr<std::shared_ptr<Connection>> Dial(const Multiaddr& address,
                                                   const std::optional<PeerId>& expected,
                                                   Time deadline) override;
  void StopListening() override;
  void Stop() override;

  // The host lost power or the process died (then the others see resets): no code of this node
  // runs for its connections any more.
  void Vanish(bool reset_others);
  void PathsChanged();
  void ResetConnectionsTo(size_t node);

  // For SimConnection.
  SimNetwork& network() { return network_; }
  Inbound& inbound() { return *inbound_; }
  const std::shared_ptr<CallCount>& calls() { return calls_; }
  void OnEnded(const std::shared_ptr<SimConnection>& connection, bool tell);

 private:
  struct Attempt;

  void Knock(const std::shared_ptr<Attempt>& attempt);
  void Shake(const std::shared_ptr<Attempt>& attempt);
  void Conclude(const std::shared_ptr<Attempt>& attempt);
  void ConcludeLater(const std::shared_ptr<Attempt>& attempt, absl::Status why);
  absl::Status WhyNot(const Attempt& attempt, const SimTransport* answering) const;
  void Later(Duration delay, const std::shared_ptr<Attempt>& attempt,
             void (SimTransport::*step)(const std::shared_ptr<Attempt>&));
  std::vector<std::shared_ptr<Attempt>> GiveUpAttempts();
  void ReportClosed();
  bool full() const { return connections_.size() >= network_.options().max_connections; }

  SimNetwork& network_;
  Simulation& simulation_;
  const size_t node_;
  const PeerId self_;
  Inbound* inbound_ = nullptr;  // From Start until Stop or Vanish.
  std::shared_ptr<CallCount> calls_ = std::make_shared<CallCount>();
  std::vector<std::shared_ptr<SimConnection>> connections_;  // In order of their making.
  std::vector<std::weak_ptr<Attempt>> attempts_;
  std::vector<std::shared_ptr<SimConnection>> closed_;  // Whose OnClosed is still to be called.
  // What callbacks of the Simulation hold weakly, to know whether this still is.
  std::shared_ptr<SimTransport*> me_ = std::make_shared<SimTransport*>(this);
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_SIM_NETWORK_TRANSPORT_H_
