#include "sha256_hasher.h"

#include <openssl/base.h>
#include <openssl/is_boringssl.h>
#include <openssl/sha.h>

// OpenSSL has headers of the same names; mixing its headers with BoringSSL's library would link.
#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers: put BoringSSL's include folder first"
#endif

namespace l2p {

void Sha256Hasher::Hash(std::span<const ByteView> inputs, MutableByteView digests) const {
  uint8_t* out = digests.data();
  for (ByteView input : inputs) {
    SHA256(input.data(), input.size(), out);
    out += digest_size();
  }
}

}  // namespace l2p
