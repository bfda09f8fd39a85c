// What is signed about a group: by whom it was placed (GroupRecord), by who keeps it (Receipt).
#ifndef L2P_GROUP_RECORD_H_
#define L2P_GROUP_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/cid.h"
#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/group.h"
#include "l2p/peer_id.h"
#include "l2p/redundancy.h"

namespace l2p {

// A GroupRecord is the owner's word on how a group is to be kept. Every holder keeps it and gives
// it to whoever asks. It says where the group was put; where it is now, say the holders themselves.
// A later `issued` replaces an earlier one of the same owner. A value.
struct GroupRecord {
  static constexpr size_t kMaxBytes = 16 * 1024;

  Multihash group;
  Redundancy spec;              // Resolved, and before Redundancy::ForGroup.
  Multihash sidecar;            // Empty: whole copies.
  std::vector<PeerId> holders;  // By place; an empty PeerId is a place nobody has taken.
  std::string owner_key;        // A libp2p PublicKey message; set by Sign.
  Time issued;                  // Whole seconds, as is `until`.
  Time until = absl::InfiniteFuture();

  // K and N of the group: copies when there is no sidecar.
  Redundancy ForGroup() const {
    return sidecar.empty() && spec.coded() ? Redundancy::Copies(spec.margin() + 1) : spec;
  }
};

// Signs as `owner`.
L2P_SDK_API absl::StatusOr<std::string> SignGroupRecord(GroupRecord record, const Identity& owner);

// Takes exactly what SignGroupRecord makes: DataLoss when the signature is wrong, InvalidArgument
// when it is malformed.
L2P_SDK_API absl::StatusOr<GroupRecord> OpenGroupRecord(const Crypto& crypto, ByteView bytes);

// A Receipt is a holder's signed word that it has on its disk what it was given of a group, and
// that it will keep it. Anyone can check it, without a node. A value.
struct Receipt {
  static constexpr size_t kMaxBytes = 1024;

  Multihash group;
  std::string holder_key;  // Set by Sign.
  Sha256Digest list_root;  // ListRoot of what it keeps.
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  Time issued;  // Whole seconds, as is `until`.
  Time until = absl::InfiniteFuture();

  absl::StatusOr<PeerId> holder() const { return PeerId::OfPublicKey(AsBytes(holder_key)); }
};

// The tree root over the blocks that a holder keeps of a group, nodes and then leaves as they were
// offered: an item for each, multihash and uvarint size.
L2P_SDK_API Sha256Digest ListRoot(const Crypto& crypto, const Group& share);

L2P_SDK_API absl::StatusOr<std::string> SignReceipt(Receipt receipt, const Identity& holder);
L2P_SDK_API absl::StatusOr<Receipt> OpenReceipt(const Crypto& crypto, ByteView bytes);

// The receipts of one put as a text file (docs/protocol.md, "Receipts").
struct ReceiptFile {
  Cid id;
  std::vector<std::string> receipts;  // Signed.
};
L2P_SDK_API std::string EncodeReceiptFile(const Crypto& crypto, const ReceiptFile& file);
// Takes exactly what EncodeReceiptFile makes. DataLoss if any bit has changed; the receipts' own
// signatures remain to be checked.
L2P_SDK_API absl::StatusOr<ReceiptFile> ParseReceiptFile(const Crypto& crypto,
                                                         std::string_view text);

}  // namespace l2p

#endif  // L2P_GROUP_RECORD_H_
