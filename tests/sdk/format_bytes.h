// What the format tests share: bytes from hexadecimal, SHA-256 ids, and damaged copies of bytes.
#ifndef L2P_TESTS_SDK_FORMAT_BYTES_H_
#define L2P_TESTS_SDK_FORMAT_BYTES_H_

#include <openssl/sha.h>

#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "l2p/bytes.h"
#include "l2p/cid.h"

namespace l2p {

inline std::string Unhex(std::string_view hex) {
  std::string bytes;
  if (!FromHex(hex, bytes)) throw std::invalid_argument("not hexadecimal");
  return bytes;
}

inline Multihash Sha256Of(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return *Multihash::FromDigest(HashCode::kSha2_256, AsBytes(digest));
}

inline Cid RawCidOf(std::string_view bytes) { return Cid(Codec::kRaw, Sha256Of(bytes)); }
inline Cid DagPbCidOf(std::string_view bytes) { return Cid(Codec::kDagPb, Sha256Of(bytes)); }

// Calls `parse` with `rounds` copies of `bytes`, each with one to four bytes changed, added or
// removed. The same seed makes the same copies. Returns how many `parse` accepted.
inline int Mutate(const std::string& bytes, int rounds,
                  const std::function<bool(const std::string&)>& parse) {
  std::mt19937 random(20260101);
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string copy = bytes;
    for (uint32_t changes = 1 + random() % 4; changes > 0; --changes) {
      const size_t at = copy.empty() ? 0 : random() % copy.size();
      const char value = static_cast<char>(random());
      switch (random() % 4) {
        case 0:
          copy.insert(copy.begin() + static_cast<ptrdiff_t>(at), value);
          break;
        case 1:
          if (!copy.empty()) copy.erase(at, 1);
          break;
        default:
          if (!copy.empty()) copy[at] = value;
      }
    }
    accepted += parse(copy) ? 1 : 0;
  }
  return accepted;
}

}  // namespace l2p

#endif  // L2P_TESTS_SDK_FORMAT_BYTES_H_
