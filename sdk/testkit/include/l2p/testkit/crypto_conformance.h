#ifndef L2P_TESTKIT_CRYPTO_CONFORMANCE_H_
#define L2P_TESTKIT_CRYPTO_CONFORMANCE_H_

#include "l2p/crypto.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/crypto.h, against published vectors and signatures made with OpenSSL.
// `world` gives the Host that `factory` gets.
std::vector<ConformanceCase> CryptoConformance(Factory<Crypto> factory, WorldFactory world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_CRYPTO_CONFORMANCE_H_
