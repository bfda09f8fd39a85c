#include "kernel/network/served_protocols.h"

#include "absl/strings/str_cat.h"

namespace l2p {

struct ServedProtocols::Served {
  std::string protocol;
  Handlers handlers;
  std::unique_ptr<Event> idle;
  size_t running = 0;  // These two are guarded by ServedProtocols::mutex_.
  bool ended = false;
};

struct ServedProtocols::Session {
  Session(Caller from, std::shared_ptr<Served> by, std::unique_ptr<Stream> opened)
      : caller(std::move(from)),
        served(std::move(by)),
        stream(std::move(opened)),
        reader(served->handlers.framing, served->handlers.max_request) {}

  const Caller caller;
  const std::shared_ptr<Served> served;
  std::unique_ptr<Stream> stream;
  FrameReader reader;
  Bytes request;
  std::vector<Bytes> answer;
  uint64_t id = 0;
  std::optional<Time> waiting_since;  // Guarded by ServedProtocols::mutex_.
};

class ServedProtocols::ServedRegistration final : public Registration {
 public:
  ServedRegistration(ServedProtocols& protocols, std::shared_ptr<Served> served)
      : protocols_(protocols), served_(std::move(served)) {}
  ~ServedRegistration() override { protocols_.Remove(*served_); }

 private:
  ServedProtocols& protocols_;
  std::shared_ptr<Served> served_;
};

ServedProtocols::ServedProtocols(Runtime& runtime, EndingStreams& ending,
                                 std::function<void()> changed)
    : runtime_(runtime),
      ending_(ending),
      changed_(std::move(changed)),
      requests_(runtime, "serve a request", kMostRunningRequests, kMostQueuedRequests),
      streams_(runtime, "serve a stream", kMostRunningStreams, kMostQueuedStreams) {}

absl::StatusOr<std::unique_ptr<Registration>> ServedProtocols::Add(std::string_view protocol,
                                                                   Handlers handlers) {
  auto served = std::make_shared<Served>();
  served->protocol = protocol;
  served->handlers = std::move(handlers);
  served->idle = runtime_.NewEvent();
  {
    MutexLock lock(mutex_);
    if (!served_.emplace(protocol, served).second) {
      return absl::AlreadyExistsError(absl::StrCat("protocol ", av(protocol), " is served"));
    }
  }
  changed_();
  return std::make_unique<ServedRegistration>(*this, std::move(served));
}

void ServedProtocols::Remove(Served& served) {
  std::vector<SessionPtr> waiting;
  {
    MutexLock lock(mutex_);
    served.ended = true;
    served_.erase(served.protocol);
    waiting = ClaimAll([&](const Session& session) { return session.served.get() == &served; });
  }
  for (const SessionPtr& session : waiting) session->stream->Reset();
  Await(mutex_, *served.idle, absl::InfiniteFuture(), [&] { return served.running == 0; });
  changed_();
}

bool ServedProtocols::Accepts(std::string_view protocol) {
  MutexLock lock(mutex_);
  return served_.contains(protocol);
}

std::vector<std::string> ServedProtocols::List() {
  MutexLock lock(mutex_);
  std::vector<std::string> protocols;
  for (const auto& [protocol, _] : served_) protocols.push_back(protocol);
  return protocols;
}

void ServedProtocols::OnStream(const std::shared_ptr<Connection>& connection,
                               std::string_view protocol, std::unique_ptr<Stream> stream) {
  std::shared_ptr<Served> served;
  SessionPtr session;
  const Caller caller{connection->peer(), connection->remote()};
  {
    MutexLock lock(mutex_);
    auto it = served_.find(protocol);
    if (it == served_.end()) return;
    served = it->second;
    if (!served->handlers.at_once) {
      size_t& count = streams_of_[{caller.peer, served->protocol}];
      if (count >= kMostStreamsOfPeer || sessions_.size() >= kMostStreams) return;
      ++count;
      session = std::make_shared<Session>(caller, served, std::move(stream));
      session->id = next_id_++;
      sessions_.emplace(session->id, session);
    }
  }
  if (!session) return served->handlers.at_once(connection, std::move(stream));
  if (served->handlers.stream) return WaitForBytes(session);
  Read(session);
}

bool ServedProtocols::SetWaiting(const SessionPtr& session) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  if (session->served->ended) return false;
  session->waiting_since = now;
  return true;
}

bool ServedProtocols::Claim(const SessionPtr& session) {
  MutexLock lock(mutex_);
  const bool claimed = session->waiting_since.has_value();
  session->waiting_since.reset();
  return claimed;
}

