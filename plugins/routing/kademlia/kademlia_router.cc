#include "kademlia_router.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "ask_each.h"

namespace l2p {
namespace {

using kademlia::Findings;
using kademlia::Membership;
using kademlia::Message;
using kademlia::MessageType;
using kademlia::ProviderSearch;
using kademlia::ProviderStore;

constexpr Duration kFlushPeriod = absl::Minutes(1);

// Nearest peers that must have answered before a peer counts as not found.
constexpr size_t kEnoughToFind = 3;

// Providers without addresses that are looked up for one query.
constexpr size_t kMostBareLookups = 8;

std::vector<PeerInfo> PeersOf(const std::vector<kademlia::ContactPtr>& contacts) {
  std::vector<PeerInfo> peers;
  for (const kademlia::ContactPtr& contact : contacts) peers.push_back(contact->peer);
  return peers;
}

}  // namespace

KademliaRouter::KademliaRouter(Host& host, Options options)
    : host_(host), options_(std::move(options)), tasks_(host.tasks(), host.NewEvent()) {}

KademliaRouter::~KademliaRouter() { Stop(); }

absl::Status KademliaRouter::Start(Messenger& messenger, std::span<const PeerInfo> known) {
  L2P_ASSIGN_OR_RETURN(State * state, host_.state());
  store_ = std::make_unique<ProviderStore>(*state, options_.store);
  L2P_RETURN_IF_ERROR(WithContext(store_->Load(host_.Now()), "provider records"));
  for (const std::string& protocol : options_.protocols) {
    kademlia::MembershipOptions options = options_.membership;
    options.swarm.protocol = protocol;
    memberships_.push_back(
        std::make_unique<Membership>(host_, messenger, *state, *store_, std::move(options)));
  }
  for (const auto& membership : memberships_) membership->Start(known);
  flush_ = host_.tasks().Every("kad records", kFlushPeriod, [this] { Flush(); });
  return absl::OkStatus();
}

void KademliaRouter::Flush() {
  const absl::Status status = store_->Flush(host_.Now());
  if (!status.ok()) {
    host_.Log(Severity::kWarning, absl::StrCat("save provider records: ", status.ToString()));
  }
}

void KademliaRouter::Stop() {
  flush_.reset();
  for (const auto& membership : memberships_) membership->Stop();
  tasks_.Join();
  if (store_ != nullptr) Flush();
}

Findings KademliaRouter::Look(const Multihash& key, size_t enough, Time deadline) {
  return memberships_.front()->Look(
      {.type = MessageType::kFindNode, .key = key.bytes(), .enough = enough, .heard = nullptr},
      deadline);
}

absl::StatusOr<std::vector<PeerInfo>> KademliaRouter::ClosestPeers(const Multihash& key, size_t n,
                                                                   Time deadline) {
  Findings findings = Look(key, std::max(n, kEnoughToFind), deadline);
  // A list that time cut short is still of use; but nobody may take it for an empty network.
  const bool is_partial = absl::IsDeadlineExceeded(findings.status) && !findings.answered.empty();
  if (!findings.status.ok() && !is_partial) return findings.status;
  findings.answered.resize(std::min(n, findings.answered.size()));
  return PeersOf(findings.answered);
}

absl::StatusOr<std::unique_ptr<ProviderQuery>> KademliaRouter::FindProviders(const Multihash& key,
                                                                             size_t most,
                                                                             Time deadline) {
  auto search = std::make_shared<ProviderSearch>(host_.NewEvent(), host_.identity().peer(), most);
  L2P_RETURN_IF_ERROR(WithContext(
      tasks_.Start("kad find providers",
                   [this, search, key = key.bytes(), deadline] { Search(key, *search, deadline); }),
      "find providers"));
  return std::make_unique<kademlia::SearchQuery>(std::move(search));
}

void KademliaRouter::Search(const std::string& key, ProviderSearch& search, Time deadline) {
  absl::Status status;
  bool has_enough = search.Add(store_->Get(key, 0, options_.store.most_of_key, host_.Now()));
  for (size_t i = 0; i < memberships_.size() && !has_enough; ++i) {
    status.Update(SearchIn(*memberships_[i], key, search, deadline));
    has_enough = search.Add({});
  }
  if (!has_enough) FindAddresses(search, deadline);
  // Out of time is no error: what there was has been found.
  search.End(absl::IsDeadlineExceeded(status) ? absl::OkStatus() : status);
}

absl::Status KademliaRouter::SearchIn(Membership& membership, const std::string& key,
                                      ProviderSearch& search, Time deadline) {
  kademlia::Swarm& swarm = membership.swarm();
  const auto hear = [&search](const Message& answer) { return search.Add(answer.providers); };
  kademlia::Question question{.type = MessageType::kGetProviders,
                              .key = key,
                              .enough = options_.membership.swarm.table.bucket_size,
                              .reach = swarm.network_size().Reach(),
                              .paths = options_.disjoint_paths,
                              .heard = hear,
                              .cancelled = &search.cancelled()};
  const Findings findings = membership.Look(question, deadline);
  if (!findings.status.ok() || search.Add({}) || !swarm.IsCrowded(key, findings.nearest)) {
    return findings.status;
  }
  // Those who crowd around the key name each other. Find who lives behind them, then ask these.
  question.type = MessageType::kFindNode;
  question.paths = 1;
  question.heard = nullptr;
  Findings region = membership.Look(std::move(question), deadline);
  AskEach(swarm, PeersOf(region.answered),
          {.type = MessageType::kGetProviders, .key = key, .closer = {}, .providers = {}}, deadline,
          hear);
  return region.status;
}

void KademliaRouter::FindAddresses(ProviderSearch& search, Time deadline) {
  const std::vector<PeerId> bare = search.TakeBare();
  for (size_t i = 0; i < bare.size(); ++i) {
    absl::StatusOr<PeerInfo> found = absl::NotFoundError("not looked for");
    for (size_t m = 0; m < memberships_.size() && i < kMostBareLookups && !found.ok(); ++m) {
      found = FindIn(*memberships_[m], bare[i], &search.cancelled(), deadline);
    }
    // The peer book may know where it is.
    if (!found.ok() || !search.Add({*found})) search.AddBare(bare[i]);
  }
}

absl::Status KademliaRouter::Provide(std::span<const Multihash> keys, Time deadline) {
  absl::Status status;
  for (const auto& membership : memberships_) {
    status.Update(membership->announcer().Announce(keys, deadline));
  }
  return status;
}

void KademliaRouter::Withdraw(std::span<const Multihash> keys) {
  for (const auto& membership : memberships_) membership->announcer().Withdraw(keys);
}

absl::StatusOr<PeerInfo> KademliaRouter::FindPeer(const PeerId& peer, Time deadline) {
  absl::StatusOr<PeerInfo> found = absl::NotFoundError("no protocol");
  for (size_t i = 0; i < memberships_.size() && !found.ok(); ++i) {
    found = FindIn(*memberships_[i], peer, nullptr, deadline);
  }
  return found;
}

absl::StatusOr<PeerInfo> KademliaRouter::FindIn(Membership& membership, const PeerId& peer,
                                                const std::atomic<bool>* cancelled, Time deadline) {
  const auto not_found = [&] {
    return absl::NotFoundError(absl::StrCat("peer ", peer.ToString(), ": nobody knows it"));
  };
  if (peer == membership.swarm().self()) return not_found();
  std::optional<PeerInfo> found = membership.swarm().Find(peer);
  if (found) return *std::move(found);
  const auto hear = [&](const Message& answer) {
    for (const PeerInfo& closer : answer.closer) {
      if (closer.id == peer && !closer.addresses.empty()) found = closer;
    }
    return found.has_value();
  };
  const Findings findings = membership.Look({.type = MessageType::kFindNode,
                                             .key = peer.bytes(),
                                             .enough = kEnoughToFind,
                                             .heard = hear,
                                             .cancelled = cancelled},
                                            deadline);
  if (found) return *std::move(found);
  if (!findings.status.ok()) return findings.status;
  return not_found();
}

std::vector<PeerInfo> KademliaRouter::Known(size_t most) {
  std::vector<PeerInfo> known;
  for (const auto& membership : memberships_) {
    for (PeerInfo& peer : membership->swarm().table().Best(most)) {
      const auto is_peer = [&](const PeerInfo& other) { return other.id == peer.id; };
      const bool is_new = std::none_of(known.begin(), known.end(), is_peer);
      if (is_new && known.size() < most) known.push_back(std::move(peer));
    }
  }
  return known;
}

}  // namespace l2p
