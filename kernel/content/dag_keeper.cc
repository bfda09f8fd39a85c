#include "kernel/content/dag_keeper.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/content/fetcher.h"

namespace l2p {
namespace {

constexpr size_t kAhead = 32;  // Blocks asked for and not read.
constexpr size_t kPutAtOnce = 16;
constexpr size_t kMaxDepth = 512;
constexpr size_t kMaxNodes = 1'000'000;  // Blocks with links: remembered to the end.

class DagKeeper {
 public:
  DagKeeper(BlockSource& source, Draft& draft, Time deadline)
      : fetcher_(source, deadline), draft_(draft), groups_([this](Group group) -> absl::Status {
          L2P_RETURN_IF_ERROR(Flush());
          return draft_.Add(std::move(group));
        }) {}

  absl::StatusOr<Subtree> Run(const Cid& root) {
    L2P_ASSIGN_OR_RETURN(std::optional<Subtree> done, Visit(root, fetcher_.Ask(root)));
    while (!path_.empty()) {
      Node& node = path_.back();
      if (done) node.children.push_back(*std::exchange(done, std::nullopt));
      if (node.children.size() < node.links.size()) {
        L2P_ASSIGN_OR_RETURN(done, VisitNext(node));
      } else {
        L2P_ASSIGN_OR_RETURN(done, groups_.Node(node.cid, node.bytes, node.children));
        finished_.emplace(node.cid, *done);
        path_.pop_back();
      }
    }
    L2P_RETURN_IF_ERROR(Flush());
    L2P_RETURN_IF_ERROR(groups_.Finish(*done));
    return *std::move(done);
  }

 private:
  struct Node {
    Cid cid;
    uint32_t bytes = 0;
    std::vector<Cid> links;
    std::map<size_t, Fetcher::Ticket> asked;  // By link.
    size_t next_to_ask = 0;
    std::vector<Subtree> children;  // Finished, from the left.
  };

  // The subtree of the next link if that is finished; else its node is on the path now.
  absl::StatusOr<std::optional<Subtree>> VisitNext(Node& node) {
    const size_t next = node.children.size();
    for (; node.next_to_ask < node.links.size(); ++node.next_to_ask) {
      if (finished_.contains(node.links[node.next_to_ask])) continue;
      if (node.next_to_ask > next && fetcher_.pending() >= kAhead) break;
      node.asked.emplace(node.next_to_ask, fetcher_.Ask(node.links[node.next_to_ask]));
    }
    auto ticket = node.asked.extract(next);
    if (ticket.empty()) return finished_.at(node.links[next]);
    return Visit(node.links[next], ticket.mapped());
  }

  absl::StatusOr<std::optional<Subtree>> Visit(const Cid& cid, Fetcher::Ticket ticket) {
    L2P_ASSIGN_OR_RETURN(Bytes block, fetcher_.Take(ticket));
    if (auto found = finished_.find(cid); found != finished_.end()) return found->second;
    const uint32_t bytes = static_cast<uint32_t>(block.size());
    std::vector<Cid> links;
    if (cid.codec() == Codec::kDagPb) {
      L2P_ASSIGN_OR_RETURN(DagNode node, NodeOf(cid, block));
      for (DagLink& link : node.links) links.push_back(std::move(link.cid));
    }
    pending_.push_back({cid.hash(), std::move(block)});
    if (pending_.size() >= kPutAtOnce) L2P_RETURN_IF_ERROR(Flush());
    if (links.empty()) return GroupBuilder::Leaf(cid, bytes);
    if (path_.size() == kMaxDepth || finished_.size() == kMaxNodes) {
      return absl::ResourceExhaustedError(absl::StrCat("dag at ", cid.ToString(),
                                                       " is too large to keep: over ", kMaxDepth,
                                                       " nodes deep or ", kMaxNodes, " in all"));
    }
    path_.push_back({cid, bytes, std::move(links), {}, 0, {}});
    return std::nullopt;
  }

  absl::Status Flush() {
    if (pending_.empty()) return absl::OkStatus();
    return draft_.operation().Put(std::exchange(pending_, {}));
  }

  Fetcher fetcher_;
  Draft& draft_;
  GroupBuilder groups_;
  std::vector<Block> pending_;
  std::vector<Node> path_;           // From the root to the current node.
  std::map<Cid, Subtree> finished_;  // Nodes with links.
};

}  // namespace

absl::StatusOr<Subtree> KeepDag(BlockSource& source, const Cid& root, Draft& draft, Time deadline) {
  return DagKeeper(source, draft, deadline).Run(root);
}

}  // namespace l2p