std::vector<ServedProtocols::SessionPtr> ServedProtocols::ClaimAll(
    const std::function<bool(const Session&)>& wanted) {
  std::vector<SessionPtr> claimed;
  for (const auto& [_, session] : sessions_) {
    if (session->waiting_since && wanted(*session)) claimed.push_back(session);
  }
  for (const SessionPtr& session : claimed) {
    session->waiting_since.reset();
    Forget(*session);
  }
  return claimed;
}

void ServedProtocols::WaitForBytes(const SessionPtr& session) {
  if (!SetWaiting(session)) return End(session, /*in_order=*/true);
  // The stream holds this function: a strong pointer would keep both alive for ever.
  session->stream->WhenReadable([this, weak = std::weak_ptr<Session>(session)] {
    const SessionPtr strong = weak.lock();
    if (!strong || !Claim(strong)) return;
    if (strong->served->handlers.stream) return Submit(strong);
    Read(strong);
  });
}

void ServedProtocols::Read(const SessionPtr& session) {
  const absl::StatusOr<FrameReader::Progress> progress = session->reader.Poll(*session->stream);
  if (!progress.ok()) return End(session, /*in_order=*/false);
  switch (*progress) {
    case FrameReader::Progress::kMore:
      return WaitForBytes(session);
    case FrameReader::Progress::kEnd:
      return End(session, /*in_order=*/true);
    case FrameReader::Progress::kMessage:
      session->request = session->reader.Take();
      return Submit(session);
  }
}

void ServedProtocols::Submit(const SessionPtr& session) {
  WorkQueue& queue = session->served->handlers.stream ? streams_ : requests_;
  if (!queue.Submit([this, session] { Run(session); })) End(session, /*in_order=*/false);
}

void ServedProtocols::Run(const SessionPtr& session) {
  Served& served = *session->served;
  bool ended;
  {
    MutexLock lock(mutex_);
    ended = served.ended;
    served.running += !ended;
  }
  if (ended) return End(session, /*in_order=*/false);
  absl::StatusOr<std::optional<Bytes>> answer = std::nullopt;
  if (served.handlers.stream) {
    served.handlers.stream(session->caller, std::move(session->stream));
  } else {
    answer = served.handlers.request(session->caller, session->request);
    session->request = Bytes();
  }
  {
    MutexLock lock(mutex_);
    --served.running;
    served.idle->Set();
  }
  if (served.handlers.stream || !answer.ok()) return End(session, /*in_order=*/false);
  if (!answer->has_value()) return Read(session);
  if (served.handlers.framing == FrameReader::Framing::kFixed) {
    session->answer = {**std::move(answer)};
  } else {
    const std::array<Bytes, 2> framed = Framed(**std::move(answer));
    session->answer.assign(framed.begin(), framed.end());
  }
  SendAnswer(session);
}

void ServedProtocols::SendAnswer(const SessionPtr& session) {
  const absl::Status written = session->stream->Write(session->answer, absl::InfinitePast());
  if (written.ok()) {
    session->answer.clear();
    return Read(session);
  }
  if (!absl::IsDeadlineExceeded(written) || !SetWaiting(session)) {
    return End(session, /*in_order=*/false);
  }
  session->stream->WhenWritable([this, weak = std::weak_ptr<Session>(session)] {
    const SessionPtr strong = weak.lock();
    if (strong && Claim(strong)) SendAnswer(strong);
  });
}

void ServedProtocols::End(const SessionPtr& session, bool in_order) {
  {
    MutexLock lock(mutex_);
    Forget(*session);
  }
  if (!session->stream) return;
  if (in_order) return ending_.Add(std::move(session->stream));
  session->stream->Reset();
}

void ServedProtocols::Forget(const Session& session) {
  if (sessions_.erase(session.id) == 0) return;
  auto count = streams_of_.find({session.caller.peer, session.served->protocol});
  if (--count->second == 0) streams_of_.erase(count);
}

void ServedProtocols::Sweep() {
  const Time limit = runtime_.Now() - kIdleLimit;
  std::vector<SessionPtr> late;
  {
    MutexLock lock(mutex_);
    late = ClaimAll([&](const Session& session) { return *session.waiting_since < limit; });
  }
  for (const SessionPtr& session : late) session->stream->Reset();
  requests_.Retry();
  streams_.Retry();
}

void ServedProtocols::Stop() {
  std::vector<SessionPtr> waiting;
  {
    MutexLock lock(mutex_);
    for (const auto& [_, served] : served_) served->ended = true;
    waiting = ClaimAll([](const Session&) { return true; });
  }
  for (const SessionPtr& session : waiting) session->stream->Reset();
  requests_.Join();
  streams_.Join();
  std::map<uint64_t, SessionPtr> queued;
  MutexLock lock(mutex_);
  queued.swap(sessions_);
  streams_of_.clear();
}

}  // namespace l2p
