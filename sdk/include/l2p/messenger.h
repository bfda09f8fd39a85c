#ifndef L2P_MESSENGER_H_
#define L2P_MESSENGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/tasks.h"
#include "l2p/transport.h"

namespace l2p {

// A Caller is the peer behind an inbound request or stream: proven id, address it came from.
struct Caller {
  PeerId peer;
  Multiaddr address;
};

// Several requests on the way at once, answers taken as they come: an iterative lookup is one loop.
// One task at a time. Destroying it abandons what is on the way.
class L2P_SDK_API Calls {
 public:
  struct Answer {
    uint64_t call = 0;             // As Send returned it.
    absl::StatusOr<Bytes> result;  // The answering message, or why there is none.
    Duration took;                 // From Send; the dial included when `dialled`.
    bool dialled = false;          // No connection stood when it was sent.
  };

  virtual ~Calls();

  // Sends `request` as one message on a new stream of `protocol` and expects one message of at most
  // `max_answer` bytes. Dials if need be (`to.addresses` are tried with those the peer book knows).
  // Never waits; the outcome, DeadlineExceeded at `deadline` included, comes from Next.
  virtual uint64_t Send(const PeerInfo& to, std::string_view protocol, Bytes request,
                        size_t max_answer, Time deadline) = 0;

  // The next outcome; nullopt when none comes by `deadline`, at once if nothing is on the way.
  virtual std::optional<Answer> Next(Time deadline) = 0;

  virtual size_t on_the_way() const = 0;
};

// A PeerWatcher hears of peers: one call at a time, in order, as a task.
struct PeerWatcher {
  // Identify is done (again): `peer` is connected, listens at `addresses`, speaks `protocols`
  // (sorted).
  std::function<void(const PeerInfo& peer, const std::vector<std::string>& protocols)> up;
  // The last connection to `peer` has ended.
  std::function<void(const PeerId& peer)> down;
};

// The Messenger carries messages and streams by protocol over any live transport, dialling when
// needed. One facade per plugin instance. A message is uvarint(length) + bytes.
//
// [any thread]. Registrations end when destroyed.
class L2P_SDK_API Messenger {
 public:
  // Answers one request: a message to send back, nullopt for none, or an error, which resets the
  // stream. Runs as a task when the whole message has arrived; never waits for another peer.
  using Handler =
      std::function<absl::StatusOr<std::optional<Bytes>>(const Caller& from, ByteView request)>;
  // Owns an inbound stream whose first bytes (or end) have arrived. Runs as a task, may wait on
  // this stream within deadlines.
  using StreamHandler = std::function<void(const Caller& from, std::unique_ptr<Stream> stream)>;

  virtual ~Messenger();

  virtual std::unique_ptr<Calls> NewCalls() = 0;

  // Sends messages that have no answer, on one stream in this order; OK when all were handed to the
  // transport. After an error the first ones may have arrived.
  virtual absl::Status Tell(const PeerInfo& to, std::string_view protocol,
                            std::span<const Bytes> messages, Time deadline) = 0;

  // A stream to `to`, dialling if need be.
  virtual absl::StatusOr<std::unique_ptr<Stream>> Open(const PeerInfo& to,
                                                       std::string_view protocol,
                                                       Time deadline) = 0;

  // Serves `protocol` (then listed in identify): several requests on one stream, in order, each at
  // most `max_request` bytes. AlreadyExists when someone serves it.
  virtual absl::StatusOr<std::unique_ptr<Registration>> Serve(std::string_view protocol,
                                                              size_t max_request,
                                                              Handler handler) = 0;
  virtual absl::StatusOr<std::unique_ptr<Registration>> ServeStreams(std::string_view protocol,
                                                                     StreamHandler handler) = 0;

  // Peers with a standing connection whose identify is done, sorted.
  virtual std::vector<PeerId> Connected() = 0;

  // Begins with an `up` for each peer that Connected() would list.
  virtual std::unique_ptr<Registration> Watch(PeerWatcher watcher) = 0;

  // This node's id and the addresses it announces.
  virtual PeerInfo Self() = 0;
};

}  // namespace l2p

#endif  // L2P_MESSENGER_H_
