#include "tests/swarm/simulated/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/keeper_world.h"

namespace l2p {
namespace {

using testkit::SimNetwork;

constexpr Duration kYear = absl::Hours(24 * 365);
constexpr Duration kGetLimit = absl::Minutes(10);  // Of SimSwarm::Get.
constexpr Duration kPutLimit = absl::Minutes(10);
constexpr Duration kSlack = absl::Seconds(2);
// How long it takes until the pieces of a dead node are made again, if that is due: grace,
// takeovers.
constexpr Duration kMourning = absl::Hours(4);
// After the last fault: a grace, a round of probes, all takeovers, and the longest pause between
// two times that an owner tells the holders of what it has removed.
constexpr Duration kSettling = absl::Hours(10);
constexpr size_t kBootstrap = 0;  // Newcomers know this node alone: nothing happens to it.
constexpr uint64_t kFullRoom = 32 << 10;
constexpr uint64_t kNoLimit = uint64_t{1} << 40;

class History {
 public:
  explicit History(const HistoryOptions& options)
      : options_(options), random_(options.seed), world_(options.World()) {}

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

  // The agenda.

  void Live() {
    start_ = world_.Now();
    conditions_.resize(options_.nodes);
    for (size_t i = 0; i < options_.liars; ++i) {
      conditions_[options_.nodes - 1 - i].is_liar = true;
    }
    const Time end = start_ + options_.length;
    Repeat(options_.put_every, [this] { Put(); });
    Repeat(options_.get_every, [this] { Get(); });
    Repeat(options_.fault_every, [this] { Fault(); });
    if (options_.lifetime != absl::InfiniteDuration()) {
      Repeat(options_.lifetime / static_cast<double>(options_.nodes), [this] { Die(); });
    }
    Pass(end);
    faults_end_ = true;
    Pass(world_.Now() + kPutLimit + kGetLimit);
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (conditions_[i].calls > 0) Broken(absl::StrCat("a call of node ", i, " does not end"));
    }
    HealAll();
    world_.Sleep(kSettling);
    Judge();
  }

  void Pass(Time end) {
    while (!agenda_.empty() && agenda_.begin()->first <= end) {
      const Time when = agenda_.begin()->first;
      const std::function<void()> what = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      if (when > world_.Now()) world_.Sleep(when - world_.Now());
      what();
      CheckQuotas();
    }
    if (end > world_.Now()) world_.Sleep(end - world_.Now());
  }

  void In(Duration time, std::function<void()> what) {
    agenda_.emplace(world_.Now() + time, std::move(what));
  }

  // Again and again until the faults end, at random times `every` apart in the mean.
  void Repeat(Duration every, std::function<void()> what) {
    In(Exponential(every), [this, every, what = std::move(what)] {
      if (faults_end_) return;
      what();
      Repeat(every, what);
    });
  }

  size_t Below(size_t bound) { return random_() % bound; }
  double Unit() { return (static_cast<double>(random_() >> 11) + 0.5) / 9007199254740992.0; }
  Duration Exponential(Duration mean) { return -std::log(Unit()) * mean; }
  Duration Between(Duration least, Duration most) { return least + Unit() * (most - least); }

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
    return fit[Below(fit.size())];
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
    object.content = random_();
    object.size = 1 + Below(options_.largest);
    object.owner = *node;
    const std::string redundancy = options_.redundancies[Below(options_.redundancies.size())];
    const bool is_brief = Below(4) == 0;
    const Duration keep_for = Exponential(options_.length / 4);
    ++report_.puts;
    Call(*node, "user put", [this, object, redundancy, is_brief, keep_for]() mutable {
      Content::PutOptions how = SimSwarm::SmallChunks();
      how.redundancy = redundancy;
      const Time begun = world_.Now();
      const auto put = swarm().Put(object.owner, ContentOf(object), how);
      const Duration took = world_.Now() - begun;
      if (IsCalm(object.owner, begun) && took > kPutLimit) {
        Broken(absl::StrCat("a put took ", absl::FormatDuration(took)));
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
      if (is_brief) In(keep_for, [this, at = objects_.size() - 1] { Remove(objects_[at]); });
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
      const absl::Status removed = swarm().node(owner).content().Remove(id.ToString());
      if (!removed.ok()) Broken(absl::StrCat("remove ", id.ToString(), ": ", removed.ToString()));
    });
  }

  void Get() {
    std::vector<size_t> kept;
    for (size_t i = 0; i < objects_.size(); ++i) {
      if (!objects_[i].removed) kept.push_back(i);
    }
    const std::optional<size_t> node = AnyNode();
    if (kept.empty() || !node) return;
    const size_t at = kept[Below(kept.size())];
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
    if (took > kGetLimit + kSlack) {
      Broken(absl::StrCat(what, " took ", absl::FormatDuration(took)));
    }
    if (got.ok()) {
      if (got->lone() != ContentOf(object)) Broken(absl::StrCat(what, ": other bytes"));
      return;
    }
    if (object.removed || !IsCalm(reader, begun)) return;
    const auto [pieces, needed] = world_.PiecesOf(
        object.id.hash(), [&](size_t i) { return IsHonest(i) && IsCalm(i, begun); });
    if (pieces >= needed) {
      Broken(absl::StrCat(what, ": ", got.status().ToString(), " although ", pieces, " of ", needed,
                          " pieces are within reach"));
    } else {
      ++report_.unreadable;
    }
  }

