#ifndef L2P_PLUGINS_SERVICE_KEEPER_AUDITOR_H_
#define L2P_PLUGINS_SERVICE_KEEPER_AUDITOR_H_

#include <map>
#include <vector>

#include "group_content.h"
#include "keeping.h"

namespace l2p::keeper {

// The Auditor asks other holders for single leaves of what they say they hold: 4 KiB with the path
// to the tree root that the sidecar gives, or, of whole copies, as this node has it itself. An
// answer that is wrong fails the audit. One that is late is asked for anew; a holder that is late
// three times in a row fetches what it should have, and fails as well.
//
// [any thread], but Step, which never overlaps itself.
class Auditor {
 public:
  static constexpr size_t kLateTries = 3;
  static constexpr Duration kWayLimit = absl::Seconds(10);  // Of the request that measures the way.

  explicit Auditor(const Keeping& keeping);

  // Audits one peer.
  void Step();

  enum class Result { kPassed, kFailed, kUnreachable, kNothingToAsk };
  Result Audit(const PeerId& peer, const Share& share);

  // The answer to such a request.
  absl::StatusOr<TreeProof> Prove(const LeafRequest& request);

  // When a member of the group last passed an audit of this node; InfinitePast.
  Time LastOf(const Multihash& group) const;

 private:
  // A leaf of a holder's share, and how to tell it.
  struct Question {
    LeafRequest request;
    Sha256Digest root;
    uint64_t size = 0;
  };
  absl::StatusOr<Question> Ask(const Multihash& group, Place place);
  absl::StatusOr<Question> AskCoded(const GroupContent& content, Place place);
  absl::StatusOr<Question> AskCopy(const GroupContent& content);
  struct Reply {
    absl::StatusOr<Bytes> message;
    Duration took;
    bool dialled = false;
  };
  Reply Send(const PeerId& peer, const LeafRequest& request, Duration limit);
  Reply MeasureWay(const PeerId& peer);
  void Note(const PeerId& peer, const Share& share, Result result);

  const Keeping& keeping_;
  Metric& passed_;
  Metric& failed_;
  mutable Mutex mutex_{"Auditor"};
  std::map<Multihash, Time> last_ L2P_GUARDED_BY(mutex_);  // Of groups held here.
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_AUDITOR_H_
