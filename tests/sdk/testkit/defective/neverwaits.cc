// Knows no back-pressure: what the other side has no room for is dropped.
#include "l2p/plugin.h"
#include "tcp_settings.h"
#include "tcp_transport.h"
#include "wrapped_transport.h"

namespace l2p {
namespace {

class LossyStream : public WrappedStream {
 public:
  using WrappedStream::WrappedStream;

  absl::Status Write(std::span<const Bytes> parts, Time) override {
    const absl::Status status = inner_->Write(parts, absl::InfinitePast());
    return absl::IsDeadlineExceeded(status) ? absl::OkStatus() : status;
  }
};

absl::StatusOr<std::unique_ptr<Transport>> Open(Host& host, const Settings& settings) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Transport> tcp, tcp::OpenTcpTransport(host, settings));
  return std::make_unique<WrappedTransport>(std::move(tcp), WrapStream<LossyStream>);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Transport, "neverwaits", "1.0.0", l2p::tcp::kTcpSettings, l2p::Open);
