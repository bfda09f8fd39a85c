#ifndef L2P_PLUGINS_TRANSPORT_TCP_YAMUX_SESSION_H_
#define L2P_PLUGINS_TRANSPORT_TCP_YAMUX_SESSION_H_

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "l2p/status.h"
#include "yamux_channel.h"
#include "yamux_frame.h"

namespace l2p::tcp {

struct YamuxLimits {
  size_t max_streams = 1000;  // In each direction.
  uint32_t window_max = 16 * 1024 * 1024;
};

// One side of a yamux session: bytes in, bytes out, and the streams between. It knows no socket, no
// thread and no clock. One call at a time.
class YamuxSession {
 public:
  YamuxSession(bool dialer, YamuxLimits limits) : limits_(limits), next_id_(dialer ? 1 : 2) {}

  // Where the next bytes that arrive are to be put: the memory of a waiting reader, or
  // part of `scratch` (not empty). Only Received may be called until that is done; but a channel
  // may change, be reset or lose its destination's bytes: see YamuxChannel::filling.
  MutableByteView InputTarget(MutableByteView scratch);

  // `count` bytes, perhaps none, are there. InvalidArgument: the other side broke the protocol; the
  // session ends.
  absl::Status Received(size_t count, Time now);

  // No more bytes for now: wakes readers that got some.
  void EndInput();

  // Puts the next frames into `out` (at least 64 KiB + 12); 0 when there are none.
  size_t FillOutput(MutableByteView out);
  bool has_output() const { return !control_.empty() || !ready_.empty(); }

  // A new channel; it lives until Release and until both its directions have ended. Its SYN and
  // what is written go out only once Want was called. ResourceExhausted at the limit; Unavailable
  // when the other side goes away.
  absl::StatusOr<YamuxChannel*> Open(Time now);

  // The channel with this id, or nullptr.
  YamuxChannel* Find(uint32_t id);

  void Want(YamuxChannel& channel);
  void Write(YamuxChannel& channel, Bytes bytes);
  void CloseWrite(YamuxChannel& channel);
  void Reset(YamuxChannel& channel);
  void Release(YamuxChannel& channel);

  // `count` bytes of the channel were handed to their reader: gives credit when it is due.
  void Consumed(YamuxChannel& channel, size_t count, Time now);

  // The channels whose negotiation got bytes or its end since the last call, oldest news first. An
  // inbound channel has no handle and counts as released until the caller says otherwise.
  std::vector<uint32_t> TakeNegotiating() { return std::exchange(negotiating_, {}); }

  // Resets inbound channels that were opened before `limit` and still negotiate.
  void ResetNegotiatingSince(Time limit);

  // Callbacks that are due, to be run without the lock unless the channel is gone or muted by then.
  struct Callback {
    uint32_t id;
    std::function<void()> call;
  };
  std::vector<Callback> TakeCallbacks() { return std::exchange(callbacks_, {}); }

  // Sends a ping; answered() tells whether the last one was.
  void Ping(Time now);
  bool answered() const { return !ping_sent_.has_value(); }
  uint64_t received_bytes() const { return received_bytes_; }

  // Announces the end; then ends every channel.
  void GoAway(uint32_t code);
  void Fail();

  size_t streams() const { return channels_.size(); }
  bool remote_went_away() const { return remote_went_away_; }

  // Wakes a channel's reader or writer if it has a reason: its event at once, its callback later.
  void WakeReader(YamuxChannel& channel);
  void WakeWriter(YamuxChannel& channel);

 private:
  absl::Status OnHeader(Time now);
  absl::Status OnStreamFrame(Time now);
  absl::Status OnPing(Time now);
  absl::Status Accept(Time now);
  absl::Status AddCredit(YamuxChannel& channel, uint32_t credit);
  void OnBody(ByteView bytes, Time now);
  void OnEndOfFrame();
  void Acknowledge(YamuxChannel& channel);
  void EndBoth(YamuxChannel& channel);

  bool Sendable(const YamuxChannel& channel) const;
  void Schedule(YamuxChannel& channel);
  bool Emit(YamuxChannel& channel, MutableByteView& out);
  void EmitWindow(YamuxChannel& channel, MutableByteView& out);
  void EmitData(YamuxChannel& channel, MutableByteView& out);
  void Control(YamuxHeader header);
  absl::Status CheckControl() const;
  void EraseIfOver(YamuxChannel& channel);

  static constexpr size_t kQuantum = 64 * 1024;      // A channel's turn, and its largest frame.
  static constexpr size_t kMinFrame = 16 * 1024;     // Not split for want of room in `out`.
  static constexpr size_t kMaxControl = 256 * 1024;  // Answers that the other side does not read.
  static constexpr size_t kAckBacklog = 256;         // Streams that may wait for their ACK.
  static constexpr uint64_t kGrowthMax = uint64_t{64} << 20;  // Of all windows of a session.

  const YamuxLimits limits_;
  uint32_t next_id_;

  std::map<uint32_t, std::unique_ptr<YamuxChannel>> channels_;
  size_t inbound_ = 0;
  size_t unacknowledged_ = 0;
  uint64_t growth_ = 0;

  std::array<uint8_t, kYamuxHeaderBytes> header_bytes_;
  size_t header_size_ = 0;
  YamuxHeader header_;  // Of the frame whose body is being read.
  uint32_t body_left_ = 0;
  MutableByteView target_;          // What InputTarget gave.
  YamuxChannel* filled_ = nullptr;  // The channel whose destination it is part of.
  std::vector<uint32_t> touched_;
  std::vector<uint32_t> negotiating_;
  std::vector<Callback> callbacks_;

  std::string control_;
  std::deque<uint32_t> ready_;
  std::deque<uint32_t> waiting_for_ack_;

  std::optional<Time> ping_sent_;
  uint32_t ping_value_ = 0;
  Duration round_trip_ = absl::ZeroDuration();
  uint64_t received_bytes_ = 0;
  bool remote_went_away_ = false;
  bool failed_ = false;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_YAMUX_SESSION_H_
