#include "raw_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "multistream.h"

namespace l2p::tcp {
namespace {

constexpr int kTimeoutSeconds = 20;

bssl::UniquePtr<EVP_PKEY> NewKey() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EXPECT_TRUE(EC_KEY_generate_key(ec.get()) && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()));
  return key;
}

std::string Finish(CBB* out) {
  uint8_t* data = nullptr;
  size_t size = 0;
  EXPECT_TRUE(CBB_finish(out, &data, &size));
  std::string der(reinterpret_cast<char*>(data), size);
  OPENSSL_free(data);
  return der;
}

std::string Spki(const EVP_PKEY* key) {
  bssl::ScopedCBB out;
  EXPECT_TRUE(CBB_init(out.get(), 128) && EVP_marshal_public_key(out.get(), key));
  return Finish(out.get());
}

std::string SignedKey(std::string_view public_key, std::string_view signature) {
  bssl::ScopedCBB out;
  CBB sequence, octets;
  EXPECT_TRUE(CBB_init(out.get(), 256) && CBB_add_asn1(out.get(), &sequence, CBS_ASN1_SEQUENCE));
  for (const std::string_view part : {public_key, signature}) {
    EXPECT_TRUE(CBB_add_asn1(&sequence, &octets, CBS_ASN1_OCTETSTRING) &&
                CBB_add_bytes(&octets, AsBytes(part).data(), part.size()) && CBB_flush(&sequence));
  }
  return Finish(out.get());
}

void AddExtension(X509* certificate, const char* oid, bool critical, std::string_view value) {
  bssl::UniquePtr<ASN1_OBJECT> object(OBJ_txt2obj(oid, 1));
  bssl::UniquePtr<ASN1_OCTET_STRING> octets(ASN1_OCTET_STRING_new());
  EXPECT_TRUE(
      ASN1_OCTET_STRING_set(octets.get(), AsBytes(value).data(), static_cast<int>(value.size())));
  bssl::UniquePtr<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), critical, octets.get()));
  EXPECT_TRUE(X509_add_ext(certificate, extension.get(), -1));
}

std::string ExtensionValue(const PeerShape& shape, EVP_PKEY* key, const Identity& identity,
                           const Identity& other) {
  const bssl::UniquePtr<EVP_PKEY> another = NewKey();
  const std::string spki = Spki(shape.signs_for_another_certificate ? another.get() : key);
  const Identity& signer = shape.signs_with_another_host_key ? other : identity;
  const std::string value = SignedKey(AsText(identity.public_key()),
                                      *signer.Sign(AsBytes(shape.signature_prefix + spki)));
  return shape.extension_is_garbled ? value.substr(0, value.size() - 3) : value;
}

bssl::UniquePtr<X509> NewCertificate(const PeerShape& shape, EVP_PKEY* key,
                                     const Identity& identity, const Identity& other) {
  bssl::UniquePtr<X509> made(X509_new());
  EXPECT_TRUE(X509_set_version(made.get(), 2));
  EXPECT_TRUE(ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 5));
  X509_NAME* name = X509_get_subject_name(made.get());
  EXPECT_TRUE(
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, AsBytes("raw").data(), 3, -1, 0));
  EXPECT_TRUE(X509_set_issuer_name(made.get(), name));
  X509_gmtime_adj(X509_get_notBefore(made.get()), shape.valid_from);
  X509_gmtime_adj(X509_get_notAfter(made.get()), shape.valid_until);
  EXPECT_TRUE(X509_set_pubkey(made.get(), key));
  if (shape.has_extension) {
    AddExtension(made.get(), "1.3.6.1.4.1.53594.1.1", shape.extension_is_critical,
                 ExtensionValue(shape, key, identity, other));
  }
  if (shape.has_unknown_critical_extension) AddExtension(made.get(), "1.2.3.4.5", true, "?");
  EXPECT_TRUE(
      X509_sign(made.get(), shape.self_signature_is_broken ? NewKey().get() : key, EVP_sha256()));
  return made;
}

std::string AlpnList(const std::string& name) {
  return std::string(1, static_cast<char>(name.size())) + name;
}

ssl_verify_result_t AcceptAny(SSL*, uint8_t*) { return ssl_verify_ok; }

}  // namespace

RawPeer::RawPeer(const PeerShape& shape, const Identity& identity, const Identity& other)
    : shape_(shape), context_(SSL_CTX_new(TLS_method())) {
  ::signal(SIGPIPE, SIG_IGN);  // BoringSSL's socket BIO raises it when the other side is gone.
  const bssl::UniquePtr<EVP_PKEY> key = NewKey();
  const bssl::UniquePtr<X509> certificate = NewCertificate(shape, key.get(), identity, other);
  SSL_CTX* context = context_.get();
  if (shape.chain > 0) {
    EXPECT_TRUE(SSL_CTX_use_certificate(context, certificate.get()));
    EXPECT_TRUE(SSL_CTX_use_PrivateKey(context, key.get()));
  }
  if (shape.chain > 1) {
    EXPECT_TRUE(SSL_CTX_add1_chain_cert(context, certificate.get()));
  }
  EXPECT_TRUE(SSL_CTX_set_max_proto_version(context, shape.version));
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, AcceptAny);
  if (shape.alpn.empty()) return;
  const std::string list = AlpnList(shape.alpn);
  EXPECT_EQ(SSL_CTX_set_alpn_protos(context, AsBytes(list).data(), list.size()), 0);
  SSL_CTX_set_alpn_select_cb(context, SelectAlpn, const_cast<PeerShape*>(&shape_));
}

int RawPeer::SelectAlpn(SSL*, const uint8_t** out, uint8_t* out_size, const uint8_t*, unsigned,
                        void* shape) {
  const std::string& name = static_cast<const PeerShape*>(shape)->alpn;
  *out = AsBytes(name).data();
  *out_size = static_cast<uint8_t>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

void RawPeer::Close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

RawPeer::~RawPeer() {
  Close();
  if (listener_ >= 0) ::close(listener_);
}

bool RawPeer::Connect(const Multiaddr& address) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(std::atoi(address.Value("tcp")->c_str())));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{kTimeoutSeconds, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  return ::connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
}

Multiaddr RawPeer::Listen() {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(::listen(listener_, 1), 0);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size), 0);
  return *Multiaddr::FromTcp("127.0.0.1", ntohs(name.sin_port));
}

bool RawPeer::Accept() {
  const timeval timeout{kTimeoutSeconds, 0};
  ::setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  socket_ = ::accept(listener_, nullptr, nullptr);
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  return socket_ >= 0;
}

void RawPeer::SendPlain(std::string_view bytes) {
  EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

std::string RawPeer::ReceivePlain(size_t size) {
  std::string bytes(size, '\0');
  const ssize_t count = ::recv(socket_, bytes.data(), size, MSG_WAITALL);
  bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
  return bytes;
}

bool RawPeer::Secure(bool client) {
  // Both sides say the same bytes: the responder repeats header and proposal.
  const std::string opening = MultistreamInitiator("/tls/1.0.0").Opening();
  SendPlain(opening);
  if (ReceivePlain(opening.size()) != opening) return false;
  ssl_.reset(SSL_new(context_.get()));
  EXPECT_TRUE(SSL_set_fd(ssl_.get(), socket_));
  return (client ? SSL_connect(ssl_.get()) : SSL_accept(ssl_.get())) == 1;
}

bool RawPeer::Send(std::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string RawPeer::Receive(size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    const int count = SSL_read(ssl_.get(), bytes.data() + have, static_cast<int>(size - have));
    if (count <= 0) break;
    have += static_cast<size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace l2p::tcp
