#ifndef L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_
#define L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/multiaddr.h"
#include "l2p/mutex.h"

namespace l2p {

// The id of the owner of a libp2p PublicKey message of any length.
absl::StatusOr<PeerId> PeerOf(ByteView public_key, const Crypto& crypto);

// An Envelope in which `identity` says that it can be dialled at `addresses`; of two the one with
// the greater `seq` is right.
absl::StatusOr<std::string> SignPeerRecord(const Identity& identity,
                                           const std::vector<Multiaddr>& addresses, uint64_t seq);

// The addresses in `envelope` (those that this node cannot read are left out). DataLoss unless
// `peer` signed it about itself.
absl::StatusOr<std::vector<Multiaddr>> ReadPeerRecord(ByteView envelope, const PeerId& peer,
                                                      const Crypto& crypto);

// The PeerRecords of a node: its own are signed once for as long as its addresses stay the same,
// and what others signed is verified once: they say it again with each connection. [any thread]
class PeerRecords {
 public:
  static constexpr size_t kMostOwn = 16;
  static constexpr size_t kMostVerified = 4096;

  // Both are lent.
  PeerRecords(const Identity& identity, const Crypto& crypto)
      : identity_(identity), crypto_(crypto) {}

  // `seq` counts when there is no record of these addresses yet.
  absl::StatusOr<std::string> Own(const std::vector<Multiaddr>& addresses, uint64_t seq);

  // As ReadPeerRecord.
  absl::StatusOr<std::vector<Multiaddr>> Read(ByteView envelope, const PeerId& peer);

  size_t remembered() const;  // Records of either sort.

 private:
  const Identity& identity_;
  const Crypto& crypto_;
  mutable Mutex mutex_{"PeerRecords"};
  std::map<std::vector<Multiaddr>, std::string> own_ L2P_GUARDED_BY(mutex_);
  std::set<Sha256Digest> verified_ L2P_GUARDED_BY(mutex_);  // Of peer and envelope.
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_
