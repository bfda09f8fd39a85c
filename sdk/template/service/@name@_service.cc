// The protocol: an empty request; the answer is the time as text, RFC 3339.
#include "@name@_service.h"

#include <string>

namespace @name@ {
namespace {

constexpr char kProtocol[] = "/@name@/time/0.1.0";
constexpr size_t kMaxAnswer = 64;
constexpr l2p::Duration kLimit = absl::Seconds(10);  // Every call to another peer has one.

}  // namespace

absl::Status @Name@Service::Start(l2p::Node& node) {
  // A handler answers from what is here and never waits for another peer.
  absl::StatusOr<std::unique_ptr<l2p::Registration>> served = node.messenger().Serve(
      kProtocol, /*max_request=*/0,
      [this](const l2p::Caller&, l2p::ByteView) -> absl::StatusOr<std::optional<l2p::Bytes>> {
        return l2p::Bytes::Copy(l2p::AsBytes(absl::FormatTime(host_.Now(), absl::UTCTimeZone())));
      });
  if (!served.ok()) return served.status();
  served_ = *std::move(served);
  timer_ = host_.tasks().Every("@name@", interval_,
                               [this, &node] { AskEveryone(node.messenger()); });
  return absl::OkStatus();
}

// A Registration ends with its destruction, which waits for a callback that is running.
void @Name@Service::Stop() {
  timer_ = nullptr;
  served_ = nullptr;
}

void @Name@Service::AskEveryone(l2p::Messenger& messenger) {
  const l2p::Time deadline = host_.Now() + kLimit;
  const std::unique_ptr<l2p::Calls> calls = messenger.NewCalls();
  for (const l2p::PeerId& peer : messenger.Connected()) {
    calls->Send({peer, {}}, kProtocol, l2p::Bytes(), kMaxAnswer, deadline);
  }
  int answered = 0;
  while (const std::optional<l2p::Calls::Answer> answer = calls->Next(deadline)) {
    answered += answer->result.ok();
  }
  host_.Log(l2p::Severity::kInfo, std::to_string(answered) + " peers told their time");
}

}  // namespace @name@
