// What the transport suite plays the kernel with.
#ifndef L2P_TESTKIT_SRC_TRANSPORT_ENDS_H_
#define L2P_TESTKIT_SRC_TRANSPORT_ENDS_H_

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "l2p/testkit/conformance.h"
#include "l2p/transport.h"

namespace l2p::testkit {

// An Inbound that keeps what it is given and lets a task wait for it.
class RecordingInbound : public Inbound {
 public:
  struct Opened {
    std::shared_ptr<Connection> connection;
    std::string protocol;
    std::unique_ptr<Stream> stream;
  };

  explicit RecordingInbound(Host& host);

  bool Accepts(std::string_view protocol) override;
  bool OnConnection(std::shared_ptr<Connection> connection) override;
  void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                std::unique_ptr<Stream> stream) override;
  void OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) override;

  void RefuseConnections();

  // DeadlineExceeded when there is none within 10 seconds.
  absl::StatusOr<std::shared_ptr<Connection>> NextConnection();
  absl::StatusOr<Opened> NextStream();
  absl::Status AwaitClosed(size_t count);

  size_t closed();
  // How often OnClosed was called for a connection more than once, or OnStream after it.
  size_t late_calls();

 private:
  Host& host_;
  const std::unique_ptr<Event> event_;
  Mutex mutex_{"RecordingInbound"};
  bool refuse_ L2P_GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<Connection>> connections_ L2P_GUARDED_BY(mutex_);
  std::deque<Opened> streams_ L2P_GUARDED_BY(mutex_);
  std::set<const Connection*> closed_ L2P_GUARDED_BY(mutex_);
  // Kept, so that no later connection has the address of an ended one.
  std::vector<std::shared_ptr<Connection>> ended_ L2P_GUARDED_BY(mutex_);
  size_t late_calls_ L2P_GUARDED_BY(mutex_) = 0;
};

// One node with a started transport. Stops it at the end of its life unless that was done.
class TransportEnd {
 public:
  static absl::StatusOr<std::unique_ptr<TransportEnd>> Start(World& world, size_t node,
                                                             const Factory<Transport>& factory);
  ~TransportEnd();

  // Listens on the World's address and returns the first address to dial.
  absl::StatusOr<Multiaddr> Listen();
  void Stop();

  Host& host() { return host_; }
  const PeerId& peer() { return host_.identity().peer(); }
  Transport& transport() { return *transport_; }
  RecordingInbound& inbound() { return inbound_; }
  Time In(Duration duration) { return host_.Now() + duration; }

 private:
  TransportEnd(World& world, size_t node);

  World& world_;
  const size_t node_;
  Host& host_;
  RecordingInbound inbound_;
  std::unique_ptr<Transport> transport_;
  bool stopped_ = false;
};

// Node 1 dialled node 0: both ends of the connection.
struct Pair {
  std::unique_ptr<TransportEnd> listener;
  std::unique_ptr<TransportEnd> dialer;
  Multiaddr address;
  std::shared_ptr<Connection> theirs;  // The listener's.
  std::shared_ptr<Connection> ours;    // The dialer's.

  static absl::StatusOr<Pair> Make(World& world, const Factory<Transport>& factory);

  // Both ends of a new stream, opened by the dialer or the listener, and `greeting` on its way.
  struct Pipe {
    std::unique_ptr<Stream> near;
    std::unique_ptr<Stream> far;
  };
  absl::StatusOr<Pipe> OpenPipe(std::string_view greeting = "hello", bool from_listener = false);
};

inline constexpr char kTestProtocol[] = "/l2p/conformance/1";
inline constexpr char kUnknownProtocol[] = "/l2p/conformance/unknown";
inline constexpr Duration kPatience = absl::Seconds(10);

absl::Status WriteText(Stream& stream, std::string_view text, Time deadline);
// Exactly `size` bytes; an error when the stream ends before.
absl::StatusOr<std::string> ReadExactly(Stream& stream, size_t size, Time deadline);
// All up to the other side's CloseWrite.
absl::StatusOr<std::string> ReadToEnd(Stream& stream, Time deadline);
// Reads what is left until Read fails with Unavailable; anything else but bytes is an error.
absl::Status ExpectBroken(Stream& stream, Time deadline, std::string_view what);
// Whether `host` shows `wanted` within kPatience.
bool Eventually(Host& host, const std::function<bool()>& wanted);

std::vector<ConformanceCase> TransportConnections(const Factory<Transport>& factory,
                                                  const WorldFactory& world);
std::vector<ConformanceCase> TransportStreams(const Factory<Transport>& factory,
                                              const WorldFactory& world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_TRANSPORT_ENDS_H_
