#ifndef L2P_PLUGINS_TRANSPORT_TCP_YAMUX_CHANNEL_H_
#define L2P_PLUGINS_TRANSPORT_TCP_YAMUX_CHANNEL_H_

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/event.h"
#include "l2p/status.h"
#include "multistream.h"
#include "yamux_frame.h"

namespace l2p::tcp {

// Received bytes that no reader has taken yet, in memory of their own; whoever uses it bounds it.
class ReceiveQueue {
 public:
  void Append(ByteView bytes);

  // Moves bytes from the front into `into`; returns how many.
  size_t Take(MutableByteView into);

  // The contiguous bytes at the front, and their removal.
  ByteView front() const;
  void Drop(size_t count);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void Clear();

 private:
  struct Chunk {
    std::unique_ptr<uint8_t[]> memory;
    size_t capacity = 0;
    size_t begin = 0;
    size_t end = 0;
  };
  static constexpr size_t kMinChunk = 512;
  static constexpr size_t kMaxChunk = 64 * 1024;

  std::vector<Chunk> chunks_;  // Few, and mostly none: an idle stream takes no memory for them.
  size_t first_ = 0;
  size_t size_ = 0;
};

// Bytes to be sent, as they were written, without a copy.
class SendQueue {
 public:
  void Append(Bytes bytes);

  // Copies bytes from the front to `out` and lets go of them. REQUIRES: out.size() <= size().
  void Take(MutableByteView out);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void Clear();

 private:
  std::vector<Bytes> parts_;
  size_t first_ = 0;   // Index of the first part.
  size_t offset_ = 0;  // Bytes of it that are gone.
  size_t size_ = 0;
};

// The state of one stream of a YamuxSession, which owns it and is the only one to change it but for
// the members under "Waiting".
struct YamuxChannel {
  uint32_t id = 0;
  bool outbound = false;
  Time opened;

  // Receiving.
  ReceiveQueue received;
  MutableByteView destination;  // A waiting reader's memory, ahead of `received`.
  size_t delivered = 0;         // Bytes at the front of destination.
  bool filling = false;         // Bytes are being put into destination right now, without the lock.
  bool leaving = false;         // The reader waits for the end of `filling`.
  uint32_t window = kYamuxFirstWindow;       // What the other side may send ahead of the reader.
  uint32_t credit_left = kYamuxFirstWindow;  // How much of it is unused.
  uint32_t consumed = 0;                     // Read, and not yet given back as credit.
  Time window_began;                         // When credit was given last.
  uint32_t grant = 0;                        // Credit to be sent.
  bool remote_closed = false;                // The other side has sent FIN.

  // Sending.
  SendQueue queue;
  uint32_t send_credit = kYamuxFirstWindow;
  bool wanted = false;  // There is a reason to send the SYN (see YamuxSession::Open).
  bool syn_sent = false;
  bool acknowledged = false;
  bool ack_due = false;
  bool close_wanted = false;
  bool fin_sent = false;
  bool scheduled = false;

  bool reset = false;       // By either side.
  bool negotiating = true;  // Bytes belong to multistream-select until it has agreed.
  std::unique_ptr<MultistreamInitiator> initiator;  // Of an outbound channel, while it negotiates.
  std::unique_ptr<MultistreamResponder> responder;  // Of an inbound one.
  absl::Status refusal;                             // Why it ended without a protocol.
  bool released = false;  // No handle uses this channel (yet, or any more).
  bool touched = false;   // Has news for the reader since the last EndInput.

  // Waiting: a task, or a callback to run once. `calling` counts callbacks that run.
  Event* reader = nullptr;
  Event* writer = nullptr;
  std::function<void()> when_readable;
  std::function<void()> when_writable;
  int calling = 0;
  std::vector<Event*> call_ended;  // Of those who wait until none runs.
  bool muted = false;              // No further callback.

  bool readable() const { return reset || (!negotiating && (!received.empty() || remote_closed)); }
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_YAMUX_CHANNEL_H_
