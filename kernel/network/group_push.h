#ifndef L2P_KERNEL_NETWORK_GROUP_PUSH_H_
#define L2P_KERNEL_NETWORK_GROUP_PUSH_H_

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/network/piece_source.h"
#include "kernel/network/push_turns.h"
#include "l2p/group_record.h"
#include "l2p/messenger.h"
#include "l2p/router.h"

namespace l2p {

// A GroupPush is one group on its way to its holders: a task for each place that is still free,
// which asks one candidate after the other until one has taken the place's share. One task at a
// time.
class GroupPush {
 public:
  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    PushTurns& turns;
    Messenger& messenger;
    const Crypto& crypto;
  };

  // Hears of progress, from any of the tasks.
  struct Listener {
    // `change` bytes more (or, after a failure, less) are on holders' disks.
    std::function<void(int64_t change)> on_stored;
    std::function<void(const PeerId& holder)> on_holder;
    std::function<void(const PeerId& holder, const absl::Status& why)> on_refusal;
  };

  // `candidates` in the order in which they are asked; `holders` by place, empty where one is
  // wanted.
  GroupPush(Parts parts, PieceSource& source, const Multihash& group,
            std::vector<PeerInfo> candidates, std::vector<PeerId> holders, Listener listener);

  // Adds to the end of the candidates whoever was none yet; false if that is nobody.
  bool Offer(std::vector<PeerInfo> candidates);

  // Makes candidates again of those who have refused; false if that is nobody.
  bool OfferRefused();

  // Returns when every place is taken or no candidate is left that was not asked. Holders keep
  // `record` with the group.
  void Run(std::string_view record, Time until);

  // Who will have which place if nobody refuses.
  std::vector<PeerId> Plan();

  const Multihash& group() const { return group_; }
  const PieceSource& source() const { return source_; }
  const std::vector<PeerId>& holders() const { return holders_; }  // By place.
  size_t taken() const;                                            // Places.

  // Gives the holders of all places another record.
  void Tell(std::string_view record, Time until);

  // Of those who took a place in Run, signed.
  const std::vector<std::string>& receipts() const { return receipts_; }

 private:
  BlockReader Reader();
  void FillPlace(size_t place, const PeerInfo& first, std::string_view record, Time until);
  const PeerInfo* NextCandidate();
  absl::Status CheckReceipt(const PeerId& holder, const Group& share, ByteView receipt) const;

  const Parts parts_;
  PieceSource& source_;
  const Multihash group_;
  std::vector<PeerInfo> candidates_;
  const Listener listener_;
  std::vector<PeerId> holders_;
  Mutex mutex_{"GroupPush"};
  size_t next_ L2P_GUARDED_BY(mutex_) = 0;  // Of the candidates: the first who was not asked.
  std::vector<PeerInfo> refused_ L2P_GUARDED_BY(mutex_);  // By a word of theirs.
  std::vector<std::string> receipts_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_GROUP_PUSH_H_
