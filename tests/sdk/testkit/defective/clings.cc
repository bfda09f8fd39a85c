// Goes on calling its node after Stop.
#include "l2p/plugin.h"
#include "l2p/service.h"

namespace l2p {
namespace {

class ClingingService : public Service {
 public:
  explicit ClingingService(Host& host) : host_(host) {}

  absl::Status Start(Node& node) override {
    timer_ =
        host_.tasks().Every("cling", absl::Minutes(1), [&node] { node.groups().LostBlocks(1); });
    return absl::OkStatus();
  }
  void Stop() override {}

 private:
  Host& host_;
  std::unique_ptr<Registration> timer_;
};

absl::StatusOr<std::unique_ptr<Service>> Open(Host& host, const Settings&) {
  return std::make_unique<ClingingService>(host);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Service, "clings", "1.0.0", l2p::kNoSettings, l2p::Open);
