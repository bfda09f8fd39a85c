#include "position.h"

namespace l2p::kademlia {

Position Position::FromDigest(const Sha256Digest& digest) {
  Position position;
  for (size_t i = 0; i < digest.size(); ++i) {
    position.words[i / 8] = position.words[i / 8] << 8 | digest[i];
  }
  return position;
}

}  // namespace l2p::kademlia
