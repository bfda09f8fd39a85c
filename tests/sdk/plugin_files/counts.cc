// A service that answers each request with how many groups its node holds.
#include "l2p/plugin.h"
#include "l2p/service.h"

namespace l2p {
namespace {

constexpr char kProtocol[] = "/test/counts/1.0.0";

class CountingService : public Service {
 public:
  absl::Status Start(Node& node) override {
    L2P_ASSIGN_OR_RETURN(serving_,
                         node.messenger().Serve(kProtocol, 64, [&node](const Caller&, ByteView) {
                           const size_t groups = node.groups().List({}, 1'000'000).size();
                           return Bytes::Copy(std::to_string(groups));
                         }));
    return absl::OkStatus();
  }
  void Stop() override { serving_.reset(); }

 private:
  std::unique_ptr<Registration> serving_;
};

absl::StatusOr<std::unique_ptr<Service>> Open(Host&, const Settings&) {
  return std::make_unique<CountingService>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Service, "counts", "1.0.0", l2p::kNoSettings, l2p::Open);
