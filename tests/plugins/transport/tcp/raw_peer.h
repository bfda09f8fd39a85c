#ifndef L2P_TESTS_PLUGINS_TRANSPORT_TCP_RAW_PEER_H_
#define L2P_TESTS_PLUGINS_TRANSPORT_TCP_RAW_PEER_H_

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>

#include "l2p/crypto.h"
#include "l2p/multiaddr.h"

namespace l2p::tcp {

// How a peer of a test looks; as it stands, one that must be accepted.
struct PeerShape {
  int64_t valid_from = -3600;  // Seconds from now.
  int64_t valid_until = 3600;
  bool has_extension = true;
  bool extension_is_critical = false;
  bool extension_is_garbled = false;
  bool has_unknown_critical_extension = false;
  bool signs_for_another_certificate = false;
  bool signs_with_another_host_key = false;
  bool self_signature_is_broken = false;
  std::string signature_prefix = "libp2p-tls-handshake:";
  int chain = 1;
  uint16_t version = TLS1_3_VERSION;
  // Offered by a client, selected by a server; empty: no ALPN.
  std::string alpn = "/yamux/1.0.0";
};

// A blocking peer written against BoringSSL's ordinary API, for one connection.
class RawPeer {
 public:
  RawPeer(const PeerShape& shape, const Identity& identity, const Identity& other);
  ~RawPeer();

  // Dials, or listens and then accepts.
  bool Connect(const Multiaddr& address);
  Multiaddr Listen();
  bool Accept();

  void Close();
  void SendPlain(std::string_view bytes);
  std::string ReceivePlain(size_t size);  // Less at the end.

  // Agrees on TLS and shakes hands; false if the other side ends it.
  bool Secure(bool client);
  bool Send(std::string_view bytes);
  std::string Receive(size_t size);  // Less at the end.

 private:
  static int SelectAlpn(SSL* ssl, const uint8_t** out, uint8_t* out_size, const uint8_t* in,
                        unsigned in_size, void* shape);

  const PeerShape shape_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
  int listener_ = -1;
  int socket_ = -1;
};

}  // namespace l2p::tcp

#endif  // L2P_TESTS_PLUGINS_TRANSPORT_TCP_RAW_PEER_H_
