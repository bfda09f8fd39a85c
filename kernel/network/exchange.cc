#include "kernel/network/exchange.h"

#include "kernel/network/fetch_session.h"

namespace l2p {
namespace {

// The reader's end of a FetchSession, which its tasks may outlive.
class SessionHandle final : public Exchange::Session {
 public:
  explicit SessionHandle(std::shared_ptr<FetchSession> session) : session_(std::move(session)) {
    session_->Begin();
  }
  ~SessionHandle() override { session_->End(); }

  void Want(std::span<const Wanted> wanted) override { session_->Want(wanted); }
  absl::StatusOr<Arrived> Next(Time deadline) override { return session_->Next(deadline); }
  std::vector<Exchange::Served> served() const override { return session_->served(); }
  void FindHolders(const Multihash& group) override { session_->FindHolders(group); }

 private:
  const std::shared_ptr<FetchSession> session_;
};

}  // namespace

Exchange::Exchange(Runtime& runtime, Memory& memory, BlockService& blocks,
                   PluginSlot<Router>& router, Messenger& messenger, Peers peers,
                   const Crypto& crypto, Options options)
    : runtime_(runtime),
      memory_(memory),
      blocks_(blocks),
      router_(router),
      messenger_(messenger),
      peers_(std::move(peers)),
      crypto_(crypto),
      options_(options),
      server_(runtime, blocks, messenger),
      sessions_(runtime.tasks(), runtime.NewEvent()) {}

Exchange::~Exchange() { Stop(); }

absl::Status Exchange::Start() { return server_.Start(); }

void Exchange::AbortSessions() {
  std::vector<std::weak_ptr<FetchSession>> live;
  {
    MutexLock lock(mutex_);
    aborted_ = true;
    live.swap(live_);
  }
  for (const auto& weak : live) {
    if (const auto session = weak.lock()) session->End();
  }
}

void Exchange::Stop() {
  AbortSessions();
  server_.Stop();
  sessions_.Join();
}

std::unique_ptr<Exchange::Session> Exchange::NewSession(bool local_only) {
  auto session =
      std::make_shared<FetchSession>(FetchSession::Parts{runtime_, memory_, blocks_, router_,
                                                         messenger_, peers_, crypto_, sessions_},
                                     options_, local_only);
  bool aborted = false;
  {
    MutexLock lock(mutex_);
    std::erase_if(live_, [](const auto& weak) { return weak.expired(); });
    live_.push_back(session);
    aborted = aborted_;
  }
  if (aborted) session->End();
  return std::make_unique<SessionHandle>(std::move(session));
}

}  // namespace l2p
