// What a YamuxSession sends, and in which order: answers and pings first, then the streams in turn,
// a quantum each, so that a small request never waits behind bulk.
#include <algorithm>
#include <cstring>

#include "l2p/transport.h"
#include "yamux_session.h"

namespace l2p::tcp {
namespace {

void Put(const YamuxHeader& header, MutableByteView& out) {
  const auto bytes = header.Encode();
  std::memcpy(out.data(), bytes.data(), bytes.size());
  out = out.subspan(bytes.size());
}

uint16_t AckOf(YamuxChannel& channel) {
  return std::exchange(channel.ack_due, false) ? uint16_t{kAck} : uint16_t{0};
}

}  // namespace

void YamuxSession::Control(YamuxHeader header) {
  const auto bytes = header.Encode();
  control_ += AsText(bytes);
}

absl::Status YamuxSession::CheckControl() const {
  if (control_.size() <= kMaxControl) return absl::OkStatus();
  return absl::InvalidArgumentError("yamux: the other side asks, but does not read the answers");
}

void YamuxSession::Ping(Time now) {
  Control({.type = YamuxType::kPing, .flags = kSyn, .length = ++ping_value_});
  ping_sent_ = now;
}

void YamuxSession::GoAway(uint32_t code) { Control({.type = YamuxType::kGoAway, .length = code}); }

void YamuxSession::Want(YamuxChannel& channel) {
  if (channel.wanted) return;
  channel.wanted = true;
  Schedule(channel);
}

bool YamuxSession::Sendable(const YamuxChannel& channel) const {
  if (channel.reset || !channel.wanted) return false;
  if (!channel.syn_sent) return true;
  if (channel.ack_due || channel.grant > 0) return true;
  if (!channel.queue.empty()) return channel.send_credit > 0;
  return channel.close_wanted && !channel.fin_sent;
}

void YamuxSession::Schedule(YamuxChannel& channel) {
  if (failed_ || channel.scheduled || !Sendable(channel)) return;
  channel.scheduled = true;
  if (!channel.syn_sent && unacknowledged_ >= kAckBacklog) {
    waiting_for_ack_.push_back(channel.id);
    return;
  }
  if (!channel.syn_sent) ++unacknowledged_;
  ready_.push_back(channel.id);
}

// Also ends the wait of an outbound channel that is over before its ACK came.
void YamuxSession::Acknowledge(YamuxChannel& channel) {
  if (!channel.outbound || channel.acknowledged) return;
  channel.acknowledged = true;
  if (!channel.scheduled && !channel.syn_sent) return;
  if (const auto waiting = std::find(waiting_for_ack_.begin(), waiting_for_ack_.end(), channel.id);
      waiting != waiting_for_ack_.end()) {
    waiting_for_ack_.erase(waiting);
    channel.scheduled = false;
    return;
  }
  --unacknowledged_;
  if (waiting_for_ack_.empty()) return;
  ++unacknowledged_;
  ready_.push_back(waiting_for_ack_.front());
  waiting_for_ack_.pop_front();
}

size_t YamuxSession::FillOutput(MutableByteView out) {
  const size_t room = out.size();
  if (!control_.empty()) {
    const size_t count = std::min(out.size(), control_.size());
    std::memcpy(out.data(), control_.data(), count);
    control_.erase(0, count);
    if (control_.empty()) control_.shrink_to_fit();
    out = out.subspan(count);
  }
  while (!ready_.empty()) {
    YamuxChannel* channel = Find(ready_.front());
    if (channel != nullptr && !Emit(*channel, out)) break;
    ready_.pop_front();
    if (channel == nullptr) continue;
    channel->scheduled = false;
    Schedule(*channel);
    EraseIfOver(*channel);
  }
  return room - out.size();
}

// False when there is no room for a turn that is worth it.
bool YamuxSession::Emit(YamuxChannel& channel, MutableByteView& out) {
  if (channel.reset) return true;
  const size_t data = std::min<size_t>(channel.queue.size(), channel.send_credit);
  if (out.size() < 4 * kYamuxHeaderBytes + std::min(data, kMinFrame)) return false;
  if (!std::exchange(channel.syn_sent, true)) {
    Put({.type = YamuxType::kWindowUpdate, .flags = kSyn, .id = channel.id}, out);
  }
  EmitWindow(channel, out);
  EmitData(channel, out);
  // In a frame of its own: js, when it reads FIN beside a body, may throw the body away.
  if (channel.close_wanted && channel.queue.empty() && !channel.fin_sent) {
    channel.fin_sent = true;
    Put({.type = YamuxType::kData, .flags = kFin, .id = channel.id}, out);
  }
  return true;
}

void YamuxSession::EmitWindow(YamuxChannel& channel, MutableByteView& out) {
  const bool ack_needs_frame =
      channel.ack_due && (channel.queue.empty() || channel.send_credit == 0);
  if (channel.grant == 0 && !ack_needs_frame) return;
  Put({.type = YamuxType::kWindowUpdate,
       .flags = AckOf(channel),
       .id = channel.id,
       .length = std::exchange(channel.grant, 0)},
      out);
}

void YamuxSession::EmitData(YamuxChannel& channel, MutableByteView& out) {
  const size_t count = std::min<size_t>(
      {channel.queue.size(), channel.send_credit, kQuantum, out.size() - 2 * kYamuxHeaderBytes});
  if (count == 0) return;
  Put({.type = YamuxType::kData,
       .flags = AckOf(channel),
       .id = channel.id,
       .length = static_cast<uint32_t>(count)},
      out);
  channel.queue.Take(out.first(count));
  out = out.subspan(count);
  channel.send_credit -= static_cast<uint32_t>(count);
  if (channel.queue.size() <= Stream::kWriteLimit) WakeWriter(channel);
}

}  // namespace l2p::tcp
