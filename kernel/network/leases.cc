// row := "end/" group -> since " " next ( " " peer )*: when it was removed and when its holders are
//                        told again, Unix seconds in decimal, and which could not be told, base58
#include "kernel/network/leases.h"

#include <algorithm>
#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/network/leases.pb.h"
#include "l2p/group_record.h"
#include "l2p/settings.h"

namespace l2p {
namespace {

constexpr char kSource[] = "placement";
constexpr char kEndRows[] = "end/";
constexpr char kSigned[] = "l2p-lease:";
constexpr Duration kAskLimit = absl::Seconds(15);
constexpr Duration kSearchLimit = absl::Seconds(20);
constexpr Duration kRetry = absl::Hours(1);
constexpr Duration kFirstLook = absl::Hours(24);
constexpr size_t kHoldersWanted = 100;
constexpr size_t kMaxPushers = 64;  // Of one group that are looked at.
constexpr size_t kRowsAtOnce = 256;
constexpr size_t kTellAtOnce = 64;                  // Groups, in one period.
constexpr Duration kLongestPause = absl::Hours(6);  // Between two times of telling the same.
constexpr Duration kNobodyAfter = absl::Hours(1);   // Without a provider nobody holds it.

uint64_t SecondsOf(Time until) {
  return until == absl::InfiniteFuture() ? 0 : static_cast<uint64_t>(absl::ToUnixSeconds(until));
}

Time TimeOf(uint64_t seconds) {
  if (seconds == 0) return absl::InfiniteFuture();
  const uint64_t most = std::numeric_limits<int64_t>::max();
  return absl::FromUnixSeconds(static_cast<int64_t>(std::min(seconds, most)));
}

struct EndRow {
  int64_t since = 0;
  int64_t next = 0;
  std::vector<PeerId> missed;

