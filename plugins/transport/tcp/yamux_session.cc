#include "yamux_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "l2p/transport.h"

namespace l2p::tcp {
namespace {

// A window doubles when half of it was used up within four round trips; a round trip shorter than
// this is one of a quiet moment, and says little about a busy one.
constexpr Duration kMinRoundTrip = absl::Microseconds(2500);

absl::Status Broken(uint32_t id, std::string_view cause) {
  return absl::InvalidArgumentError(absl::StrCat("yamux: stream ", id, ": ", av(cause)));
}

}  // namespace

YamuxChannel* YamuxSession::Find(uint32_t id) {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : found->second.get();
}

MutableByteView YamuxSession::InputTarget(MutableByteView scratch) {
  filled_ = nullptr;
  if (body_left_ == 0) {
    target_ = MutableByteView(header_bytes_).subspan(header_size_);
    return target_;
  }
  YamuxChannel* channel = Find(header_.id);
  if (channel != nullptr && !channel->reset && !channel->remote_closed &&
      channel->received.empty() && channel->delivered < channel->destination.size()) {
    const size_t room = channel->destination.size() - channel->delivered;
    target_ = channel->destination.subspan(channel->delivered, std::min<size_t>(room, body_left_));
    channel->filling = true;
    filled_ = channel;
  } else {
    target_ = scratch.first(std::min<size_t>(scratch.size(), body_left_));
  }
  return target_;
}

absl::Status YamuxSession::Received(size_t count, Time now) {
  received_bytes_ += count;
  if (body_left_ == 0) {
    header_size_ += count;
    if (header_size_ < kYamuxHeaderBytes) return absl::OkStatus();
    header_size_ = 0;
    header_ = YamuxHeader::Decode(header_bytes_);
    return OnHeader(now);
  }
  OnBody(target_.first(count), now);
  if (count == 0) return absl::OkStatus();
  body_left_ -= static_cast<uint32_t>(count);
  if (body_left_ == 0) OnEndOfFrame();
  return absl::OkStatus();
}

absl::Status YamuxSession::OnHeader(Time now) {
  if (header_.version != 0) {
    return absl::InvalidArgumentError(absl::StrCat("yamux: unknown version ", header_.version));
  }
  switch (header_.type) {
    case YamuxType::kData:
    case YamuxType::kWindowUpdate:
      return OnStreamFrame(now);
    case YamuxType::kPing:
      return OnPing(now);
    case YamuxType::kGoAway:
      remote_went_away_ = true;
      return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("yamux: unknown frame type ", static_cast<int>(header_.type)));
}

absl::Status YamuxSession::OnStreamFrame(Time now) {
  if (header_.id == 0) return Broken(0, "is no stream");
  if (header_.flags & kSyn) L2P_RETURN_IF_ERROR(Accept(now));
  YamuxChannel* channel = Find(header_.id);
  if (header_.type == YamuxType::kData) body_left_ = header_.length;
  if (channel == nullptr) return absl::OkStatus();  // After a reset these are normal.
  if (header_.flags & kAck) Acknowledge(*channel);
  if (header_.type == YamuxType::kData) {
    if (header_.length > channel->credit_left) {
      return Broken(header_.id, "more data than it has credit for");
    }
    channel->credit_left -= header_.length;
  } else {
    L2P_RETURN_IF_ERROR(AddCredit(*channel, header_.length));
  }
  if (header_.flags & kRst) {
    EndBoth(*channel);
    EraseIfOver(*channel);
  } else if (body_left_ == 0) {
    OnEndOfFrame();
  }
  return absl::OkStatus();
}

absl::Status YamuxSession::Accept(Time now) {
  if ((header_.id ^ next_id_) % 2 == 0) return Broken(header_.id, "opened with an id of our side");
  if (Find(header_.id) != nullptr) return Broken(header_.id, "opened twice");
  if (inbound_ >= limits_.max_streams || failed_) {
    Control({.type = YamuxType::kWindowUpdate, .flags = kRst, .id = header_.id});
    return CheckControl();
  }
  ++inbound_;
  auto& channel = channels_[header_.id] = std::make_unique<YamuxChannel>();
  channel->id = header_.id;
  channel->opened = channel->window_began = now;
  channel->wanted = channel->syn_sent = channel->acknowledged = true;
  channel->ack_due = true;
  channel->released = true;
  channel->responder = std::make_unique<MultistreamResponder>();
  Schedule(*channel);
  return absl::OkStatus();
}

absl::Status YamuxSession::AddCredit(YamuxChannel& channel, uint32_t credit) {
  if (credit > UINT32_MAX - channel.send_credit) return Broken(channel.id, "too much credit");
  channel.send_credit += credit;
  Schedule(channel);
  return absl::OkStatus();
}

absl::Status YamuxSession::OnPing(Time now) {
  if (header_.flags & kSyn) {
    Control({.type = YamuxType::kPing, .flags = kAck, .length = header_.length});
    return CheckControl();
  }
  if ((header_.flags & kAck) && ping_sent_.has_value() && header_.length == ping_value_) {
    round_trip_ = now - *ping_sent_;
    ping_sent_.reset();
  }
  return absl::OkStatus();
}

void YamuxSession::OnBody(ByteView bytes, Time now) {
  YamuxChannel* channel = filled_ != nullptr ? filled_ : Find(header_.id);
  const bool into_destination = filled_ != nullptr;
  filled_ = nullptr;
  if (channel == nullptr) return;
  channel->filling = false;
  if (channel->leaving) channel->reader->Set();
  if (bytes.empty() || channel->reset || channel->remote_closed) return;
  if (into_destination) {
    channel->delivered += bytes.size();
    Consumed(*channel, bytes.size(), now);
    if (channel->delivered == channel->destination.size()) WakeReader(*channel);
  } else {
    channel->received.Append(bytes);
  }
  if (!channel->touched) touched_.push_back(channel->id);
  channel->touched = true;
}

void YamuxSession::OnEndOfFrame() {
  YamuxChannel* channel = Find(header_.id);
  if (channel == nullptr || !(header_.flags & kFin) || channel->remote_closed) return;
  channel->remote_closed = true;
  if (!channel->touched) touched_.push_back(channel->id);
  channel->touched = true;
  EraseIfOver(*channel);
}

void YamuxSession::EndInput() {
  for (const uint32_t id : std::exchange(touched_, {})) {
    YamuxChannel* channel = Find(id);
    if (channel == nullptr) continue;
    channel->touched = false;
    if (channel->negotiating) {
      negotiating_.push_back(id);
    } else {
      WakeReader(*channel);
    }
  }
}

void YamuxSession::Consumed(YamuxChannel& channel, size_t count, Time now) {
  channel.consumed += static_cast<uint32_t>(count);
  if (channel.consumed < channel.window / 2 || channel.remote_closed || channel.reset) return;
  uint32_t grant = std::exchange(channel.consumed, 0);
  if (now - channel.window_began < 4 * std::max(round_trip_, kMinRoundTrip) &&
      channel.window <= limits_.window_max / 2 && growth_ + channel.window <= kGrowthMax) {
    growth_ += channel.window;
    grant += channel.window;
    channel.window *= 2;
  }
  channel.window_began = now;
  channel.credit_left += grant;
  channel.grant += grant;
  Schedule(channel);
}

absl::StatusOr<YamuxChannel*> YamuxSession::Open(Time now) {
  if (failed_ || remote_went_away_) return absl::UnavailableError("yamux: the session is closing");
  if (channels_.size() - inbound_ >= limits_.max_streams) {
    return absl::ResourceExhaustedError(
        absl::StrCat("yamux: ", limits_.max_streams, " streams are open"));
  }
  if (next_id_ > UINT32_MAX - 2) return absl::UnavailableError("yamux: out of stream ids");
  const uint32_t id = std::exchange(next_id_, next_id_ + 2);
  auto& channel = channels_[id] = std::make_unique<YamuxChannel>();
  channel->id = id;
  channel->outbound = true;
  channel->opened = channel->window_began = now;
  return channel.get();
}

void YamuxSession::CloseWrite(YamuxChannel& channel) {
  channel.close_wanted = true;
  Want(channel);
  Schedule(channel);
}

void YamuxSession::Write(YamuxChannel& channel, Bytes bytes) {
  channel.queue.Append(std::move(bytes));
  Schedule(channel);
}

void YamuxSession::Reset(YamuxChannel& channel) {
  const bool over = channel.reset || (channel.fin_sent && channel.remote_closed);
  if (over) return;
  if (channel.syn_sent) {
    Control({.type = YamuxType::kWindowUpdate, .flags = kRst, .id = channel.id});
  }
  EndBoth(channel);
  EraseIfOver(channel);
}

void YamuxSession::EndBoth(YamuxChannel& channel) {
  channel.reset = true;
  channel.received.Clear();
  channel.queue.Clear();
  Acknowledge(channel);
  WakeReader(channel);
  WakeWriter(channel);
}

void YamuxSession::Release(YamuxChannel& channel) {
  channel.released = true;
  channel.when_readable = channel.when_writable = nullptr;
  const bool ended = channel.reset || (channel.close_wanted && channel.remote_closed);
  if (!ended) return Reset(channel);
  channel.received.Clear();
  EraseIfOver(channel);
}

void YamuxSession::EraseIfOver(YamuxChannel& channel) {
  const bool over = channel.reset || (channel.fin_sent && channel.remote_closed);
  if (!over || !channel.released) return;
  Acknowledge(channel);
  if (!channel.outbound) --inbound_;
  growth_ -= channel.window - kYamuxFirstWindow;
  // At once, not when its turn comes: an other side that reads nothing must not let them pile up.
  if (channel.scheduled) std::erase(ready_, channel.id);
  channels_.erase(channel.id);
}

void YamuxSession::ResetNegotiatingSince(Time limit) {
  std::vector<YamuxChannel*> late;
  for (const auto& [id, channel] : channels_) {
    if (channel->negotiating && !channel->outbound && channel->opened < limit) {
      late.push_back(channel.get());
    }
  }
  for (YamuxChannel* channel : late) Reset(*channel);
}

void YamuxSession::Fail() {
  failed_ = true;
  ready_.clear();
  waiting_for_ack_.clear();
  for (auto next = channels_.begin(); next != channels_.end();) {
    YamuxChannel& channel = *next++->second;
    channel.scheduled = false;
    if (!channel.reset && !(channel.fin_sent && channel.remote_closed)) EndBoth(channel);
    EraseIfOver(channel);
  }
}

void YamuxSession::WakeReader(YamuxChannel& channel) {
  if (channel.reader != nullptr) channel.reader->Set();
  if (channel.when_readable && channel.readable()) {
    callbacks_.push_back({channel.id, std::exchange(channel.when_readable, nullptr)});
  }
}

void YamuxSession::WakeWriter(YamuxChannel& channel) {
  if (channel.writer != nullptr) channel.writer->Set();
  if (channel.when_writable && (channel.reset || channel.queue.size() <= Stream::kWriteLimit)) {
    callbacks_.push_back({channel.id, std::exchange(channel.when_writable, nullptr)});
  }
}

}  // namespace l2p::tcp
