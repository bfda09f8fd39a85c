#ifndef L2P_TESTKIT_SIM_MESSENGER_H_
#define L2P_TESTKIT_SIM_MESSENGER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "l2p/messenger.h"
#include "l2p/runtime.h"
#include "l2p/testkit/sim_network.h"

namespace l2p::testkit {

class SimMessenger;

// Sees the requests of all nodes. It is called where they happen and must not wait.
class MessageObserver {
 public:
  virtual ~MessageObserver() = default;

  // `from` asks `to`; `dials`: over a connection that is still to be made.
  virtual void Requested(size_t from, size_t to, ByteView request, bool dials) = 0;
  // That connection stands.
  virtual void Connected(size_t from, size_t to) = 0;
  // The answer has arrived at `asker`, wanted there or not.
  virtual void Answered(size_t asker, size_t answerer, ByteView request, ByteView answer) = 0;
};

// All messengers on one network: who finds whom. Outlives them.
class SimMessengers {
 public:
  // Bytes beside the messages themselves, which the traffic of both ends counts.
  struct Costs {
    size_t request = 0;
    size_t answer = 0;
    size_t dial = 0;     // From the one who dials: handshakes, identify, the end of it all;
    size_t accept = 0;   // and what the other side sends meanwhile.
    size_t no_dial = 0;  // From one who dials in vain.
  };

  struct Options {
    Duration idle = absl::Seconds(60);  // A connection nobody used for so long is closed.
    Duration dial_timeout = absl::Seconds(10);
    Costs costs = {};
  };

  // Answers in a node's place whatever the protocol; nullopt: not at all.
  using Impostor = std::function<std::optional<Bytes>(const PeerId& asker, ByteView request)>;

  explicit SimMessengers(SimNetwork& network);
  SimMessengers(SimNetwork& network, Options options);

  // The messenger of `node`, which is the peer `self`. `runtime` is lent and outlives it.
  std::unique_ptr<SimMessenger> New(size_t node, Runtime& runtime, PeerId self);

  // Lent until it is replaced; nullptr: nobody.
  void SetObserver(MessageObserver* observer) { observer_ = observer; }

  // From now on `impostor` answers all requests to `node`; empty: its own handlers do again.
  void SetImpostor(size_t node, Impostor impostor);

  // While warm, what `node` asks goes out as if connections stood to everybody: no dial, no link
  // that lasts, no identify.
  void SetWarm(size_t node, bool warm);

  const Options& options() const { return options_; }

 private:
  friend class SimMessenger;
  friend class SimCalls;

  SimNetwork& network_;
  const Options options_;
  MessageObserver* observer_ = nullptr;
  std::vector<SimMessenger*> by_node_;
  std::map<size_t, Impostor> impostors_;
  std::set<size_t> warm_;
};

// A Messenger for simulations of many thousand nodes: whole messages over a SimNetwork, without
// connections, streams or multiplexing below them. What a router can notice is kept: a dial of
// three round trips unless connected, one dial per peer at a time, identify a round trip later,
// bandwidth and latency of every message, silence of dead hosts, connections closed when idle. An
// idle connection costs some 50 bytes on each side and no fiber.
//
// It carries no streams: Open and ServeStreams answer Unimplemented.
class SimMessenger : public Messenger {
 public:
  ~SimMessenger() override;

  std::unique_ptr<Calls> NewCalls() override;
  absl::Status Tell(const PeerInfo& to, std::string_view protocol, std::span<const Bytes> messages,
                    Time deadline) override;
  absl::StatusOr<std::unique_ptr<Stream>> Open(const PeerInfo& to, std::string_view protocol,
                                               Time deadline) override;
  absl::StatusOr<std::unique_ptr<Registration>> Serve(std::string_view protocol, size_t max_request,
                                                      Handler handler) override;
  absl::StatusOr<std::unique_ptr<Registration>> ServeStreams(std::string_view protocol,
                                                             StreamHandler handler) override;
  std::vector<PeerId> Connected() override;
  std::unique_ptr<Registration> Watch(PeerWatcher watcher) override;
  PeerInfo Self() override { return *self_; }

 private:
  friend class SimMessengers;
  friend class SimCalls;

  // Hears the answer to one request, or why there is none; null when nobody waits for it.
  using Done = std::function<void(absl::StatusOr<Bytes>)>;
  struct Request {
    std::string protocol;
    Bytes message;
    size_t max_answer = 0;
    Done done;
  };
  struct Link {
    Time used;
    bool identified = false;
  };
  struct Service;
  struct Watcher;
  class Ending;

  SimMessenger(SimMessengers& all, size_t node, Runtime& runtime, PeerId self);

  std::optional<size_t> Find(const PeerInfo& to) const;
  // Calls `then` with OK as soon as a connection to `node` stands, perhaps at once.
  void Connect(size_t node, const PeerId& expected, std::function<void(absl::Status)> then);
  void Knock(size_t node);
  void ConcludeDial(size_t node, const absl::Status& result);
  void Establish(size_t node);
  void Identify(size_t node);
  void Drop(size_t node);
  void Sweep();
  void ListProtocols();
  void TellOfProtocols();

  void Send(size_t node, const std::shared_ptr<Request>& request);
  void Receive(size_t from, const std::shared_ptr<Request>& request);
  void Serve(const std::shared_ptr<Service>& service, size_t from,
             const std::shared_ptr<Request>& request);
  void Answer(size_t to, const std::shared_ptr<Request>& request, absl::StatusOr<Bytes> answer);
  using News = std::function<void(const PeerWatcher&)>;
  void Notify(const std::shared_ptr<Watcher>& watcher, News news);
  void NotifyAll(const News& news);

  SimMessenger* At(size_t node) const;
  // Runs `step` of this messenger after `delay` unless it is gone by then.
  void After(Duration delay, std::function<void()> step);

  SimMessengers& all_;
  SimNetwork& network_;
  Simulation& simulation_;
  const size_t node_;
  Runtime& runtime_;
  const std::shared_ptr<const PeerInfo> self_;  // Held by what others are still to be told.
  absl::flat_hash_map<uint32_t, Link> links_;
  struct Dial {
    PeerId expected;
    std::vector<std::function<void(absl::Status)>> waiting;
  };
  std::map<size_t, Dial> dials_;
  std::map<std::string, std::shared_ptr<Service>, std::less<>> services_;
  std::shared_ptr<const std::vector<std::string>> protocols_;  // Their names.
  std::vector<std::shared_ptr<Watcher>> watchers_;
  bool sweeping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // Held weakly by callbacks.
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIM_MESSENGER_H_
