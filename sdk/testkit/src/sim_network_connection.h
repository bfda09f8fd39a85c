#ifndef L2P_TESTKIT_SRC_SIM_NETWORK_CONNECTION_H_
#define L2P_TESTKIT_SRC_SIM_NETWORK_CONNECTION_H_

#include <list>
#include <map>
#include <memory>
#include <string>

#include "l2p/testkit/sim_network.h"
#include "sim_network_stream.h"

namespace l2p::testkit {

// One end of a connection. What the other end sent waits on this end's wire until its time has come
// and the path is open.
class SimConnection : public Connection, public std::enable_shared_from_this<SimConnection> {
 public:
  struct Ends {
    PeerId peer;
    Multiaddr remote;
    Multiaddr local;
    size_t node;
    size_t other_node;
    bool outbound;
  };

  SimConnection(SimTransport& transport, Ends ends);

  // Ties the two ends of a new connection to each other.
  static void Join(const std::shared_ptr<SimConnection>& a,
                   const std::shared_ptr<SimConnection>& b);

  const PeerId& peer() const override { return ends_.peer; }
  const Multiaddr& remote() const override { return ends_.remote; }
  const Multiaddr& local() const override { return ends_.local; }
  bool outbound() const override { return ends_.outbound; }
  absl::StatusOr<std::unique_ptr<Stream>> Open(std::string_view protocol) override;
  void Close() override;
  size_t streams() const override { return sides_.size(); }

  // Ends this end. With `tell_other` the other end hears of it when the bytes sent before have
  // arrived; with `tell_owner` the transport reports OnClosed.
  void End(absl::Status why, bool tell_other, bool tell_owner);
  bool ended() const { return ended_; }
  size_t other_node() const { return ends_.other_node; }
  const absl::Status& why_ended() const { return why_; }

  // Both ends see a reset, now.
  void ResetBoth();

  // The path to the other end opened or was cut.
  void PathChanged();

  // For SimStream.
  void SendOffer(StreamSide& side);
  void SendWhatCredits(const std::shared_ptr<StreamSide>& side);
  void SendReset(StreamSide& side);
  void GiveCredit(StreamSide& side);

 private:
  struct Item {
    enum class Kind { kOffer, kData, kEnd, kReset, kRefused, kCredit, kClose };
    Kind kind;
    uint32_t stream = 0;
    size_t credit = 0;
    Bytes data{};  // Of kData; of kOffer the protocol.
    Time arrives{};
  };

  void Send(Item item);
  void Arrive();
  void WakeAt(Time when);
  void Handle(const Item& item);
  void HandleOffer(const Item& item);
  void HandleForStream(StreamSide& side, const Item& item);
  void ForgetIfEnded(uint32_t id);

  Simulation& simulation_;
  SimNetwork& network_;
  SimTransport* transport_;  // Until ended.
  const Ends ends_;
  std::weak_ptr<SimConnection> other_;
  bool ended_ = false;
  absl::Status why_;
  uint32_t next_stream_;
  std::map<uint32_t, std::shared_ptr<StreamSide>> sides_;
  std::list<Item> wire_;
  Time last_arrival_ = absl::InfinitePast();
  Time cut_since_ = absl::InfiniteFuture();
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_SIM_NETWORK_CONNECTION_H_
