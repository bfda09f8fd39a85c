// Leaves a task running after Stop.
#include "l2p/plugin.h"
#include "l2p/service.h"

namespace l2p {
namespace {

class LingeringService : public Service {
 public:
  explicit LingeringService(Host& host) : host_(host), event_(host.NewEvent()) {}

  absl::Status Start(Node&) override {
    return host_.tasks().Start("linger", [event = event_] { event->Wait(absl::InfiniteFuture()); });
  }
  void Stop() override {}

 private:
  Host& host_;
  const std::shared_ptr<Event> event_;
};

absl::StatusOr<std::unique_ptr<Service>> Open(Host& host, const Settings&) {
  return std::make_unique<LingeringService>(host);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Service, "lingers", "1.0.0", l2p::kNoSettings, l2p::Open);
