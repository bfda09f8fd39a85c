#ifndef L2P_PLUGINS_TRANSPORT_TCP_UPGRADE_H_
#define L2P_PLUGINS_TRANSPORT_TCP_UPGRADE_H_

#include <memory>
#include <optional>
#include <string>

#include "multistream.h"
#include "tls_session.h"

namespace l2p::tcp {

// An Upgrade makes a bare byte pipe into an authenticated one on which yamux can start: it agrees
// on TLS, shakes hands, and agrees on the muxer unless the handshake did. Bytes in, bytes out. One
// thread at a time.
class Upgrade {
 public:
  Upgrade(const TlsContext& context, bool dialer, std::optional<PeerId> expected);

  // Takes bytes that arrived (none, to begin with), all of them unless it becomes done; appends
  // what to send to `out`. True when done: then the rest of `in` has been fed to tls(), which is
  // the caller's from then on. An error ends the connection after `out` is sent.
  absl::StatusOr<bool> Advance(ByteView in, std::string& out);

  std::unique_ptr<TlsSession> TakeTls() { return std::move(tls_); }

 private:
  enum class Phase { kSecurity, kHandshake, kMuxer, kDone };

  absl::StatusOr<bool> AgreeOnSecurity(ByteView& in, std::string& out);
  absl::StatusOr<bool> AgreeOnMuxer();
  absl::StatusOr<bool> Negotiate(std::string_view protocol, ByteView& in, std::string& out);

  const TlsContext& context_;
  const bool dialer_;
  const std::optional<PeerId> expected_;
  Phase phase_ = Phase::kSecurity;
  bool opened_ = false;  // The dialer has proposed, in this phase.
  MultistreamInitiator initiator_;
  MultistreamResponder responder_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_UPGRADE_H_
