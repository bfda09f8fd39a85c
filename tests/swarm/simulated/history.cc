#include "tests/swarm/simulated/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/agenda.h"

namespace l2p {
namespace {

constexpr Duration kYear = absl::Hours(24 * 365);
constexpr Duration kGetLimit = absl::Minutes(10);  // Of SimSwarm::Get.
// No call of a node that nothing happens to takes so long, whatever happens to others.
constexpr Duration kPatience = absl::Minutes(1);
constexpr Duration kSlack = absl::Seconds(2);
// How long it takes until the pieces of a dead node are made again, if that is due: grace,
// takeovers.
constexpr Duration kMourning = absl::Hours(7);
// After the last fault: a grace, a round of probes, all takeovers, and the longest pause between
// two times that an owner tells the holders of what it has removed.
constexpr Duration kSettling = absl::Hours(13);
constexpr size_t kBootstrap = 0;  // Newcomers know this node alone: nothing happens to it.
constexpr uint64_t kFullRoom = 32 << 10;
constexpr uint64_t kQuotaSlack = 64 << 10;  // One of the blocks here, with what a store adds.
constexpr uint64_t kNoLimit = uint64_t{1} << 40;

class History {
 public:
  explicit History(const HistoryOptions& options)
      : options_(options),
        world_(options.World()),
        agenda_(world_.swarm().simulation(), options.seed) {}

  HistoryReport Run() {
    world_.swarm().Run([this] { Live(); });
    report_.trace = world_.swarm().simulation().trace_hash();
    return std::move(report_);
  }

 private:
  struct Object {
    Cid id;
    uint64_t content = 0;  // A seed, and how many bytes.
    size_t size = 0;
    size_t owner = 0;
    Time since;
    bool removed = false;
  };
  struct Condition {
    bool is_liar = false;
    bool is_dead = false;
    bool is_away = false;  // Not running, or not answering, or on an island.
    size_t calls = 0;      // Of users, under way.
    Time disturbed = absl::InfinitePast();
  };

  SimSwarm& swarm() { return world_.swarm(); }

  void Live() {
    start_ = world_.Now();
    if (options_.ignore_deadlines) swarm().network().IgnoreDeadlines();
    conditions_.resize(options_.nodes);
    for (size_t i = 0; i < options_.liars; ++i) {
      conditions_[options_.nodes - 1 - i].is_liar = true;
    }
    agenda_.Repeat(options_.put_every, [this] { Put(); });
    agenda_.Repeat(options_.get_every, [this] { Get(); });
    agenda_.Repeat(options_.fault_every, [this] { Fault(); });
    if (options_.lifetime != absl::InfiniteDuration()) {
      agenda_.Repeat(options_.lifetime / static_cast<double>(options_.nodes), [this] { Die(); });
    }
    agenda_.Pass(start_ + options_.length, [this] { CheckQuotas(); });
    agenda_.StopRepeating();
    faults_end_ = true;
    agenda_.Pass(world_.Now() + kPatience + kGetLimit, [this] { CheckQuotas(); });
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (conditions_[i].calls > 0) Broken(absl::StrCat("a call of node ", i, " does not end"));
    }
    HealAll();
    world_.Sleep(kSettling);
    Judge();
  }

  void Tell(const std::string& what) {
    if (!options_.tell) return;
    std::fprintf(stderr, "%10.3f h  %s\n", absl::ToDoubleHours(world_.Now() - start_),
                 what.c_str());
  }
  void Broken(const std::string& what) {
    Tell(absl::StrCat("BROKEN: ", what));
    report_.broken.push_back(absl::StrCat(absl::FormatDuration(world_.Now() - start_), ": ", what));
  }

  // Users.

  // A node that a user may sit at: none that lies to itself.
  std::optional<size_t> AnyNode() {
    std::vector<size_t> fit;
    for (size_t i = 0; i < conditions_.size(); ++i) {
      const Condition& node = conditions_[i];
      if (!node.is_liar && !node.is_dead && !node.is_away) fit.push_back(i);
    }
    if (fit.empty()) return std::nullopt;
    return fit[agenda_.Below(fit.size())];
  }

