#ifndef L2P_KERNEL_NETWORK_CALLS_H_
#define L2P_KERNEL_NETWORK_CALLS_H_

#include <memory>
#include <string_view>

#include "kernel/network/connections.h"
#include "l2p/messenger.h"

namespace l2p {

// Calls over standing or new connections. A call on its way owns no task: its answer is assembled
// as bytes arrive; only a dial runs as one.
class NetworkCalls final : public Calls {
 public:
  static constexpr size_t kMostOnTheWay = 4096;

  // All are lent and outlive this object and the transports.
  NetworkCalls(Runtime& runtime, Connections& connections, PeerBook& book);
  ~NetworkCalls() override;

  uint64_t Send(const PeerInfo& to, std::string_view protocol, Bytes request, size_t max_answer,
                Time deadline) override;
  std::optional<Answer> Next(Time deadline) override;
  size_t on_the_way() const override;

 private:
  struct Call;
  struct Shared;

  static void Begin(const std::shared_ptr<Shared>& shared, const std::shared_ptr<Call>& call,
                    const std::shared_ptr<Connection>& connection);
  static void Read(const std::shared_ptr<Shared>& shared, const std::shared_ptr<Call>& call);
  static void Finish(Shared& shared, Call& call, absl::StatusOr<Bytes> result);

  std::shared_ptr<Shared> shared_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_CALLS_H_