  std::string Encode() const {
    std::string row = absl::StrCat(since, " ", next);
    for (const PeerId& peer : missed) absl::StrAppend(&row, " ", peer.ToString());
    return row;
  }
  static std::optional<EndRow> Decode(const std::string& text) {
    const std::vector<std::string> words = absl::StrSplit(text, ' ');
    EndRow row;
    if (words.size() < 2 || !absl::SimpleAtoi(words[0], &row.since) ||
        !absl::SimpleAtoi(words[1], &row.next)) {
      return std::nullopt;
    }
    for (size_t i = 2; i < words.size(); ++i) {
      absl::StatusOr<PeerId> peer = PeerId::FromString(words[i]);
      if (peer.ok()) row.missed.push_back(*std::move(peer));
    }
    return row;
  }
};

std::string ToSign(std::string_view wish) { return absl::StrCat(kSigned, av(wish)); }

absl::StatusOr<std::vector<Multihash>> GroupsOf(const wire::LeaseWish& wish) {
  if (wish.group_size() > static_cast<int>(Leases::kMaxGroups)) {
    return absl::InvalidArgumentError("a lease request names too many groups");
  }
  std::vector<Multihash> groups;
  for (const std::string& bytes : wish.group()) {
    L2P_ASSIGN_OR_RETURN(Multihash group, Multihash::FromBinary(AsBytes(bytes)));
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace

absl::StatusOr<Duration> ParseLease(std::string_view text) {
  if (text == "forever") return absl::InfiniteDuration();
  const absl::StatusOr<Duration> lease = ParseDuration(text);
  if (lease.ok() && *lease >= absl::Seconds(1)) return *lease;
  return absl::InvalidArgumentError(
      absl::StrCat("lease '", av(text), "' is neither a time such as 90d or 12h nor forever"));
}

Leases::Leases(Parts parts)
    : parts_(parts), tasks_(parts.runtime.tasks(), parts.runtime.NewEvent()) {}
Leases::~Leases() { Stop(); }

absl::Status Leases::Start() {
  L2P_ASSIGN_OR_RETURN(serving_, parts_.messenger.Serve(kLeasesProtocol, kMaxRequest,
                                                        [this](const Caller&, ByteView request) {
                                                          return Answer(request);
                                                        }));
  timer_ = parts_.runtime.tasks().Every("leases", kPeriod, [this] { Work(); });
  return absl::OkStatus();
}

void Leases::Stop() {
  stopping_ = true;
  timer_.reset();
  serving_.reset();
  tasks_.Join();
}

Time Leases::FirstRenewal(Time now, Duration lease) {
  return now + std::min(lease / 3, kFirstLook);
}

// Who carries the message does not matter: only who has signed it, and for whom.
absl::StatusOr<std::optional<Bytes>> Leases::Answer(ByteView bytes) {
  wire::LeaseRequest request;
  wire::LeaseWish wish;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !wish.ParseFromString(request.wish())) {
    return absl::InvalidArgumentError("malformed lease request");
  }
  L2P_ASSIGN_OR_RETURN(const std::vector<Multihash> groups, GroupsOf(wish));
  const auto refuse = [](std::string_view why) -> std::optional<Bytes> {
    wire::LeaseAnswer answer;
    answer.set_refusal(std::string(why));
    return Bytes::Copy(answer.SerializeAsString());
  };
  L2P_ASSIGN_OR_RETURN(const PeerId owner, PeerId::OfPublicKey(AsBytes(request.owner_key())));
  const std::string text = ToSign(request.wish());
  const absl::Status right = parts_.crypto.Verify(AsBytes(request.owner_key()), AsBytes(text),
                                                  AsBytes(request.signature()));
  if (!right.ok()) return refuse("the signature is not the owner's");
  if (wish.holder() != parts_.identity.peer().bytes()) return refuse("it is meant for another");
  const Time now = parts_.runtime.Now();
  if (absl::AbsDuration(now - TimeOf(std::max<uint64_t>(wish.issued_seconds(), 1))) > kFresh) {
    return refuse("it is not of now: is a clock wrong?");
  }
  wire::LeaseAnswer answer;
  for (const Multihash& group : groups) {
    wire::LeaseState* state = answer.add_group();
    if (wish.end()) {
      L2P_ASSIGN_OR_RETURN(const bool ended, EndHere(group, owner));
      state->set_held(ended);
      continue;
    }
    const absl::StatusOr<Time> until = parts_.holdings.LeaseUntil(TimeOf(wish.until_seconds()));
    if (!until.ok()) return refuse(std::string(until.status().message()));
    L2P_ASSIGN_OR_RETURN(const std::optional<Time> renewed, RenewHere(group, owner, *until));
    state->set_held(renewed.has_value());
    if (renewed) state->set_until_seconds(SecondsOf(*renewed));
  }
  return Bytes::Copy(answer.SerializeAsString());
}

absl::StatusOr<std::vector<PeerId>> Leases::PushersFor(const Multihash& group,
                                                       const PeerId& owner) const {
  std::vector<PeerId> pushers = {owner};
  L2P_ASSIGN_OR_RETURN(const std::vector<Holdings::HeldRecord> records,
                       parts_.holdings.FindRecords(group, kMaxPushers));
  for (const Holdings::HeldRecord& held : records) {
    // What this node's own user keeps is nobody else's to end.
    if (held.pusher == owner || held.pusher == parts_.identity.peer()) continue;
    const auto record = OpenGroupRecord(parts_.crypto, AsBytes(held.bytes));
    if (!record.ok() || record->group != group) continue;
    const absl::StatusOr<PeerId> signer = PeerId::OfPublicKey(AsBytes(record->owner_key));
    if (signer.ok() && *signer == owner) pushers.push_back(held.pusher);
  }
  return pushers;
}

absl::StatusOr<bool> Leases::EndHere(const Multihash& group, const PeerId& owner) {
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> pushers, PushersFor(group, owner));
  bool was_held = false;
  for (const PeerId& pusher : pushers) {
    const absl::Status released = parts_.holdings.Release(group, pusher);
    if (!released.ok() && !absl::IsNotFound(released)) return released;
    was_held |= released.ok();
  }
  if (!parts_.holdings.FindGroup(group).ok()) parts_.router.Get()->Withdraw({&group, 1});
  return was_held;
}

absl::StatusOr<std::optional<Time>> Leases::RenewHere(const Multihash& group, const PeerId& owner,
                                                      Time until) {
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> pushers, PushersFor(group, owner));
  std::optional<Time> longest;
  for (const PeerId& pusher : pushers) {
    const absl::StatusOr<Time> renewed = parts_.holdings.Renew(group, pusher, until);
    if (!renewed.ok() && !absl::IsNotFound(renewed.status())) return renewed.status();
    if (renewed.ok()) longest = std::max(longest.value_or(*renewed), *renewed);
  }
  return longest;
}

absl::StatusOr<std::string> Leases::Sign(std::span<const Multihash> groups, bool end, Time until,
                                         const PeerId& holder) const {
  wire::LeaseWish wish;
  for (const Multihash& group : groups) wish.add_group(group.bytes());
  wish.set_end(end);
  if (!end) wish.set_until_seconds(SecondsOf(until));
  wish.set_holder(holder.bytes());
  wish.set_issued_seconds(SecondsOf(parts_.runtime.Now()));
  wire::LeaseRequest request;
  request.set_wish(wish.SerializeAsString());
  request.set_owner_key(std::string(AsText(parts_.identity.public_key())));
  const std::string text = ToSign(request.wish());
  L2P_ASSIGN_OR_RETURN(*request.mutable_signature(), parts_.identity.Sign(AsBytes(text)));
  return request.SerializeAsString();
}

absl::StatusOr<std::vector<std::optional<Time>>> Leases::Ask(const PeerInfo& holder,
                                                             std::span<const Multihash> groups,
                                                             bool end, Time until) {
  L2P_ASSIGN_OR_RETURN(const std::string request, Sign(groups, end, until, holder.id));
  const std::unique_ptr<Calls> calls = parts_.messenger.NewCalls();
  const Time deadline = parts_.runtime.Now() + kAskLimit;
  calls->Send(holder, kLeasesProtocol, Bytes::Copy(request), kMaxRequest, deadline);
  std::optional<Calls::Answer> heard = calls->Next(deadline + absl::Seconds(1));
  if (!heard) return absl::DeadlineExceededError("it did not answer");
  L2P_RETURN_IF_ERROR(heard->result.status());
  wire::LeaseAnswer answer;
  if (!answer.ParseFromString(std::string(heard->result->text()))) {
    return absl::InvalidArgumentError("malformed answer");
  }
  if (!answer.refusal().empty()) return absl::PermissionDeniedError(answer.refusal());
  if (answer.group_size() != static_cast<int>(groups.size())) {
    return absl::InvalidArgumentError("it answers for other groups");
  }
  std::vector<std::optional<Time>> result;
  for (const wire::LeaseState& state : answer.group()) {
    result.push_back(state.held() ? std::optional(TimeOf(state.until_seconds())) : std::nullopt);
  }
  return result;
}

std::vector<PeerInfo> Leases::HoldersOf(const Multihash& group) {
  std::vector<PeerInfo> holders;
  const Time deadline = parts_.runtime.Now() + kSearchLimit;
  const std::shared_ptr<Router> router = parts_.router.Get();
  auto query = router->FindProviders(group, kHoldersWanted, deadline);
  while (query.ok() && !stopping_) {
    absl::StatusOr<std::optional<PeerInfo>> found = (*query)->Next(deadline);
    if (!found.ok() || !*found) break;
    holders.push_back(**std::move(found));
  }
  return holders;
}

void Leases::Work() {
  TellOfEnds();
  RenewRoots();
}

void Leases::RenewRoots() {
  const absl::StatusOr<std::vector<Root>> roots = parts_.holdings.Roots();
  if (!roots.ok()) return;
  for (const Root& root : *roots) {
    if (stopping_) return;
    if (!root.local_only && root.renew_at <= parts_.runtime.Now()) RenewRoot(root);
  }
}

// Asks every holder of every group; the next time is before half of the shortest lease is over.
void Leases::RenewRoot(Root root) {
  const Time now = parts_.runtime.Now();
  Time shortest = absl::InfiniteFuture();
  size_t failed = 0;
  for (const Multihash& group : root.groups) {
    size_t renewed = 0;
    for (const PeerInfo& holder : HoldersOf(group)) {
      if (stopping_) return;
      const auto answer = Ask(holder, {&group, 1}, false, now + root.lease);
      if (!answer.ok() || !answer->front()) continue;
      shortest = std::min(shortest, *answer->front());
      ++renewed;
    }
    failed += renewed == 0;
  }
  if (failed > 0) {
    parts_.runtime.Log(Severity::kWarning, kSource,
                       absl::StrCat("lease of ", root.id.ToString(), ": no holder of ", failed,
                                    " groups could be asked to go on; trying again in an hour"));
  }
  if (failed > 0) {
    root.renew_at = now + kRetry;
  } else if (shortest == absl::InfiniteFuture()) {
    root.renew_at = absl::InfiniteFuture();
  } else {
    root.renew_at = now + std::max((shortest - now) * 2 / 5, Duration(kPeriod));
  }
  const absl::Status updated = parts_.holdings.UpdateRoot(root);
  if (updated.ok() || absl::IsNotFound(updated)) return;  // It may have been removed meanwhile.
  parts_.runtime.Log(Severity::kWarning, kSource, absl::StrCat("leases: ", updated.ToString()));
}

std::vector<State::Change> Leases::EndsOf(std::span<const Multihash> groups) const {
  const int64_t now = absl::ToUnixSeconds(parts_.runtime.Now());
  std::vector<State::Change> changes;
  for (const Multihash& group : groups.first(std::min(groups.size(), kMaxEnding))) {
    changes.push_back({absl::StrCat(kEndRows, group.bytes()), EndRow{now, now, {}}.Encode()});
  }
  return changes;
}

absl::Status Leases::TellSoon() {
  return tasks_.Start("end leases", [this] { TellOfEnds(); });
}

void Leases::TellOfEnds() {
  if (telling_.exchange(true)) return;
  const absl::Cleanup done = [this] { telling_ = false; };
  size_t told = 0;
  std::string after;
  for (bool more = true; more && told < kTellAtOnce && !stopping_;) {
    const absl::StatusOr<std::vector<State::Row>> rows =
        parts_.state.Scan(kEndRows, after, kRowsAtOnce);
    if (!rows.ok()) return;
    for (const State::Row& row : *rows) {
      if (stopping_ || told >= kTellAtOnce) return;
      if (!TellOfRow(row)) continue;
      ++told;
    }
    more = rows->size() == kRowsAtOnce;
    if (more) after = rows->back().key;
  }
}

// False when it is not its turn.
bool Leases::TellOfRow(const State::Row& row) {
  const auto group = Multihash::FromBinary(AsBytes(row.key).subspan(sizeof kEndRows - 1));
  std::optional<EndRow> end = EndRow::Decode(row.value);
  const bool is_right = group.ok() && end;
  const Time now = parts_.runtime.Now();
  if (is_right && now < absl::FromUnixSeconds(end->next)) return false;
  const Duration age = is_right ? now - absl::FromUnixSeconds(end->since) : kEndingFor;
  const bool is_wanted = is_right && parts_.holdings.IsWanted(*group);
  if (is_wanted && age < kPeriod) return false;  // Its removal may not be quite through.
  State::Change change{row.key, std::nullopt};
  // It may have been put again meanwhile.
  if (age < kEndingFor && !is_wanted) {
    const bool is_known = TellOfEnd(*group, end->missed);
    const bool is_over = is_known ? end->missed.empty() : age > kNobodyAfter;
    const Duration pause = std::clamp(age, Duration(kPeriod), kLongestPause);
    end->next = absl::ToUnixSeconds(now + pause);
    if (!is_over) change.value = end->Encode();
  }
  parts_.state.Commit({&change, 1}).IgnoreError();  // Told again then, which does no harm.
  return true;
}

// Tells those it was not told yet, and all holders that can be found: one that is away for longer
// than others remember what it provides is not among them. False when there is nobody.
bool Leases::TellOfEnd(const Multihash& group, std::vector<PeerId>& missed) {
  std::vector<PeerInfo> holders = HoldersOf(group);
  for (PeerId& peer : missed) {
    const bool is_found = std::any_of(holders.begin(), holders.end(),
                                      [&](const PeerInfo& holder) { return holder.id == peer; });
    if (!is_found) holders.push_back({std::move(peer), {}});
  }
  missed.clear();
  for (const PeerInfo& holder : holders) {
    const bool is_told = !stopping_ && Ask(holder, {&group, 1}, true, {}).ok();
    if (!is_told && missed.size() < kHoldersWanted) missed.push_back(holder.id);
  }
  return !holders.empty();
}

}  // namespace l2p
