// The part of a TcpConnection that settles what each stream speaks, and that calls back to those
// who wait for one. All of it runs on the loop's thread, and calls to others hold no mutex.
#include <utility>

#include "tcp_connection.h"
#include "tcp_stream.h"

namespace l2p::tcp {

void TcpConnection::Negotiate() {
  std::vector<uint32_t> due;
  {
    MutexLock lock(mutex_);
    due = session_.TakeNegotiating();
  }
  for (const uint32_t id : due) {
    bool inbound = false;
    {
      MutexLock lock(mutex_);
      YamuxChannel* channel = session_.Find(id);
      if (channel == nullptr || !channel->negotiating || channel->reset) continue;
      inbound = !channel->outbound;
      if (!inbound) NegotiateOutbound(*channel);
    }
    if (inbound) NegotiateInbound(id);
  }
}

void TcpConnection::NegotiateOutbound(YamuxChannel& channel) {
  absl::StatusOr<bool> agreed = false;
  while (agreed.ok() && !*agreed && !channel.received.empty()) {
    ByteView in = channel.received.front();
    const size_t before = in.size();
    agreed = channel.initiator->Consume(in);
    channel.received.Drop(before - in.size());
    channel.consumed += static_cast<uint32_t>(before - in.size());
  }
  if (agreed.ok() && !*agreed && channel.remote_closed) {
    agreed = absl::UnavailableError("stream: ended before a protocol was agreed on");
  }
  if (!agreed.ok()) {
    channel.refusal = absl::UnavailableError(agreed.status().message());
    return session_.Reset(channel);
  }
  if (!*agreed) return;
  channel.negotiating = false;
  channel.initiator.reset();
  session_.WakeReader(channel);
}

void TcpConnection::NegotiateInbound(uint32_t id) {
  while (std::optional<std::string> proposal = NextProposal(id)) {
    const bool accepted = context_->inbound->Accepts(*proposal);
    if (std::unique_ptr<Stream> stream = Answer(id, *proposal, accepted)) {
      context_->inbound->OnStream(shared_from_this(), *proposal, std::move(stream));
      return;
    }
  }
}

// What the opener of the stream proposes next, if that has arrived; resets the stream when it never
// will.
std::optional<std::string> TcpConnection::NextProposal(uint32_t id) {
  MutexLock lock(mutex_);
  YamuxChannel* channel = session_.Find(id);
  if (channel == nullptr || channel->reset) return std::nullopt;
  absl::StatusOr<std::optional<std::string>> proposal = std::nullopt;
  while (proposal.ok() && !proposal->has_value() && !channel->received.empty()) {
    ByteView in = channel->received.front();
    const size_t before = in.size();
    proposal = channel->responder->Consume(in);
    channel->received.Drop(before - in.size());
    channel->consumed += static_cast<uint32_t>(before - in.size());
  }
  if (proposal.ok() && (proposal->has_value() || !channel->remote_closed)) return *proposal;
  session_.Reset(*channel);
  return std::nullopt;
}

std::unique_ptr<Stream> TcpConnection::Answer(uint32_t id, std::string_view proposal,
                                              bool accepted) {
  YamuxChannel* channel;
  {
    MutexLock lock(mutex_);
    channel = session_.Find(id);
    if (channel == nullptr || channel->reset) return nullptr;
    session_.Write(*channel, Bytes::Of(channel->responder->Answer(proposal, accepted)));
    if (!accepted) return nullptr;
    channel->negotiating = false;
    channel->responder.reset();
    channel->released = false;
  }
  return std::make_unique<TcpStream>(shared_from_this(), *channel);
}

void TcpConnection::RunCallbacks() {
  std::vector<YamuxSession::Callback> due;
  {
    MutexLock lock(mutex_);
    due = session_.TakeCallbacks();
  }
  for (YamuxSession::Callback& callback : due) {
    {
      MutexLock lock(mutex_);
      YamuxChannel* channel = session_.Find(callback.id);
      if (channel == nullptr || channel->muted) continue;
      ++channel->calling;
    }
    callback.call();
    callback.call = nullptr;
    MutexLock lock(mutex_);
    // The callback may have destroyed the stream.
    YamuxChannel* channel = session_.Find(callback.id);
    if (channel == nullptr) continue;
    --channel->calling;
    for (Event* waiting : std::exchange(channel->call_ended, {})) waiting->Set();
  }
}

}  // namespace l2p::tcp
