#include "kernel/content/content.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kernel/content/dag_keeper.h"
#include "kernel/content/draft.h"
#include "l2p/settings.h"

namespace l2p {
namespace {

constexpr Duration kProgressPeriod = absl::Milliseconds(200);
constexpr Duration kExpiryPeriod = absl::Hours(1);
constexpr Duration kKeepDeadline = absl::Hours(24);
// Announcing is retried by the router; a batch that does not get through must not hold up Stop.
constexpr Duration kAnnounceDeadline = absl::Seconds(30);
constexpr size_t kAnnounceAtOnce = 256;
constexpr char kSource[] = "kernel";

std::string ShortfallOf(const Placement::Push::Outcome& outcome) {
  if (outcome.fewest_copies >= outcome.copies_wanted) return "";
  const std::string why = outcome.refusals.empty() ? "no other peer could be found"
                                                   : absl::StrJoin(outcome.refusals, ", ");
  const size_t missing = outcome.copies_wanted - outcome.fewest_copies;
  return absl::StrCat(
      "stored on ", outcome.fewest_copies, " of ", outcome.copies_wanted, " peers asked: ", why,
      "; any ", missing, " more peer", missing > 1 ? "s" : "",
      outcome.recoverable ? " would make it complete" : " would make it outlive this node");
}

std::string SafetyOf(const Placement::Push::Outcome& outcome) {
  if (outcome.fewest_copies < outcome.copies_wanted || outcome.holders == 0) return "";
  if (outcome.redundancy.margin() == 0) return "as long as each holder stays";
  return absl::StrCat("any ", outcome.redundancy.margin(), " of ", outcome.holders,
                      " holders may leave");
}

absl::StatusOr<std::shared_ptr<Chunker>> MakeChunker(const Content::ChunkerFactory& make,
                                                     const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (parts.second.empty()) return make(parts.first, std::nullopt);
  L2P_ASSIGN_OR_RETURN(const int64_t size, ParseSize(parts.second));
  return make(parts.first, static_cast<uint64_t>(size));
}

}  // namespace

struct Content::Plan {
  ImportOptions import;
  Redundancy redundancy;
  Duration lease;
};

Content::Content(Parts parts)
    : parts_(std::move(parts)),
      tasks_(std::make_unique<TaskGroup>(parts_.runtime.tasks(), parts_.runtime.NewEvent())) {}

absl::Status Content::Start() {
  expiry_ = parts_.runtime.tasks().Every("content.expiry", kExpiryPeriod, [this] {
    if (absl::Status status = parts_.holdings.ReleaseExpired(); !status.ok()) {
      parts_.runtime.Log(Severity::kWarning, kSource,
                         absl::StrCat("release expired groups: ", status.ToString()));
    }
  });
  AnnounceLater(parts_.holdings.Groups());
  return absl::OkStatus();
}

void Content::Stop() {
  stopping_ = true;
  expiry_ = nullptr;
  tasks_->Join();
}

absl::StatusOr<Content::Plan> Content::MakePlan(const PutOptions& options) const {
  Plan plan;
  auto profile = parts_.profiles.find(options.profile.value_or(parts_.default_profile));
  if (profile == parts_.profiles.end()) {
    std::vector<std::string> names;
    for (const auto& [name, known] : parts_.profiles) names.push_back(name);
    return absl::InvalidArgumentError(absl::StrCat("no profile \"",
                                                   options.profile.value_or(parts_.default_profile),
                                                   "\"; there are: ", absl::StrJoin(names, ", ")));
  }
  plan.import.profile = profile->second;
  plan.import.only_hash = options.only_hash;
  if (options.chunker) {
    L2P_ASSIGN_OR_RETURN(plan.import.chunker, MakeChunker(parts_.make_chunker, *options.chunker));
  } else if (options.profile) {
    L2P_ASSIGN_OR_RETURN(plan.import.chunker,
                         parts_.make_chunker(profile->second.chunker, profile->second.size));
  } else {
    L2P_ASSIGN_OR_RETURN(plan.import.chunker, parts_.make_chunker("", std::nullopt));
  }
  plan.import.hasher = parts_.hasher.Get();
  if (options.hasher) {
    L2P_ASSIGN_OR_RETURN(plan.import.hasher, parts_.blocks.hashers().Named(*options.hasher));
  }
  plan.redundancy = parts_.redundancy;
  if (options.redundancy) {
    L2P_ASSIGN_OR_RETURN(plan.redundancy, Redundancy::Parse(*options.redundancy));
  }
  plan.lease = parts_.lease;
  if (options.lease) {
    L2P_ASSIGN_OR_RETURN(plan.lease, ParseLease(*options.lease));
  }
  return plan;
}

absl::StatusOr<Content::PutResult> Content::Put(
    Input& input, const PutOptions& options,
    const std::function<void(const PutProgress&)>& on_progress) {
  L2P_ASSIGN_OR_RETURN(const Plan plan, MakePlan(options));
  std::unique_ptr<Placement::Push> push;
  if (!options.only_hash && !options.local) {
    push = parts_.placement.NewPush(plan.redundancy, parts_.runtime.Now() + plan.lease,
                                    options.receipts);
  }

  // The put runs in a task of its own, so that progress is told whatever it waits for.
  absl::StatusOr<PutResult> result = absl::AbortedError("the put did not run");
  std::atomic<uint64_t> read_bytes = 0;
  const std::unique_ptr<Event> done = parts_.runtime.NewEvent();
  TaskGroup worker(parts_.runtime.tasks(), parts_.runtime.NewEvent());
  L2P_RETURN_IF_ERROR(worker.Start("content.put", [&] {
    result = RunPut(input, options, plan, push.get(), read_bytes);
    done->Set();
  }));
  for (bool ended = false; !ended;) {
    ended = done->Wait(parts_.runtime.Now() + kProgressPeriod);
    if (!on_progress) continue;
    on_progress({read_bytes, input.total_bytes(), push ? push->progress() : Placement::Progress()});
  }
  worker.Join();
  return result;
}

absl::StatusOr<Content::PutResult> Content::RunPut(Input& input, const PutOptions& options,
                                                   const Plan& plan, Placement::Push* push,
                                                   std::atomic<uint64_t>& read_bytes) {
  const ReadProgress on_read = [&](uint64_t bytes) { read_bytes = bytes; };
  if (!options.only_hash) return StorePut(input, options, plan, push, on_read);
  L2P_ASSIGN_OR_RETURN(ImportResult imported, Import(parts_.runtime, parts_.memory, nullptr,
                                                     plan.import, input, nullptr, on_read));
  PutResult result;
  result.id = imported.root;
  result.size = imported.content_bytes;
  result.dag_bytes = imported.dag_bytes;
  return result;
}

absl::StatusOr<Content::PutResult> Content::StorePut(Input& input, const PutOptions& options,
                                                     const Plan& plan, Placement::Push* push,
                                                     const ReadProgress& on_read) {
  Draft draft(parts_.runtime, parts_.blocks, parts_.holdings);
  auto on_group = [&](Group group) -> absl::Status {
    if (push != nullptr) L2P_RETURN_IF_ERROR(push->Add(group));
    return draft.Add(std::move(group));
  };
  L2P_ASSIGN_OR_RETURN(ImportResult imported,
                       Import(parts_.runtime, parts_.memory, &draft.operation(), plan.import, input,
                              on_group, on_read));
  PutResult result;
  result.id = imported.root;
  result.size = imported.content_bytes;
  result.dag_bytes = imported.dag_bytes;
  if (push != nullptr) {
    L2P_ASSIGN_OR_RETURN(result.outcome, push->Finish());
    result.shortfall = ShortfallOf(*result.outcome);
    result.safe = SafetyOf(*result.outcome);
    result.degraded = options.strict && !result.shortfall.empty();
  }
  Root root;
  root.id = result.id;
  root.name = options.name;
  root.size = result.size;
  root.added = parts_.runtime.Now();
  root.local_only = options.local;
  if (result.outcome) {
    root.redundancy = result.outcome->redundancy.ToString();
    root.lease = plan.lease;
    root.renew_at = Leases::FirstRenewal(root.added, plan.lease);
  }
  L2P_RETURN_IF_ERROR(draft.Finish(std::move(root)));
  AnnounceLater(draft.groups());
  return result;
}

std::unique_ptr<Exchange::Session> Content::NewSession(bool local_only) {
  return parts_.exchange.NewSession(local_only);
}

absl::Status Content::Keep(const Cid& id, const std::string& name) {
  Root root;
  root.name = name;
  return KeepRoot(id, std::move(root));
}

absl::Status Content::KeepRoot(const Cid& id, Root root) {
  const Time deadline = parts_.runtime.Now() + kKeepDeadline;
  const std::unique_ptr<BlockSource> session = NewSession(false);
  Draft draft(parts_.runtime, parts_.blocks, parts_.holdings);
  L2P_ASSIGN_OR_RETURN(Subtree dag, KeepDag(*session, id, draft, deadline));
  root.id = id;
  root.size = dag.dag_bytes;
  // Kept blocks need not be UnixFS; then the size is that of the blocks.
  if (absl::StatusOr<Stat> stat = StatOf(*session, id, deadline); stat.ok() && stat->size > 0) {
    root.size = stat->size;
  }
  root.added = parts_.runtime.Now();
  L2P_RETURN_IF_ERROR(draft.Finish(std::move(root)));
  AnnounceLater(draft.groups());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Root>> Content::Files() const {
  L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, parts_.holdings.Roots());
  std::erase_if(roots, [](const Root& root) { return !root.is_file; });
  return roots;
}

absl::StatusOr<Root> Content::FindRoot(std::string_view id_or_name) const {
  L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, Files());
  if (absl::StatusOr<Cid> id = Cid::FromString(id_or_name); id.ok()) {
    for (Root& root : roots) {
      if (root.id.hash() == id->hash()) return std::move(root);
    }
  }
  std::erase_if(roots, [&](const Root& root) { return root.name != id_or_name; });
  if (roots.size() == 1) return std::move(roots[0]);
  if (roots.empty()) {
    return absl::NotFoundError(absl::StrCat("no file \"", av(id_or_name), "\" in this node"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(roots.size(), " files are called \"", av(id_or_name), "\": give the id of one"));
}

absl::Status Content::Remove(std::string_view id_or_name) {
  L2P_ASSIGN_OR_RETURN(const Root root, FindRoot(id_or_name));
  if (root.pinned) {
    return absl::FailedPreconditionError(
        absl::StrCat(root.id.ToString(), " is pinned: l2p pin rm ", root.id.ToString(), " first"));
  }
  return Forget(root);
}

absl::Status Content::Forget(const Root& root) {
  const bool is_placed = !root.redundancy.empty();
  absl::Status result = parts_.holdings.RemoveRoot(
      root.id, is_placed ? parts_.leases.EndsOf(root.groups) : std::vector<State::Change>());
  // Where the disk did not let go of a block, the rest is done all the same.
  std::vector<Multihash> unheld;
  for (const Multihash& group : root.groups) {
    if (!parts_.holdings.FindGroup(group).ok()) unheld.push_back(group);
  }
  if (!unheld.empty()) parts_.router.Get()->Withdraw(unheld);
  if (is_placed) result.Update(parts_.leases.TellSoon());
  return result;
}

absl::Status Content::Pin(const Cid& id) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Root> roots, parts_.holdings.Roots());
  for (Root root : roots) {
    if (root.id.hash() != id.hash()) continue;
    root.pinned = true;
    return parts_.holdings.UpdateRoot(root);
  }
  Root root;
  root.pinned = true;
  root.is_file = false;
  return KeepRoot(id, std::move(root));
}

