#ifndef L2P_PLUGINS_TRANSPORT_TCP_CERTIFICATE_H_
#define L2P_PLUGINS_TRANSPORT_TCP_CERTIFICATE_H_

#include <openssl/evp.h>
#include <openssl/is_boringssl.h>

#include <string>

#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/peer_id.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these are not BoringSSL's headers"
#endif

namespace l2p::tcp {

// A certificate that binds a TLS key to a libp2p host key, and that TLS key.
struct Certificate {
  std::string der;
  bssl::UniquePtr<EVP_PKEY> key;
};

// A self-signed certificate with a fresh P-256 key, valid from an hour before `now` for a hundred
// years. `serial` becomes its serial number.
absl::StatusOr<Certificate> MakeCertificate(const Identity& identity, uint64_t serial, Time now);

// The peer whose host key `der` proves. Unavailable names the rule it breaks: the times, the
// signature by its own key, unknown critical extensions, the libp2p extension and its signature.
absl::StatusOr<PeerId> CheckCertificate(ByteView der, const Crypto& crypto, Time now);

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_CERTIFICATE_H_
