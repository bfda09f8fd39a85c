#ifndef @NAME@_HASHER_H_
#define @NAME@_HASHER_H_

#include "l2p/crypto.h"
#include "l2p/hasher.h"

namespace @name@ {

// SHA-256 by the node's crypto module. Put another function here, and its code in code(): the table
// of codes is https://github.com/multiformats/multicodec/blob/master/table.csv. The conformance suite
// compares digests with published ones for the codes that l2p knows.
class @Name@Hasher : public l2p::Hasher {
 public:
  explicit @Name@Hasher(const l2p::Crypto& crypto) : crypto_(crypto) {}

  l2p::HashCode code() const override { return l2p::HashCode::kSha2_256; }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const l2p::ByteView> inputs, l2p::MutableByteView digests) const override;

 private:
  const l2p::Crypto& crypto_;  // The node's; outlives this.
};

}  // namespace @name@

#endif  // @NAME@_HASHER_H_
