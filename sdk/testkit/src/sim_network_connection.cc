#include "sim_network_connection.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sim_network_transport.h"

namespace l2p::testkit {
namespace {

// Of one frame: with limited bandwidth, what waits behind it waits no longer than this takes.
constexpr size_t kFrame = 64 * 1024;

}  // namespace

SimConnection::SimConnection(SimTransport& transport, Ends ends)
    : simulation_(transport.network().simulation()),
      network_(transport.network()),
      transport_(&transport),
      ends_(std::move(ends)),
      next_stream_(ends_.outbound ? 1 : 2) {}

void SimConnection::Join(const std::shared_ptr<SimConnection>& a,
                         const std::shared_ptr<SimConnection>& b) {
  a->other_ = b;
  b->other_ = a;
}

absl::StatusOr<std::unique_ptr<Stream>> SimConnection::Open(std::string_view protocol) {
  if (ended_) return why_;
  if (sides_.size() >= network_.options().max_streams) {
    return absl::ResourceExhaustedError(
        absl::StrCat("connection to ", ends_.peer.ToString(), ": too many open streams"));
  }
  auto side = std::make_shared<StreamSide>();
  side->connection = weak_from_this();
  side->id = std::exchange(next_stream_, next_stream_ + 2);
  side->offer = protocol;
  side->credit = network_.options().window;
  sides_[side->id] = side;
  return std::make_unique<SimStream>(network_, ends_.node, transport_->calls(), std::move(side));
}

void SimConnection::Close() {
  End(absl::UnavailableError("connection: closed by this side"), true, true);
}

void SimConnection::End(absl::Status why, bool tell_other, bool tell_owner) {
  if (ended_) return;
  const std::shared_ptr<SimConnection> self = shared_from_this();
  if (tell_other) Send({.kind = Item::Kind::kClose});
  ended_ = true;
  why_ = std::move(why);
  wire_.clear();
  for (auto& [id, side] : std::exchange(sides_, {})) {
    if (!tell_owner) {
      // The owner is dead or stopping: none of its code runs any more.
      side->when_readable = nullptr;
      side->when_writable = nullptr;
    }
    side->Break(why_);
  }
  std::exchange(transport_, nullptr)->OnEnded(self, tell_owner);
}

void SimConnection::ResetBoth() {
  const absl::Status why = absl::UnavailableError("connection: reset");
  if (const std::shared_ptr<SimConnection> other = other_.lock()) other->End(why, false, true);
  End(why, false, true);
}

void SimConnection::PathChanged() {
  if (ended_) return;
  const std::shared_ptr<SimConnection> other = other_.lock();
  const bool open = network_.Reaches(ends_.node, ends_.other_node);
  if (!open && cut_since_ == absl::InfiniteFuture()) {
    cut_since_ = simulation_.Now();
    simulation_.At(
        cut_since_ + network_.options().silence, [self = weak_from_this(), &network = network_] {
          const std::shared_ptr<SimConnection> end = self.lock();
          // A frozen process notices nothing; the other end tells it later.
          if (end == nullptr || end->ended_ ||
              network.fate(end->ends_.node) == SimNetwork::Fate::kFrozen ||
              end->simulation_.Now() < end->cut_since_ + network.options().silence) {
            return;
          }
          end->End(absl::UnavailableError("connection: the other side fell silent"), true, true);
        });
  }
  if (!open) return;
  cut_since_ = absl::InfiniteFuture();
  if (other == nullptr || (other->ended_ && wire_.empty())) {
    // The other host came back and knows nothing of this connection.
    End(absl::UnavailableError("connection: reset by the other side"), false, true);
  } else if (!wire_.empty()) {
    WakeAt(wire_.front().arrives);
  }
}

void SimConnection::Send(Item item) {
  const std::shared_ptr<SimConnection> other = other_.lock();
  if (other == nullptr || other->ended_) return;
  const size_t bytes = item.kind == Item::Kind::kData ? item.data.size() : 0;
  const Time earliest = bytes == 0
                            ? simulation_.Now() + network_.Latency(ends_.node, ends_.other_node)
                            : network_.Transmit(ends_.node, ends_.other_node, bytes);
  item.arrives = std::max(earliest, other->last_arrival_);
  // One callback serves all that arrives at the same time.
  const bool wakes = other->wire_.empty() || other->last_arrival_ < item.arrives;
  other->last_arrival_ = item.arrives;
  other->wire_.push_back(std::move(item));
  if (wakes) other->WakeAt(other->last_arrival_);
}

void SimConnection::WakeAt(Time when) {
  simulation_.At(when, [self = weak_from_this()] {
    if (const std::shared_ptr<SimConnection> end = self.lock()) end->Arrive();
  });
}

void SimConnection::Arrive() {
  while (!ended_ && !wire_.empty() && wire_.front().arrives <= simulation_.Now()) {
    if (!network_.Reaches(ends_.other_node, ends_.node)) return;  // PathChanged comes back to it.
    const Item item = std::move(wire_.front());
    wire_.pop_front();
    const std::array<uint64_t, 4> seen = {ends_.node, ends_.other_node,
                                          uint64_t{item.stream} << 8 | uint64_t(item.kind),
                                          item.data.size()};
    simulation_.Trace({reinterpret_cast<const char*>(seen.data()), sizeof seen});
    Handle(item);
  }
}

void SimConnection::Handle(const Item& item) {
  switch (item.kind) {
    case Item::Kind::kOffer:
      return HandleOffer(item);
    case Item::Kind::kClose:
      return End(absl::UnavailableError("connection: closed by the other side"), false, true);
    default:
      break;
  }
  const auto found = sides_.find(item.stream);
  if (found == sides_.end()) return;
  const std::shared_ptr<StreamSide> side = found->second;
  HandleForStream(*side, item);
  if (item.kind == Item::Kind::kCredit) SendWhatCredits(side);
  ForgetIfEnded(item.stream);
}

void SimConnection::HandleOffer(const Item& item) {
  const bool accepted = transport_->inbound().Accepts(item.data.text()) &&
                        sides_.size() < network_.options().max_streams;
  if (!accepted) return Send({.kind = Item::Kind::kRefused, .stream = item.stream});
  auto side = std::make_shared<StreamSide>();
  side->connection = weak_from_this();
  side->id = item.stream;
  side->credit = network_.options().window;
  sides_[side->id] = side;
  transport_->inbound().OnStream(
      shared_from_this(), item.data.text(),
      std::make_unique<SimStream>(network_, ends_.node, transport_->calls(), std::move(side)));
}

void SimConnection::HandleForStream(StreamSide& side, const Item& item) {
  switch (item.kind) {
    case Item::Kind::kData:
      side.inbox.push_back(item.data);
      return side.TellReadable();
    case Item::Kind::kEnd:
      side.end_received = true;
      return side.TellReadable();
    case Item::Kind::kReset:
      return side.Break(absl::UnavailableError("stream: reset by the other side"));
    case Item::Kind::kRefused:
      return side.Break(absl::UnavailableError("stream: the other side refused the protocol"));
    case Item::Kind::kCredit:
      side.credit += item.credit;
      return;
    case Item::Kind::kOffer:
    case Item::Kind::kClose:
      return;
  }
}

void SimConnection::SendOffer(StreamSide& side) {
  if (side.offer.empty() || ended_) return;
  Send({.kind = Item::Kind::kOffer,
        .stream = side.id,
        .data = Bytes::Of(std::exchange(side.offer, {}))});
}

void SimConnection::SendWhatCredits(const std::shared_ptr<StreamSide>& side) {
  if (ended_ || !side->broken.ok()) return;
  SendOffer(*side);
  while (side->credit > 0 && !side->unsent.empty()) {
    Bytes& front = side->unsent.front();
    const size_t size = std::min({side->credit, front.size(), kFrame});
    Send({.kind = Item::Kind::kData, .stream = side->id, .data = front.Slice(0, size)});
    side->credit -= size;
    side->unsent_bytes -= size;
    if (size == front.size()) {
      side->unsent.pop_front();
    } else {
      front = front.Slice(size, front.size() - size);
    }
  }
  if (side->write_closed && side->unsent.empty() && !side->end_sent) {
    side->end_sent = true;
    Send({.kind = Item::Kind::kEnd, .stream = side->id});
    ForgetIfEnded(side->id);
  }
  side->TellWritable();
}

void SimConnection::SendReset(StreamSide& side) {
  if (ended_) return;
  // What was never offered is unknown to the other side.
  if (side.offer.empty()) Send({.kind = Item::Kind::kReset, .stream = side.id});
  sides_.erase(side.id);
}

void SimConnection::GiveCredit(StreamSide& side) {
  if (ended_ || side.end_received || side.consumed < network_.options().window / 2) return;
  Send({.kind = Item::Kind::kCredit, .stream = side.id, .credit = std::exchange(side.consumed, 0)});
}

void SimConnection::ForgetIfEnded(uint32_t id) {
  const auto found = sides_.find(id);
  if (found == sides_.end()) return;
  const StreamSide& side = *found->second;
  if (!side.broken.ok() || (side.end_sent && side.end_received)) sides_.erase(found);
}

}  // namespace l2p::testkit
