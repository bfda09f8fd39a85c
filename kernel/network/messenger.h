#ifndef L2P_KERNEL_NETWORK_MESSENGER_H_
#define L2P_KERNEL_NETWORK_MESSENGER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/network/connections.h"
#include "kernel/network/ending_streams.h"
#include "kernel/network/served_protocols.h"
#include "l2p/messenger.h"

namespace l2p {

// One plugin instance's way to other peers. All references are lent and outlive it.
class NodeMessenger final : public Messenger {
 public:
  NodeMessenger(Runtime& runtime, Connections& connections, PeerBook& book,
                ServedProtocols& protocols, EndingStreams& ending, std::function<PeerInfo()> self)
      : runtime_(runtime),
        connections_(connections),
        book_(book),
        protocols_(protocols),
        ending_(ending),
        self_(std::move(self)) {}

  std::unique_ptr<Calls> NewCalls() override;
  absl::Status Tell(const PeerInfo& to, std::string_view protocol, std::span<const Bytes> messages,
                    Time deadline) override;
  absl::StatusOr<std::unique_ptr<Stream>> Open(const PeerInfo& to, std::string_view protocol,
                                               Time deadline) override;
  absl::StatusOr<std::unique_ptr<Registration>> Serve(std::string_view protocol, size_t max_request,
                                                      Handler handler) override;
  absl::StatusOr<std::unique_ptr<Registration>> ServeStreams(std::string_view protocol,
                                                             StreamHandler handler) override;
  std::vector<PeerId> Connected() override { return connections_.Identified(); }
  std::unique_ptr<Registration> Watch(PeerWatcher watcher) override;
  PeerInfo Self() override { return self_(); }

 private:
  Runtime& runtime_;
  Connections& connections_;
  PeerBook& book_;
  ServedProtocols& protocols_;
  EndingStreams& ending_;
  const std::function<PeerInfo()> self_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_MESSENGER_H_
