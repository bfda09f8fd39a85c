#ifndef L2P_HASHER_H_
#define L2P_HASHER_H_

#include <memory>
#include <span>
#include <string>

#include "l2p/bytes.h"
#include "l2p/multihash.h"

namespace l2p {

// A Hasher names bytes: it computes digests of one hash function. Pure: the same input gives the
// same digest for ever, in every process.
//
// [any thread]; calls may overlap. It never waits and owns no thread: the caller spreads batches
// over the cores.
class L2P_SDK_API Hasher {
 public:
  static constexpr char kKind[] = "hashing";
  static constexpr size_t kMaxBatch = 16;

  virtual ~Hasher();

  virtual HashCode code() const = 0;
  virtual size_t digest_size() const = 0;  // In bytes; 20 to 64.

  // Writes the digest of inputs[i] to digests[i * digest_size()].
  // REQUIRES: inputs.size() <= kMaxBatch, digests.size() == inputs.size() * digest_size().
  virtual void Hash(std::span<const ByteView> inputs, MutableByteView digests) const = 0;
};

// The Multihash of one input.
L2P_SDK_API Multihash HashOf(const Hasher& hasher, ByteView input);

}  // namespace l2p

#endif  // L2P_HASHER_H_