  // Calls run as tasks of their node, and end with it.
  void Call(size_t i, const char* name, std::function<void()> work) {
    ++conditions_[i].calls;
    const absl::Status started = swarm().runtime(i).tasks().Start(name, [this, i, work] {
      work();
      --conditions_[i].calls;
    });
    if (!started.ok()) --conditions_[i].calls;
  }

  bool IsCalm(size_t i, Time since) const {
    const Condition& node = conditions_[i];
    return !node.is_dead && !node.is_away && node.disturbed < since;
  }

  void Put() {
    const auto kept = std::count_if(objects_.begin(), objects_.end(),
                                    [](const Object& object) { return !object.removed; });
    const std::optional<size_t> node = AnyNode();
    if (!node || static_cast<size_t>(kept) >= options_.objects) return;
    Object object;
    object.content = agenda_.Random();
    object.size = 1 + agenda_.Below(options_.largest);
    object.owner = *node;
    const std::string redundancy =
        options_.redundancies[agenda_.Below(options_.redundancies.size())];
    const bool is_brief = agenda_.Below(4) == 0;
    const Duration keep_for = agenda_.Exponential(options_.length / 4);
    ++report_.puts;
    Call(*node, "user put", [this, object, redundancy, is_brief, keep_for]() mutable {
      Content::PutOptions how;
      how.chunker = options_.chunker;
      how.redundancy = redundancy;
      const Time begun = world_.Now();
      const auto put = swarm().Put(object.owner, ContentOf(object), how);
      const Duration took = world_.Now() - begun;
      if (IsCalm(object.owner, begun)) {
        report_.longest_put = std::max(report_.longest_put, took);
        if (took > kPatience) Broken(absl::StrCat("a put took ", absl::FormatDuration(took)));
      }
      const bool is_acknowledged = put.ok() && put->shortfall.empty();
      Tell(absl::StrCat("put by ", object.owner, " of ", object.size, " bytes, ", redundancy, ": ",
                        put.ok() ? absl::StrCat(put->id.ToString(), " ", put->shortfall)
                                 : put.status().ToString()));
      if (!is_acknowledged) return;
      ++report_.acknowledged;
      object.id = put->id;
      object.since = world_.Now();
      objects_.push_back(object);
      if (is_brief)
        agenda_.In(keep_for, [this, at = objects_.size() - 1] { Remove(objects_[at]); });
    });
  }

  void Remove(Object& object) {
    if (faults_end_ || conditions_[object.owner].is_dead || conditions_[object.owner].is_away) {
      return;
    }
    Count(object);
    object.removed = true;
    ++report_.removed;
    Tell(absl::StrCat("remove ", object.id.ToString(), " by ", object.owner));
    Call(object.owner, "user remove", [this, id = object.id, owner = object.owner] {
      Content& content = swarm().node(owner).content();
      absl::Status removed = content.Remove(id.ToString());
      // A disk may fail once, and then the user, who was told, tries again.
      if (!removed.ok()) removed = content.Remove(id.ToString());
      if (!removed.ok() && !absl::IsNotFound(removed))
        Broken(absl::StrCat("remove ", id.ToString(), ": ", removed.ToString()));
    });
  }

  void Get() {
    std::vector<size_t> kept;
    for (size_t i = 0; i < objects_.size(); ++i) {
      if (!objects_[i].removed) kept.push_back(i);
    }
    const std::optional<size_t> node = AnyNode();
    if (kept.empty() || !node) return;
    const size_t at = kept[agenda_.Below(kept.size())];
    ++report_.gets;
    Call(*node, "user get", [this, at, reader = *node] {
      const Time begun = world_.Now();
      const auto got = swarm().Get(reader, objects_[at].id);
      CheckGet(objects_[at], reader, begun, got);
    });
  }