  bool IsHonest(size_t i) const { return !conditions_[i].is_liar && !conditions_[i].is_dead; }

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
    return fit[Below(fit.size())];
  }

  void Disturb(size_t i) { conditions_[i].disturbed = world_.Now(); }

  void Leave(size_t i, const char* how, Duration time, std::function<void()> back) {
    Tell(absl::StrCat("node ", i, " ", how, " for ", absl::FormatDuration(time)));
    ++report_.faults;
    ++away_;
    conditions_[i].is_away = true;
    Disturb(i);
    In(time, [this, i, back = std::move(back)] {
      Tell(absl::StrCat("node ", i, " is back"));
      back();
      --away_;
      conditions_[i].is_away = false;
      Disturb(i);
    });
  }

  void Fault() {
    switch (Below(8)) {
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
    return Below(3) == 0 ? Exponential(absl::Hours(2)) : Exponential(absl::Minutes(10));
  }

  void Restart(size_t i) {
    swarm().disk(i).SetCapacity(kNoLimit);
    const absl::Status started = swarm().TryStart(i);
    if (!started.ok()) Broken(absl::StrCat("node ", i, " does not start: ", started.ToString()));
  }

  void Kill(bool power) {
    const std::optional<size_t> i = Victim(true);
    if (!i) return;
    power ? world_.CutPower(*i) : world_.Kill(*i);
    conditions_[*i].calls = 0;
    Leave(*i, power ? "loses power" : "is killed", SomeTime(), [this, i] { Restart(*i); });
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
    Leave(*i, "is frozen", Exponential(absl::Minutes(5)), [this, i] { swarm().Thaw(*i); });
  }

  void Part() {
    const int island = ++islands_;
    for (std::optional<size_t> i; (i = Victim(true)).has_value();) {
      swarm().network().SetIsland(*i, island);
      Leave(*i, "is on an island", Exponential(absl::Minutes(30)),
            [this, i] { swarm().network().SetIsland(*i, 0); });
    }
  }

  void SlowDown() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    Tell(absl::StrCat("node ", *i, " is slow"));
    swarm().network().SetBandwidth(*i, 100'000, 100'000);
    In(SomeTime(), [this, i] { swarm().network().SetBandwidth(*i, 12'500'000, 12'500'000); });
  }

  void FillDisk() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    Tell(absl::StrCat("disk ", *i, " is full"));
    swarm().disk(*i).SetCapacity(swarm().disk(*i).used() + kFullRoom);
    In(SomeTime(), [this, i] { swarm().disk(*i).SetCapacity(kNoLimit); });
  }

  void FailDisk() {
    const std::optional<size_t> i = AnyNode();
    if (!i) return;
    ++report_.faults;
    constexpr testkit::DiskOp kOps[] = {testkit::DiskOp::kRead, testkit::DiskOp::kWrite,
                                        testkit::DiskOp::kSync, testkit::DiskOp::kName,
                                        testkit::DiskOp::kCommit};
    Tell(absl::StrCat("disk ", *i, " fails once"));
    swarm().disk(*i).FailNth(kOps[Below(std::size(kOps))], 1 + Below(20),
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
    if (options_.kill) {
      world_.Kill(*i);
    } else {
      swarm().network().SetFate(*i, SimNetwork::Fate::kRefusing);
      world_.Stop(*i);
    }
    In(kMourning, [this] { --away_; });
    const size_t newcomer = swarm().AddNode();
    conditions_.resize(newcomer + 1);
  }

  void HealAll() {
    Tell("all faults end");
    // What is still on the agenda are returns: they come early.
    while (!agenda_.empty()) {
      const std::function<void()> what = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      what();
    }
    swarm().network().HealPartitions();
  }

  // Promises.

  void CheckQuotas() {
    for (size_t i = 0; i < conditions_.size(); ++i) {
      if (!swarm().runs(i)) continue;
      const KernelNode::Status status = swarm().node(i).GetStatus();
      if (status.store.disk_bytes <= status.quota_bytes + kMaxBlock) continue;
      Broken(absl::StrCat("node ", i, " has ", status.store.disk_bytes, " bytes on disk, quota ",
                          status.quota_bytes));
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
  std::mt19937_64 random_;
  KeeperWorld world_;
  HistoryReport report_;
  Time start_;
  bool faults_end_ = false;
  std::multimap<Time, std::function<void()>> agenda_;
  std::vector<Condition> conditions_;
  std::deque<Object> objects_;  // Keep their place.
  size_t away_ = 0;
  int islands_ = 0;
};

}  // namespace

HistoryReport RunHistory(const HistoryOptions& options) { return History(options).Run(); }

}  // namespace l2p
