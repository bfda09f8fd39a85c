// Knows no half-closed stream: the end of the other side's direction ends ours as well.
#include "l2p/plugin.h"
#include "tcp_settings.h"
#include "tcp_transport.h"
#include "wrapped_transport.h"

namespace l2p {
namespace {

class AbruptStream : public WrappedStream {
 public:
  using WrappedStream::WrappedStream;

  absl::StatusOr<size_t> Read(MutableByteView into, Time deadline) override {
    absl::StatusOr<size_t> got = inner_->Read(into, deadline);
    if (got.ok() && *got == 0) inner_->Reset();
    return got;
  }
};

absl::StatusOr<std::unique_ptr<Transport>> Open(Host& host, const Settings& settings) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Transport> tcp, tcp::OpenTcpTransport(host, settings));
  return std::make_unique<WrappedTransport>(std::move(tcp), WrapStream<AbruptStream>);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Transport, "endsboth", "1.0.0", l2p::tcp::kTcpSettings, l2p::Open);
