#ifndef L2P_TESTKIT_SRC_SIM_NETWORK_STREAM_H_
#define L2P_TESTKIT_SRC_SIM_NETWORK_STREAM_H_

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "l2p/testkit/sim_network.h"
#include "l2p/transport.h"

namespace l2p::testkit {

class SimConnection;

// Tasks inside calls of one transport: its Stop waits for them.
struct CallCount {
  size_t running = 0;
  std::unique_ptr<Event> none;
};

class RunningCall {
 public:
  explicit RunningCall(std::shared_ptr<CallCount> count) : count_(std::move(count)) {
    ++count_->running;
  }
  ~RunningCall() {
    if (--count_->running == 0 && count_->none != nullptr) count_->none->Set();
  }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

 private:
  const std::shared_ptr<CallCount> count_;
};

// One side of a stream, shared by the SimStream that the user owns and its connection. It stays
// with the connection until both directions have ended, also when the SimStream is gone already.
struct StreamSide {
  std::weak_ptr<SimConnection> connection;
  uint32_t id = 0;
  std::string offer;    // The protocol, until it was sent.
  bool orphan = false;  // The SimStream is gone.

  std::list<Bytes> unsent;
  size_t unsent_bytes = 0;
  size_t credit = 0;  // Bytes the other side still takes.
  bool write_closed = false;
  bool end_sent = false;

  std::list<Bytes> inbox;
  size_t consumed = 0;  // Read since credit was given last.
  bool end_received = false;

  absl::Status broken;  // Why nothing more can happen; OK while it can.

  std::unique_ptr<Event> readable;
  std::unique_ptr<Event> writable;
  std::function<void()> when_readable;
  std::function<void()> when_writable;

  bool CanRead() const { return !inbox.empty() || end_received || !broken.ok(); }
  bool CanWrite() const { return unsent_bytes <= Stream::kWriteLimit || !broken.ok(); }
  bool Ended() const { return !broken.ok() || (write_closed && end_received); }

  void TellReadable();
  void TellWritable();
  // Drops all bytes; both sides of waiting end with `why`.
  void Break(absl::Status why);
};

class SimStream : public Stream {
 public:
  // `node` has this end of it.
  SimStream(SimNetwork& network, size_t node, std::shared_ptr<CallCount> calls,
            std::shared_ptr<StreamSide> side);
  ~SimStream() override;

  absl::StatusOr<size_t> Read(MutableByteView into, Time deadline) override;
  absl::Status Write(std::span<const Bytes> parts, Time deadline) override;
  void CloseWrite() override;
  void Reset() override;
  void WhenReadable(std::function<void()> ready) override;
  void WhenWritable(std::function<void()> ready) override;

 private:
  // Waits until `ready` or `deadline`; false when the deadline passed first.
  bool Wait(std::unique_ptr<Event>& event, Time deadline, bool (StreamSide::*ready)() const);
  size_t TakeFromInbox(MutableByteView into);

  SimNetwork& network_;
  const size_t node_;
  const std::shared_ptr<CallCount> calls_;
  const std::shared_ptr<StreamSide> side_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_SIM_NETWORK_STREAM_H_
