#include "ask_each.h"

#include <algorithm>
#include <map>

#include "address_scope.h"
#include "iterative_lookup.h"

namespace l2p::kademlia {
namespace {

constexpr size_t kAtOnce = 32;
constexpr Duration kStopCheck = absl::Milliseconds(200);

}  // namespace

void AskEach(Swarm& swarm, const std::vector<PeerInfo>& peers, const Message& request,
             Time deadline, const std::function<void(const Message&)>& heard) {
  Host& host = swarm.host();
  const Bytes bytes = Bytes::Of(Encode(request));
  const std::unique_ptr<Calls> calls = swarm.messenger().NewCalls();
  std::map<uint64_t, size_t> asked;  // Calls on the way, and to whom.
  size_t next = 0;
  while ((next < peers.size() || !asked.empty()) && !swarm.stopping() && host.Now() < deadline) {
    for (; next < peers.size() && asked.size() < kAtOnce; ++next) {
      const Time limit = std::min(deadline, host.Now() + swarm.options().request_timeout);
      const uint64_t call = calls->Send(peers[next], swarm.options().protocol, bytes,
                                        IterativeLookup::kMaxAnswer, limit);
      asked[call] = next;
    }
    const std::optional<Calls::Answer> answer =
        calls->Next(std::min(deadline, host.Now() + kStopCheck));
    if (!answer) continue;
    const PeerInfo& peer = peers[asked.extract(answer->call).mapped()];
    absl::StatusOr<Message> message = absl::InternalError("no message");
    // Who is closer, nobody wants to know here.
    if (answer->result.ok()) {
      message = Decode(answer->result->view(), [](ByteView) { return false; });
    }
    if (message.ok()) {
      swarm.Answered(peer, answer->took, answer->dialled);
      KeepCredible(peer, message->providers);
      if (heard) heard(*message);
    } else if (host.Now() < deadline) {
      swarm.Failed(peer.id);
    }
  }
}

}  // namespace l2p::kademlia
