#ifndef L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_
#define L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_

#include <string>
#include <vector>

#include "l2p/crypto.h"
#include "l2p/multiaddr.h"

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

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_SIGNED_PEER_RECORD_H_
