#include "upgrade.h"

namespace l2p::tcp {
namespace {

constexpr std::string_view kTlsProtocol = "/tls/1.0.0";

}  // namespace

Upgrade::Upgrade(const TlsContext& context, bool dialer, std::optional<PeerId> expected)
    : context_(context),
      dialer_(dialer),
      expected_(std::move(expected)),
      initiator_(std::string(kTlsProtocol)) {}

absl::StatusOr<bool> Upgrade::Negotiate(std::string_view protocol, ByteView& in, std::string& out) {
  if (dialer_) {
    if (!std::exchange(opened_, true)) out += initiator_.Opening();
    return initiator_.Consume(in);
  }
  while (true) {
    L2P_ASSIGN_OR_RETURN(const std::optional<std::string> proposal, responder_.Consume(in));
    if (!proposal.has_value()) return false;
    out += responder_.Answer(*proposal, *proposal == protocol);
    if (*proposal == protocol) return true;
  }
}

absl::StatusOr<bool> Upgrade::AgreeOnSecurity(ByteView& in, std::string& out) {
  L2P_ASSIGN_OR_RETURN(const bool agreed, Negotiate(kTlsProtocol, in, out));
  if (!agreed) return false;
  tls_ = std::make_unique<TlsSession>(context_, dialer_, expected_);
  tls_->Feed(in);
  opened_ = false;
  initiator_ = MultistreamInitiator(std::string(kYamuxProtocol));
  responder_ = MultistreamResponder();
  return true;
}

absl::StatusOr<bool> Upgrade::AgreeOnMuxer() {
  std::string plaintext;
  ByteView nothing;
  absl::StatusOr<bool> agreed = Negotiate(kYamuxProtocol, nothing, plaintext);
  while (agreed.ok() && !*agreed) {
    // A byte at a time, so that what follows stays in the TLS session.
    uint8_t byte;
    L2P_ASSIGN_OR_RETURN(const size_t count, tls_->Read({&byte, 1}));
    if (count == 0) break;
    ByteView in(&byte, 1);
    agreed = Negotiate(kYamuxProtocol, in, plaintext);
  }
  L2P_RETURN_IF_ERROR(tls_->Write(AsBytes(plaintext)));
  return agreed;
}

absl::StatusOr<bool> Upgrade::Advance(ByteView in, std::string& out) {
  bool goes_on = true;
  if (phase_ == Phase::kSecurity) {
    L2P_ASSIGN_OR_RETURN(goes_on, AgreeOnSecurity(in, out));
    if (goes_on) phase_ = Phase::kHandshake;
  } else {
    tls_->Feed(in);
  }
  absl::StatusOr<bool> result = goes_on;
  if (phase_ == Phase::kHandshake) {
    result = tls_->Handshake();
    if (result.ok() && *result) {
      phase_ = tls_->agreed_on_yamux() ? Phase::kDone : Phase::kMuxer;
    }
  }
  if (phase_ == Phase::kMuxer) {
    result = AgreeOnMuxer();
    if (result.ok() && *result) phase_ = Phase::kDone;
  }
  if (tls_ != nullptr) out += std::exchange(tls_->output(), {});
  if (!result.ok()) return result.status();
  return phase_ == Phase::kDone;
}

}  // namespace l2p::tcp