absl::Status Content::Unpin(const Cid& id) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Root> pins, Pins());
  for (Root root : pins) {
    if (root.id.hash() != id.hash()) continue;
    if (!root.is_file) return Forget(root);
    root.pinned = false;
    return parts_.holdings.UpdateRoot(root);
  }
  return absl::NotFoundError(absl::StrCat(id.ToString(), " is not pinned"));
}

absl::StatusOr<std::vector<Root>> Content::Pins() const {
  L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, parts_.holdings.Roots());
  std::erase_if(roots, [](const Root& root) { return !root.pinned; });
  return roots;
}

absl::Status Content::ChangeRedundancy(std::string_view id_or_name, std::string_view spec) {
  L2P_ASSIGN_OR_RETURN(const Redundancy redundancy, Redundancy::Parse(spec));
  L2P_ASSIGN_OR_RETURN(Root root, FindRoot(id_or_name));
  return tasks_->Start("content.redundancy", [this, root = std::move(root), redundancy] {
    if (const absl::Status placed = PlaceAnew(root, redundancy); !placed.ok()) {
      parts_.runtime.Log(
          Severity::kWarning, kSource,
          absl::StrCat("redundancy of ", root.id.ToString(), ": ", std::string(placed.message())));
    }
  });
}

absl::Status Content::PlaceAnew(Root root, const Redundancy& redundancy) {
  const std::unique_ptr<Placement::Push> push =
      parts_.placement.NewPush(redundancy, parts_.runtime.Now() + root.lease);
  for (const Multihash& id : root.groups) {
    if (stopping_) return absl::AbortedError("the node is stopping");
    L2P_ASSIGN_OR_RETURN(Group group, parts_.holdings.FindGroup(id));
    L2P_RETURN_IF_ERROR(push->Add(std::move(group)));
  }
  L2P_ASSIGN_OR_RETURN(const Placement::Push::Outcome outcome, push->Finish());
  if (const std::string shortfall = ShortfallOf(outcome); !shortfall.empty()) {
    parts_.runtime.Log(Severity::kWarning, kSource,
                       absl::StrCat("redundancy of ", root.id.ToString(), ": ", shortfall));
  }
  // It may have been removed meanwhile.
  L2P_RETURN_IF_ERROR(FindRoot(root.id.ToString()).status());
  root.redundancy = outcome.redundancy.ToString();
  root.local_only = false;
  return parts_.holdings.UpdateRoot(root);
}

void Content::AnnounceLater(std::vector<Multihash> groups) {
  absl::Status status =
      tasks_->Start("content.announce", [this, groups = std::move(groups)] { Announce(groups); });
  if (!status.ok()) {
    parts_.runtime.Log(Severity::kWarning, kSource,
                       absl::StrCat("announce groups: ", status.ToString()));
  }
}

void Content::Announce(std::span<const Multihash> groups) {
  for (size_t i = 0; i < groups.size() && !stopping_; i += kAnnounceAtOnce) {
    const auto batch = groups.subspan(i, std::min(kAnnounceAtOnce, groups.size() - i));
    absl::Status status =
        parts_.router.Get()->Provide(batch, parts_.runtime.Now() + kAnnounceDeadline);
    if (!status.ok()) {
      parts_.runtime.Log(Severity::kWarning, kSource,
                         absl::StrCat("announce groups: ", status.ToString()));
    }
  }
}

}  // namespace l2p