  void CheckGet(const Object& object, size_t reader, Time begun,
                const absl::StatusOr<SimSwarm::Got>& got) {
    const Duration took = world_.Now() - begun;
    const std::string what = absl::StrCat("get of ", object.id.ToString(), " by ", reader);
    if (IsCalm(reader, begun)) report_.longest_get = std::max(report_.longest_get, took);
    if (took > (IsCalm(reader, begun) ? kPatience : kGetLimit + kSlack)) {
      Broken(absl::StrCat(what, " took ", absl::FormatDuration(took)));
    }
    if (got.ok()) {
      if (got->lone() != ContentOf(object)) Broken(absl::StrCat(what, ": other bytes"));
      return;
    }
    if (object.removed || !IsCalm(reader, begun)) return;
    const auto [pieces, needed] = world_.PiecesOf(
        object.id.hash(), [&](size_t i) { return IsHonest(i) && IsCalm(i, begun); });
    const size_t missing = MissingSince(begun);
    if (pieces >= needed || missing <= options_.most_away) {
      Broken(absl::StrCat(what, ": ", got.status().ToString(), " although ", pieces, " of ", needed,
                          " pieces are within reach, and ", missing, " nodes were not"));
    } else {
      ++report_.unreadable;
    }
  }

  bool IsHonest(size_t i) const { return !conditions_[i].is_liar && !conditions_[i].is_dead; }

  // Nodes that were not there all the time; of the dead those whose pieces may not be made yet.
  size_t MissingSince(Time begun) const {
    return static_cast<size_t>(
        std::count_if(conditions_.begin(), conditions_.end(), [&](const Condition& node) {
          if (node.is_dead) return node.disturbed >= begun - kMourning;
          return node.is_away || node.disturbed >= begun;
        }));
  }

  static std::string ContentOf(const Object& object) {
    return testkit::TestBytes(object.content, object.size);
  }

  // What goes wrong.

  // One that may become unreachable now: so few are at a time that no group loses its margin.
  std::optional<size_t> Victim(bool may_have_calls) {
    if (away_ >= options_.most_away) return std::nullopt;
    std::vector<size_t> fit;
    for (size_t i = 0; i < conditions_.size(); ++i) {
      const Condition& node = conditions_[i];
      if (i == kBootstrap || node.is_liar || node.is_dead || node.is_away) continue;
      if (may_have_calls || node.calls == 0) fit.push_back(i);
    }
    if (fit.empty()) return std::nullopt;
    return fit[agenda_.Below(fit.size())];
  }

  void Disturb(size_t i) { conditions_[i].disturbed = world_.Now(); }

  void Leave(size_t i, const char* how, Duration time, std::function<void()> back) {
    Tell(absl::StrCat("node ", i, " ", how, " for ", absl::FormatDuration(time)));
    ++report_.faults;
    ++away_;
    conditions_[i].is_away = true;
    Disturb(i);
    agenda_.In(time, [this, i, back = std::move(back)] {
      Tell(absl::StrCat("node ", i, " is back"));
      back();
      --away_;
      conditions_[i].is_away = false;
      Disturb(i);
    });
  }

  void Fault() {
    switch (agenda_.Below(8)) {
      case 0:
        return options_.kill ? Kill(/*power=*/false) : Stop();
      case 1:
        return options_.kill ? Kill(/*power=*/true) : Stop();
      case 2:
        return Stop();
      case 3:
        return Freeze();
      case 4:
        return Part();
      case 5:
        return SlowDown();
      case 6:
        return FillDisk();
      default:
        return FailDisk();
    }
  }

  Duration SomeTime() {
    return agenda_.Below(3) == 0 ? agenda_.Exponential(absl::Hours(2))
                                 : agenda_.Exponential(absl::Minutes(10));
  }

  void Restart(size_t i) {
    swarm().disk(i).SetCapacity(kNoLimit);
    absl::Status started = swarm().TryStart(i);
    // A disk may fail once, and then systemd starts the node again.
    if (!started.ok()) started = swarm().TryStart(i);
    if (!started.ok()) Broken(absl::StrCat("node ", i, " does not start: ", started.ToString()));
  }

