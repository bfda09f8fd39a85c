#ifndef L2P_PLUGINS_TRANSPORT_TCP_TLS_SESSION_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TLS_SESSION_H_

#include <openssl/is_boringssl.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/peer_id.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these are not BoringSSL's headers"
#endif

namespace l2p::tcp {

inline constexpr std::string_view kYamuxProtocol = "/yamux/1.0.0";

// What all TLS sessions of a transport share: our certificate and the rules. [any thread]
class TlsContext {
 public:
  using Clock = std::function<Time()>;

  // `crypto` outlives it; `clock` is asked at each handshake.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Make(const Identity& identity,
                                                          const Crypto& crypto, uint64_t serial,
                                                          Clock clock);

  SSL_CTX* get() const { return context_.get(); }
  const Crypto& crypto() const { return crypto_; }
  Time Now() const { return clock_(); }

 private:
  TlsContext(const Crypto& crypto, Clock clock) : crypto_(crypto), clock_(std::move(clock)) {}

  const Crypto& crypto_;
  const Clock clock_;
  bssl::UniquePtr<SSL_CTX> context_;
};

// One TLS 1.3 connection that proves both peers: bytes in, bytes out. One thread at a time.
class TlsSession {
 public:
  // `expected`: whom we dial, if known. `context` outlives the session.
  TlsSession(const TlsContext& context, bool dialer, std::optional<PeerId> expected);

  // Lends ciphertext that arrived; it is read by the calls below, which take all of it before they
  // say that they need more. REQUIRES: what was lent before is used up.
  void Feed(ByteView ciphertext) { in_ = ciphertext; }

  // Ciphertext to be sent, which the calls below append; to be taken and cleared by the owner.
  std::string& output() { return out_; }

  // True when the handshake is done, false when it needs more bytes. DataLoss: the peer is not the
  // expected one; Unavailable: anything else.
  absl::StatusOr<bool> Handshake();

  // Reads plaintext: a count, 0 when more ciphertext is needed. Unavailable at the end.
  absl::StatusOr<size_t> Read(MutableByteView into);

  // REQUIRES: the handshake is done.
  absl::Status Write(ByteView plaintext);

  // Says goodbye (close_notify) without waiting for an answer.
  void Close();

  // REQUIRES for both: the handshake is done.
  const PeerId& peer() const { return *peer_; }
  bool agreed_on_yamux() const;  // By ALPN.

 private:
  static int ReadInput(BIO* bio, char* out, int size);
  static int WriteOutput(BIO* bio, const char* data, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* Method();
  static ssl_verify_result_t Verify(SSL* ssl, uint8_t* alert);
  friend class TlsContext;

  absl::Status CheckPeer();
  absl::Status Failure(std::string_view what);

  const TlsContext& context_;
  const std::optional<PeerId> expected_;
  std::optional<PeerId> peer_;
  absl::Status verdict_;  // Of the peer's certificate.
  ByteView in_;
  std::string out_;
  bssl::UniquePtr<SSL> ssl_;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TLS_SESSION_H_
