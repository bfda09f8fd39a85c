#include "kernel/network/calls.h"

#include <list>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/network/framing.h"

namespace l2p {
namespace {

// Larger answers tell of bandwidth, not of distance.
constexpr size_t kMostBytesForRtt = 16 * 1024;

}  // namespace

struct NetworkCalls::Call {
  Call(uint64_t number, const PeerId& to, std::string_view on, Bytes message, size_t max_answer)
      : id(number),
        peer(to),
        protocol(on),
        request(std::move(message)),
        reader(FrameReader::Framing::kSized, max_answer) {}

  const uint64_t id;
  const PeerId peer;
  const std::string protocol;
  Bytes request;
  FrameReader reader;
  Time sent;
  Time deadline;
  bool dialled = false;
  std::shared_ptr<Stream> stream;  // Set once, under Shared::mutex.
};

// Outlives the NetworkCalls while callbacks are running.
struct NetworkCalls::Shared {
  Shared(Runtime& in, Connections& over, PeerBook& of)
      : runtime(in), connections(over), book(of), event(in.NewEvent()) {}

  Runtime& runtime;
  Connections& connections;
  PeerBook& book;
  const std::unique_ptr<Event> event;
  Mutex mutex{"NetworkCalls"};
  std::map<uint64_t, std::shared_ptr<Call>> on_the_way L2P_GUARDED_BY(mutex);
  std::list<Answer> answers L2P_GUARDED_BY(mutex);
  uint64_t next_id L2P_GUARDED_BY(mutex) = 1;
};

NetworkCalls::NetworkCalls(Runtime& runtime, Connections& connections, PeerBook& book)
    : shared_(std::make_shared<Shared>(runtime, connections, book)) {}

NetworkCalls::~NetworkCalls() {
  std::map<uint64_t, std::shared_ptr<Call>> abandoned;
  std::vector<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(shared_->mutex);
    abandoned.swap(shared_->on_the_way);
    for (const auto& [_, call] : abandoned) {
      if (call->stream) streams.push_back(call->stream);
    }
  }
  for (const auto& stream : streams) stream->Reset();
}

uint64_t NetworkCalls::Send(const PeerInfo& to, std::string_view protocol, Bytes request,
                            size_t max_answer, Time deadline) {
  const Time now = shared_->runtime.Now();
  std::shared_ptr<Call> call;
  bool too_many = false;
  {
    MutexLock lock(shared_->mutex);
    call =
        std::make_shared<Call>(shared_->next_id++, to.id, protocol, std::move(request), max_answer);
    too_many = shared_->on_the_way.size() >= kMostOnTheWay;
    call->sent = now;
    call->deadline = deadline;
    shared_->on_the_way.emplace(call->id, call);
  }
  if (too_many) {
    Finish(*shared_, *call, absl::ResourceExhaustedError("too many calls on their way"));
  } else if (std::shared_ptr<Connection> standing = shared_->connections.Find(to.id)) {
    Begin(shared_, call, standing);
  } else {
    call->dialled = true;
    shared_->connections.Dial(
        to, [shared = shared_, call](absl::StatusOr<std::shared_ptr<Connection>> connection) {
          if (connection.ok()) return Begin(shared, call, *connection);
          Finish(*shared, *call, connection.status());
        });
  }
  return call->id;
}

void NetworkCalls::Begin(const std::shared_ptr<Shared>& shared, const std::shared_ptr<Call>& call,
                         const std::shared_ptr<Connection>& connection) {
  {
    MutexLock lock(shared->mutex);
    if (!shared->on_the_way.contains(call->id)) return;  // Expired or abandoned during the dial.
  }
  absl::StatusOr<std::unique_ptr<Stream>> opened = connection->Open(call->protocol);
  if (!opened.ok()) return Finish(*shared, *call, opened.status());
  std::shared_ptr<Stream> stream = *std::move(opened);
  // Nothing of this stream is unsent, so the write does not wait.
  const absl::Status written =
      stream->Write(Framed(std::exchange(call->request, Bytes())), absl::InfinitePast());
  if (!written.ok()) return Finish(*shared, *call, written);
  stream->CloseWrite();
  {
    MutexLock lock(shared->mutex);
    if (!shared->on_the_way.contains(call->id)) return;
    call->stream = std::move(stream);
  }
  Read(shared, call);
}

void NetworkCalls::Read(const std::shared_ptr<Shared>& shared, const std::shared_ptr<Call>& call) {
  const absl::StatusOr<FrameReader::Progress> progress = call->reader.Poll(*call->stream);
  if (!progress.ok()) return Finish(*shared, *call, progress.status());
  switch (*progress) {
    case FrameReader::Progress::kMore:
      // The stream holds this function: a strong pointer to the call would keep both for ever.
      call->stream->WhenReadable([shared, weak = std::weak_ptr<Call>(call)] {
        if (std::shared_ptr<Call> strong = weak.lock()) Read(shared, strong);
      });
      return;
    case FrameReader::Progress::kEnd:
      return Finish(*shared, *call, absl::UnavailableError("the stream ended without an answer"));
    case FrameReader::Progress::kMessage:
      return Finish(*shared, *call, call->reader.Take());
  }
}

void NetworkCalls::Finish(Shared& shared, Call& call, absl::StatusOr<Bytes> result) {
  const Duration took = shared.runtime.Now() - call.sent;
  if (result.ok() && !call.dialled && result->size() <= kMostBytesForRtt) {
    shared.book.AddRtt(call.peer, took);
  }
  if (!result.ok()) {
    result = WithContext(result.status(),
                         absl::StrCat("ask ", call.peer.ToString(), " by ", call.protocol));
  }
  std::shared_ptr<Stream> stream;
  {
    MutexLock lock(shared.mutex);
    if (shared.on_the_way.erase(call.id) == 0) return;  // Expired or abandoned meanwhile.
    stream = call.stream;
    shared.answers.push_back({call.id, std::move(result), took, call.dialled});
    shared.event->Set();
  }
  if (stream) stream->Reset();
}

std::optional<Calls::Answer> NetworkCalls::Next(Time deadline) {
  Shared& shared = *shared_;
  for (;;) {
    const Time now = shared.runtime.Now();
    std::list<Answer> taken;
    std::vector<std::shared_ptr<Call>> late;
    Time wake = deadline;
    {
      MutexLock lock(shared.mutex);
      if (!shared.answers.empty()) {
        taken.splice(taken.begin(), shared.answers, shared.answers.begin());
        return std::move(taken.front());
      }
      if (shared.on_the_way.empty()) return std::nullopt;
      for (const auto& [_, call] : shared.on_the_way) {
        if (call->deadline <= now) late.push_back(call);
        wake = std::min(wake, call->deadline);
      }
      shared.event->Reset();
    }
    for (const auto& call : late) {
      Finish(shared, *call, absl::DeadlineExceededError("no answer in time"));
    }
    if (!late.empty()) continue;
    if (deadline <= now) return std::nullopt;
    shared.event->Wait(wake);
  }
}

size_t NetworkCalls::on_the_way() const {
  MutexLock lock(shared_->mutex);
  return shared_->on_the_way.size() + shared_->answers.size();
}

}  // namespace l2p