  void Kill(bool power) {
    const std::optional<size_t> i = Victim(true);
    if (!i) return;
    const std::set<Multihash> promised = world_.WholeGroupsOf(*i);
    power ? world_.CutPower(*i) : world_.Kill(*i);
    conditions_[*i].calls = 0;
    Leave(*i, power ? "loses power" : "is killed", SomeTime(), [this, i, promised] {
      Restart(*i);
      CheckWhole(*i, promised);
    });
  }

  void Stop() {
    const std::optional<size_t> i = Victim(false);
    if (!i) return;
    const Time begun = world_.Now();
    conditions_[*i].is_away = true;  // No user comes meanwhile.
    world_.Stop(*i);
    const Duration took = world_.Now() - begun;
    if (took > SimSwarm::kDrain + kSlack) {
      Broken(absl::StrCat("node ", *i, " took ", absl::FormatDuration(took), " to stop"));
    }
    Leave(*i, "is stopped", SomeTime(), [this, i] { Restart(*i); });
  }

  void Freeze() {
    const std::optional<size_t> i = Victim(true);
    if (!i) return;
    swarm().Freeze(*i);
    // Often longer than any call may wait for it.
    Leave(*i, "is frozen", SomeTime(), [this, i] { swarm().Thaw(*i); });
  }

  void Part() {
    const int island = ++islands_;
    for (std::optional<size_t> i; (i = Victim(true)).has_value();) {
      swarm().network().SetIsland(*i, island);
      Leave(*i, "is on an island", agenda_.Exponential(absl::Minutes(30)),
            [this, i] { swarm().network().SetIsland(*i, 0); });
    }
  }

  void SlowDown() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    Tell(absl::StrCat("node ", *i, " is slow"));
    swarm().network().SetBandwidth(*i, 100'000, 100'000);
    agenda_.In(SomeTime(),
               [this, i] { swarm().network().SetBandwidth(*i, 12'500'000, 12'500'000); });
  }

