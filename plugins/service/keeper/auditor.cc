#include "auditor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::keeper {

Auditor::Auditor(const Keeping& keeping)
    : keeping_(keeping),
      passed_(keeping.host.metrics().Counter("audits_passed_total", "Audits that others passed.")),
      failed_(keeping.host.metrics().Counter("audits_failed_total", "Audits that others failed.")) {
}

void Auditor::Step() {
  std::vector<Roster::Peer> peers = keeping_.roster.Peers();
  std::erase_if(peers, [](const Roster::Peer& peer) { return !peer.within_reach(); });
  if (peers.empty()) return;
  const PeerId& peer = peers[RandomBelow(keeping_.host, peers.size())].id;
  const std::optional<Share> share =
      keeping_.roster.PickShare(peer, RandomBelow(keeping_.host, UINT64_MAX));
  if (!share) return;
  const Result result = Audit(peer, *share);
  Note(peer, *share, result);
}

void Auditor::Note(const PeerId& peer, const Share& share, Result result) {
  if (result == Result::kUnreachable) {
    keeping_.roster.Missed(peer, keeping_.host.Now());
  }
  if (result != Result::kPassed && result != Result::kFailed) return;
  const bool is_passed = result == Result::kPassed;
  keeping_.roster.Heard(peer, keeping_.host.Now());
  keeping_.roster.SetTrusted(share.group, peer, is_passed);
  keeping_.node.peers().Note(peer, is_passed ? Conduct::kAuditPassed : Conduct::kAuditFailed);
  (is_passed ? passed_ : failed_).Add(1);
  if (!is_passed) {
    keeping_.Log(Severity::kWarning, absl::StrCat(peer.ToString(), " failed an audit of group ",
                                                  share.group.ToString()));
    return;
  }
  MutexLock lock(mutex_);
  last_[share.group] = keeping_.host.Now();
  std::erase_if(last_, [&](const auto& entry) {
    return keeping_.host.Now() - entry.second > keeping_.options.forget;
  });
}

Auditor::Result Auditor::Audit(const PeerId& peer, const Share& share) {
  for (size_t tries = 0; tries < kLateTries; ++tries) {
    const Reply way = MeasureWay(peer);
    if (!way.message.ok()) return Result::kUnreachable;
    const absl::StatusOr<Question> question = Ask(share.group, share.place);
    if (!question.ok()) return Result::kNothingToAsk;
    const Reply reply = Send(peer, question->request, way.took + keeping_.options.audit_allowance);
    if (absl::IsDeadlineExceeded(reply.message.status())) continue;
    if (absl::IsUnavailable(reply.message.status())) return Result::kUnreachable;
    if (!reply.message.ok()) return Result::kFailed;
    const absl::StatusOr<KeeperAnswer> answer = ParseAnswer(*reply.message);
    if (!answer.ok() || !answer->proof) return Result::kFailed;
    const absl::Status right = VerifyLeaf(keeping_.host.crypto(), question->root, question->size,
                                          question->request.index, *answer->proof);
    return right.ok() ? Result::kPassed : Result::kFailed;
  }
  return Result::kFailed;
}

Auditor::Reply Auditor::Send(const PeerId& peer, const LeafRequest& request, Duration limit) {
  KeeperRequest message;
  message.leaf = request;
  const Time start = keeping_.host.Now();
  const std::unique_ptr<Calls> calls = keeping_.node.messenger().NewCalls();
  calls->Send({peer, {}}, kProtocol, Bytes::Of(Encode(message)), kMaxMessage, start + limit);
  std::optional<Calls::Answer> answer = keeping_.Next(*calls, start + limit);
  if (!answer) return {absl::DeadlineExceededError("no answer in time"), limit};
  return {std::move(answer->result), answer->took, answer->dialled};
}

Auditor::Reply Auditor::MeasureWay(const PeerId& peer) {
  Reply way = Send(peer, {}, kWayLimit);
  // A dial takes several times as long: it would excuse whoever needs that time to fetch.
  return way.message.ok() && way.dialled ? Send(peer, {}, kWayLimit) : way;
}

absl::StatusOr<Auditor::Question> Auditor::Ask(const Multihash& group, Place place) {
  L2P_ASSIGN_OR_RETURN(const GroupContent content,
                       LoadContent(keeping_.node, keeping_.host.crypto(), group));
  return content.sidecar ? AskCoded(content, place) : AskCopy(content);
}

absl::StatusOr<Auditor::Question> Auditor::AskCoded(const GroupContent& content, Place place) {
  const Sidecar& sidecar = *content.sidecar;
  std::vector<uint64_t> ends;  // Of the leaves of each stripe's piece, counted up.
  uint64_t leaves = 0;
  for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
    leaves += TreeLeaves(sidecar.StoredBytes(s, sidecar.PieceAt(s, place)));
    ends.push_back(leaves);
  }
  if (leaves == 0) return absl::NotFoundError("the share has no bytes");
  const uint64_t picked = RandomBelow(keeping_.host, leaves);
  const size_t stripe =
      static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), picked) - ends.begin());
  const size_t index = sidecar.PieceAt(stripe, place);
  Question question;
  question.size = sidecar.StoredBytes(stripe, index);
  question.root = sidecar.TreeRootOf(stripe, index);
  question.request.index = picked - (stripe == 0 ? 0 : ends[stripe - 1]);
  for (const BlockRef& block : sidecar.BlocksOf(stripe, index)) {
    question.request.blocks.push_back(block.id);
  }
  if (question.request.blocks.size() > LeafRequest::kMaxBlocks) {
    return absl::NotFoundError("the piece has too many blocks to ask for");
  }
  return question;
}

absl::StatusOr<Auditor::Question> Auditor::AskCopy(const GroupContent& content) {
  std::vector<BlockRef> blocks = content.held.blocks.nodes;
  blocks.insert(blocks.end(), content.held.blocks.leaves.begin(), content.held.blocks.leaves.end());
  uint64_t leaves = 0;
  for (const BlockRef& block : blocks) leaves += TreeLeaves(block.size);
  if (leaves == 0) return absl::NotFoundError("the group has no bytes");
  uint64_t picked = RandomBelow(keeping_.host, leaves);
  for (const BlockRef& block : blocks) {
    if (picked >= TreeLeaves(block.size)) {
      picked -= TreeLeaves(block.size);
      continue;
    }
    absl::StatusOr<Bytes> own = absl::UnknownError("");
    keeping_.node.blocks().Get({&block.id, 1}, {&own, 1});
    L2P_RETURN_IF_ERROR(own.status());
    const ByteView view = *own;
    return Question{
        {{block.id}, picked}, TreeRoot(keeping_.host.crypto(), {&view, 1}), view.size()};
  }
  return absl::InternalError("no leaf was picked");
}

absl::StatusOr<TreeProof> Auditor::Prove(const LeafRequest& request) {
  std::vector<absl::StatusOr<Bytes>> blocks(request.blocks.size(), absl::UnknownError(""));
  keeping_.node.blocks().Get(request.blocks, blocks);
  std::vector<ByteView> parts;
  for (const absl::StatusOr<Bytes>& block : blocks) {
    L2P_RETURN_IF_ERROR(block.status());
    parts.push_back(*block);
  }
  return ProveLeaf(keeping_.host.crypto(), parts, request.index);
}

Time Auditor::LastOf(const Multihash& group) const {
  MutexLock lock(mutex_);
  const auto found = last_.find(group);
  return found == last_.end() ? absl::InfinitePast() : found->second;
}

}  // namespace l2p::keeper
