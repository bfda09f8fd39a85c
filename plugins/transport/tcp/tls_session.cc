#include "tls_session.h"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/pool.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "certificate.h"

namespace l2p::tcp {
namespace {

// In ALPN's form, in order of preference: /yamux/1.0.0 or, as the last, "the muxer will be
// negotiated inside".
constexpr std::string_view kAlpn = "\x0c/yamux/1.0.0\x06libp2p";

// The client's first that we know.
int SelectAlpn(SSL*, const uint8_t** out, uint8_t* out_size, const uint8_t* in, unsigned in_size,
               void*) {
  CBS offers, offer;
  CBS_init(&offers, in, in_size);
  while (CBS_get_u8_length_prefixed(&offers, &offer)) {
    const std::string_view name = AsText({CBS_data(&offer), CBS_len(&offer)});
    if (name != kYamuxProtocol && name != "libp2p") continue;
    *out = CBS_data(&offer);
    *out_size = static_cast<uint8_t>(CBS_len(&offer));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool Configure(SSL_CTX* context, const Certificate& certificate) {
  const bssl::UniquePtr<CRYPTO_BUFFER> chain(
      CRYPTO_BUFFER_new(AsBytes(certificate.der).data(), certificate.der.size(), /*pool=*/nullptr));
  CRYPTO_BUFFER* const chain_of_one[] = {chain.get()};
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, SelectAlpn, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return chain != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) &&
         SSL_CTX_set_num_tickets(context, 0) &&
         SSL_CTX_set_chain_and_key(context, chain_of_one, 1, certificate.key.get(), nullptr) &&
         SSL_CTX_set_alpn_protos(context, AsBytes(kAlpn).data(), kAlpn.size()) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Make(const Identity& identity,
                                                             const Crypto& crypto, uint64_t serial,
                                                             Clock clock) {
  L2P_ASSIGN_OR_RETURN(const Certificate certificate, MakeCertificate(identity, serial, clock()));
  auto made = std::unique_ptr<TlsContext>(new TlsContext(crypto, std::move(clock)));
  // The variant without X509 objects: a certificate is bytes, and an idle connection stays small.
  made->context_.reset(SSL_CTX_new(TLS_with_buffers_method()));
  if (made->context_ == nullptr || !Configure(made->context_.get(), certificate)) {
    return absl::InternalError("tls: BoringSSL could not be set up");
  }
  SSL_CTX_set_custom_verify(made->context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                            &TlsSession::Verify);
  return made;
}

const BIO_METHOD* TlsSession::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "l2p");
    BIO_meth_set_read(made, &TlsSession::ReadInput);
    BIO_meth_set_write(made, &TlsSession::WriteOutput);
    BIO_meth_set_ctrl(made, &TlsSession::Control);
    return made;
  }();
  return method;
}

int TlsSession::ReadInput(BIO* bio, char* out, int size) {
  ByteView& in = static_cast<TlsSession*>(BIO_get_data(bio))->in_;
  BIO_clear_retry_flags(bio);
  if (in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t count = std::min(in.size(), static_cast<size_t>(size));
  std::memcpy(out, in.data(), count);
  in = in.subspan(count);
  return static_cast<int>(count);
}

int TlsSession::WriteOutput(BIO* bio, const char* data, int size) {
  static_cast<TlsSession*>(BIO_get_data(bio))->out_.append(data, static_cast<size_t>(size));
  return size;
}

long TlsSession::Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }

TlsSession::TlsSession(const TlsContext& context, bool dialer, std::optional<PeerId> expected)
    : context_(context), expected_(std::move(expected)), ssl_(SSL_new(context.get())) {
  BIO* bio = BIO_new(Method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_shed_handshake_config(ssl_.get(), 1);
  if (dialer) {
    SSL_set_connect_state(ssl_.get());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
}

ssl_verify_result_t TlsSession::Verify(SSL* ssl, uint8_t* alert) {
  auto* session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  session->verdict_ = session->CheckPeer();
  if (session->verdict_.ok()) return ssl_verify_ok;
  *alert = SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

absl::Status TlsSession::CheckPeer() {
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl_.get());
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) != 1) {
    return absl::UnavailableError("certificate: there must be exactly one");
  }
  const CRYPTO_BUFFER* der = sk_CRYPTO_BUFFER_value(chain, 0);
  L2P_ASSIGN_OR_RETURN(peer_, CheckCertificate({CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der)},
                                               context_.crypto(), context_.Now()));
  if (expected_.has_value() && *peer_ != *expected_) {
    return absl::DataLossError(
        absl::StrCat("dialled ", expected_->ToString(), ", but ", peer_->ToString(), " answered"));
  }
  return absl::OkStatus();
}

absl::Status TlsSession::Failure(std::string_view what) {
  if (!verdict_.ok()) return verdict_;
  const uint32_t error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return absl::UnavailableError(
      absl::StrCat("tls ", av(what), ": ", reason == nullptr ? "ended by the peer" : reason));
}

absl::StatusOr<bool> TlsSession::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return true;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return false;
  return Failure("handshake");
}

absl::StatusOr<size_t> TlsSession::Read(MutableByteView into) {
  ERR_clear_error();
  const int limit = static_cast<int>(std::min<size_t>(into.size(), 1 << 30));
  const int result = SSL_read(ssl_.get(), into.data(), limit);
  if (result > 0) return static_cast<size_t>(result);
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return size_t{0};
    case SSL_ERROR_ZERO_RETURN:
      return absl::UnavailableError("closed by the peer");
    default:
      return Failure("read");
  }
}

absl::Status TlsSession::Write(ByteView plaintext) {
  ERR_clear_error();
  while (!plaintext.empty()) {
    const int limit = static_cast<int>(std::min<size_t>(plaintext.size(), 1 << 30));
    const int result = SSL_write(ssl_.get(), plaintext.data(), limit);
    if (result <= 0) return Failure("write");
    plaintext = plaintext.subspan(static_cast<size_t>(result));
  }
  return absl::OkStatus();
}

void TlsSession::Close() {
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool TlsSession::agreed_on_yamux() const {
  const uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return AsText({name, size}) == kYamuxProtocol;
}

}  // namespace l2p::tcp