  void FillDisk() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    Tell(absl::StrCat("disk ", *i, " is full"));
    swarm().disk(*i).SetCapacity(swarm().disk(*i).used() + kFullRoom);
    agenda_.In(SomeTime(), [this, i] { swarm().disk(*i).SetCapacity(kNoLimit); });
  }

  void FailDisk() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    constexpr testkit::DiskOp kOps[] = {testkit::DiskOp::kRead, testkit::DiskOp::kWrite,
                                        testkit::DiskOp::kSync, testkit::DiskOp::kName,
                                        testkit::DiskOp::kCommit};
    Tell(absl::StrCat("disk ", *i, " fails once"));
    swarm().disk(*i).FailNth(kOps[agenda_.Below(std::size(kOps))], 1 + agenda_.Below(20),
                             absl::UnavailableError("input/output error"));
    Disturb(*i);
  }

  void Die() {
    const std::optional<size_t> i = Victim(options_.kill);
    if (!i) return;
    Tell(absl::StrCat("node ", *i, " dies"));
    ++report_.deaths;
    ++away_;
    conditions_[*i].is_dead = true;
    conditions_[*i].calls = 0;
    Disturb(*i);
    if (options_.kill) {
      world_.Kill(*i);
    } else {
      swarm().network().SetFate(*i, testkit::SimNetwork::Fate::kRefusing);
      world_.Stop(*i);
    }
    agenda_.In(kMourning, [this] { --away_; });
    const size_t newcomer = swarm().AddNode();
    conditions_.resize(newcomer + 1);
  }

  void HealAll() {
    Tell("all faults end");
    // What is left are returns: they come early.
    agenda_.Hurry();
    swarm().network().HealPartitions();
  }

  // Promises.

  void CheckQuotas() {
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (!swarm().runs(i)) continue;
      const KernelNode::Status status = swarm().node(i).GetStatus();
      if (status.store.disk_bytes <= status.quota_bytes + kQuotaSlack) continue;
      Broken(absl::StrCat("node ", i, " has ", status.store.disk_bytes, " bytes on disk, quota ",
                          status.quota_bytes));
    }
  }

  // What a node that starts again has promised before it was ended.
  void CheckWhole(size_t i, const std::set<Multihash>& promised) {
    if (!swarm().runs(i)) return;
    const std::set<Multihash> whole = world_.WholeGroupsOf(i);
    for (const Object& object : objects_) {
      const Multihash& group = object.id.hash();
      if (object.removed || !promised.contains(group) || whole.contains(group)) continue;
      Broken(absl::StrCat("node ", i, " has lost blocks of ", object.id.ToString(),
                          ", which it had promised to keep"));
    }
  }

  void Count(const Object& object) {
    report_.byte_years +=
        static_cast<double>(object.size) * absl::FDivDuration(world_.Now() - object.since, kYear);
  }

  void Judge() {
    const std::optional<size_t> reader = AnyNode();
    for (const Object& object : objects_) {
      if (object.removed) {
        JudgeRemoved(object);
      } else {
        Count(object);
        JudgeKept(object, *reader);
      }
    }
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (!IsHonest(i) || !swarm().runs(i)) continue;
      for (const Multihash& id : world_.WrongBlocksOf(i)) {
        Broken(absl::StrCat("node ", i, " has other bytes for block ", id.ToString()));
      }
    }
    for (const std::string& late : world_.LateCalls()) Broken(late);
    report_.longest_wait = swarm().network().waits().longest_allowed;
    report_.repairs = world_.Total("repairs_total");
    report_.repair_bytes = static_cast<uint64_t>(world_.Total("repair_fetched_bytes_total") +
                                                 world_.Total("repair_pushed_bytes_total"));
    report_.wire_bytes = swarm().network().total().bytes_out;
  }

  void JudgeKept(const Object& object, size_t reader) {
    const std::string name = object.id.ToString();
    const auto [pieces, needed] =
        world_.PiecesOf(object.id.hash(), [this](size_t i) { return IsHonest(i); });
    report_.lost += pieces < needed;
    const auto got = swarm().Get(reader, object.id);
    if (!got.ok()) {
      Broken(absl::StrCat(name, " cannot be read in the end: ", got.status().ToString(), "; ",
                          pieces, " pieces, ", needed, " are needed"));
    } else if (got->lone() != ContentOf(object)) {
      Broken(absl::StrCat(name, " has other bytes in the end"));
    }
    const absl::StatusOr<Health> health = swarm().node(reader).CheckHealth(object.id);
    if (!health.ok()) return Broken(absl::StrCat(name, ": ", health.status().ToString()));
    for (const Health::GroupHealth& group : health->groups) {
      const size_t level = group.needed + (group.wanted - group.needed) * 5 / 8;
      if (group.live > std::min(level, group.wanted - 1)) continue;
      Broken(absl::StrCat(name, ": ", group.live, " of ", group.wanted, " pieces in the end (",
                          group.redundancy, "): ", group.why));
    }
  }

  void JudgeRemoved(const Object& object) {
    if (conditions_[object.owner].is_dead) return;
    // Somebody may have put the same again: nobody has, contents are random.
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (!swarm().runs(i) || !world_.NodeAt(i).groups().Find(object.id.hash()).ok()) continue;
      Broken(absl::StrCat("node ", i, " still holds ", object.id.ToString(), ", which its owner ",
                          object.owner, " has removed"));
    }
  }

  const HistoryOptions options_;
  KeeperWorld world_;
  Agenda agenda_;
  HistoryReport report_;
  Time start_;
  bool faults_end_ = false;
  std::vector<Condition> conditions_;
  std::deque<Object> objects_;  // Keep their place.
  size_t away_ = 0;
  int islands_ = 0;
};

}  // namespace

HistoryReport RunHistory(const HistoryOptions& options) { return History(options).Run(); }

}  // namespace l2p
