#include "sim_network_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sim_network_connection.h"

namespace l2p::testkit {

// The callback may destroy or replace itself: it is moved out first.
void StreamSide::TellReadable() {
  if (!CanRead()) return;
  if (readable != nullptr) readable->Set();
  if (const auto ready = std::exchange(when_readable, nullptr)) ready();
}

void StreamSide::TellWritable() {
  if (!CanWrite()) return;
  if (writable != nullptr) writable->Set();
  if (const auto ready = std::exchange(when_writable, nullptr)) ready();
}

void StreamSide::Break(absl::Status why) {
  if (!broken.ok()) return;
  broken = std::move(why);
  unsent.clear();
  unsent_bytes = 0;
  inbox.clear();
  TellReadable();
  TellWritable();
}

SimStream::SimStream(SimNetwork& network, size_t node, std::shared_ptr<CallCount> calls,
                     std::shared_ptr<StreamSide> side)
    : network_(network), node_(node), calls_(std::move(calls)), side_(std::move(side)) {}

SimStream::~SimStream() {
  side_->when_readable = nullptr;
  side_->when_writable = nullptr;
  side_->orphan = true;
  if (!side_->Ended()) Reset();
}

bool SimStream::Wait(std::unique_ptr<Event>& event, Time deadline,
                     bool (StreamSide::*ready)() const) {
  if (((*side_).*ready)()) return true;
  Simulation& simulation = network_.simulation();
  if (deadline <= simulation.Now()) return false;
  if (event == nullptr) event = simulation.NewEvent();
  const Time until = network_.BeginWait(deadline);
  for (bool in_time = true; in_time && !((*side_).*ready)();) {
    event->Reset();
    in_time = event->Wait(until);
  }
  network_.EndWait(node_, deadline);
  return ((*side_).*ready)();
}

size_t SimStream::TakeFromInbox(MutableByteView into) {
  size_t taken = 0;
  while (taken < into.size() && !side_->inbox.empty()) {
    Bytes& front = side_->inbox.front();
    const size_t size = std::min(into.size() - taken, front.size());
    std::memcpy(into.data() + taken, front.data(), size);
    taken += size;
    if (size == front.size()) {
      side_->inbox.pop_front();
    } else {
      front = front.Slice(size, front.size() - size);
    }
  }
  return taken;
}

absl::StatusOr<size_t> SimStream::Read(MutableByteView into, Time deadline) {
  const RunningCall call(calls_);
  if (const auto connection = side_->connection.lock()) connection->SendOffer(*side_);
  if (!Wait(side_->readable, deadline, &StreamSide::CanRead)) {
    return absl::DeadlineExceededError("read: no bytes in time");
  }
  if (!side_->broken.ok()) return side_->broken;
  const size_t taken = TakeFromInbox(into);
  side_->consumed += taken;
  if (const auto connection = side_->connection.lock()) connection->GiveCredit(*side_);
  return taken;
}

absl::Status SimStream::Write(std::span<const Bytes> parts, Time deadline) {
  const RunningCall call(calls_);
  if (side_->write_closed) return absl::FailedPreconditionError("write: after CloseWrite");
  if (!Wait(side_->writable, deadline, &StreamSide::CanWrite)) {
    return absl::DeadlineExceededError("write: the other side does not read");
  }
  if (!side_->broken.ok()) return side_->broken;
  for (const Bytes& part : parts) {
    if (part.empty()) continue;
    side_->unsent.push_back(part);
    side_->unsent_bytes += part.size();
  }
  if (const auto connection = side_->connection.lock()) connection->SendWhatCredits(side_);
  return absl::OkStatus();
}

void SimStream::CloseWrite() {
  if (side_->write_closed || !side_->broken.ok()) return;
  side_->write_closed = true;
  if (const auto connection = side_->connection.lock()) connection->SendWhatCredits(side_);
}

void SimStream::Reset() {
  side_->when_readable = nullptr;
  side_->when_writable = nullptr;
  if (!side_->broken.ok()) return;
  if (const auto connection = side_->connection.lock()) connection->SendReset(*side_);
  side_->Break(absl::UnavailableError("stream: reset by this side"));
}

void SimStream::WhenReadable(std::function<void()> ready) {
  side_->when_readable = std::move(ready);
  if (const auto connection = side_->connection.lock()) connection->SendOffer(*side_);
  side_->TellReadable();
}

void SimStream::WhenWritable(std::function<void()> ready) {
  side_->when_writable = std::move(ready);
  side_->TellWritable();
}

}  // namespace l2p::testkit
