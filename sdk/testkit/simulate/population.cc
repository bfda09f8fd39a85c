#include "population.h"

#include <algorithm>
#include <cmath>

#include "kad_wire.h"

namespace l2p::testkit {
namespace {

constexpr Duration kPutOff = absl::Seconds(5);
constexpr size_t kNamedByLiars = 20;
constexpr size_t kTries = 100;

}  // namespace

Population::Population(RoutingWorld& world, const Settings& scenario)
    : world_(world), scenario_(scenario), session_(scenario.GetDuration("session")) {}

Population::~Population() {
  for (const auto& [position, liar] : liars_) world_.messengers().SetImpostor(liar, nullptr);
}

size_t Population::Percent(const char* key) const {
  return static_cast<size_t>(scenario_.Integer("nodes") * scenario_.Integer(key) / 100);
}

absl::StatusOr<size_t> Population::AddOne() {
  L2P_ASSIGN_OR_RETURN(const size_t i, world_.Add(bootstrap_));
  if (bootstrap_.size() < static_cast<size_t>(scenario_.Integer("bootstrap"))) {
    bootstrap_.push_back(i);
  } else if (session_ > absl::ZeroDuration()) {
    ScheduleLeave(i);
  }
  return i;
}

absl::Status Population::Grow(size_t size, Duration between) {
  for (size_t count = running(); count < size; ++count) {
    L2P_RETURN_IF_ERROR(AddOne().status());
    world_.simulation().Sleep(between);
  }
  return absl::OkStatus();
}

void Population::ScheduleLeave(size_t i) {
  Simulation& simulation = world_.simulation();
  const double uniform = (static_cast<double>(simulation.Random() >> 11) + 1) / 9007199254740993.0;
  const Duration stay = session_ / std::log(2.0) * -std::log(uniform);
  simulation.At(simulation.Now() + stay, [this, i] {
    if (!ended_) world_.simulation().Start("leave", [this, i] { Leave(i); });
  });
}

void Population::Leave(size_t i) {
  ++leaving_;
  while (busy_.contains(i) && !ended_) world_.simulation().Sleep(kPutOff);
  if (!ended_ && world_.runs(i)) {
    world_.Vanish({&i, 1});
    replacement_.Update(AddOne().status());
  }
  --leaving_;
}

void Population::ChooseVictims() {
  const size_t wanted = std::max(Percent("dead_percent"), Percent("liars_percent"));
  const size_t partitioned = Percent("partition_percent");
  const size_t most = running() - bootstrap_.size();
  while (victims_.size() < std::min(most, std::max(wanted, partitioned))) {
    const size_t i = world_.simulation().Random() % world_.size();
    const bool is_safe = std::find(bootstrap_.begin(), bootstrap_.end(), i) != bootstrap_.end();
    if (world_.runs(i) && !is_safe) victims_.insert(i);
  }
}

void Population::Befall() {
  std::vector<size_t> victims(victims_.begin(), victims_.end());
  std::erase_if(victims, [this](size_t i) { return !world_.runs(i); });  // Has left by itself.
  if (scenario_.Integer("liars_percent") > 0) {
    for (const size_t i : victims) liars_.emplace_back(world_.position(i), i);
    std::sort(liars_.begin(), liars_.end());
    for (const size_t i : victims) Lie(i);
  } else if (scenario_.Integer("partition_percent") > 0) {
    Apart(scenario_.GetDuration("partition_for"));
  } else {
    // Others go on while the stopping of so many takes its time.
    for (const size_t i : victims) world_.network().SetFate(i, SimNetwork::Fate::kDown);
    for (const size_t i : victims) {
      ++leaving_;
      world_.simulation().Start("vanish", [this, i] {
        world_.Stop(i);
        --leaving_;
      });
    }
  }
}

// In the words of the plugin's own protocol, so that nothing but the content gives it away.
void Population::Lie(size_t liar) {
  world_.messengers().SetImpostor(
      liar, [this](const PeerId& asker, ByteView request) -> std::optional<Bytes> {
        const std::optional<KadGlance> asked = GlanceAt(request);
        const bool is_question = asked && (asked->type == KadGlance::kFindNode ||
                                           asked->type == KadGlance::kGetProviders);
        if (!is_question) return std::nullopt;
        std::vector<std::pair<uint64_t, size_t>> nearest = liars_;
        const uint64_t target = world_.PositionOf(asked->key);
        for (auto& [distance, i] : nearest) distance ^= target;
        const size_t named = std::min(kNamedByLiars, nearest.size());
        std::partial_sort(nearest.begin(), nearest.begin() + static_cast<ptrdiff_t>(named),
                          nearest.end());
        std::vector<PeerInfo> closer;
        for (size_t rank = 0; rank < named; ++rank) {
          const PeerInfo& peer = world_.peer(nearest[rank].second);
          if (peer.id != asker) closer.push_back(peer);
        }
        return Bytes::Of(KadAnswer(*asked, closer));
      });
}

void Population::Apart(Duration how_long) {
  for (const size_t i : victims_) world_.network().SetIsland(i, 1);
  // Of those that are well known some are on the other side, too.
  for (size_t i = 0; i < bootstrap_.size(); i += 2) world_.network().SetIsland(bootstrap_[i], 1);
  world_.simulation().Sleep(how_long);
  world_.network().HealPartitions();
  victims_.clear();
}

size_t Population::running() const {
  size_t count = 0;
  for (size_t i = 0; i < world_.size(); ++i) count += world_.runs(i) ? 1 : 0;
  return count;
}

bool Population::Counts(size_t i, size_t asking) const {
  return world_.runs(i) && i != asking && world_.network().Reaches(asking, i) &&
         world_.started(i) + kSettled <= world_.simulation().Now();
}

size_t Population::TakeRandom() {
  for (size_t tries = 1;; ++tries) {
    const size_t i = world_.simulation().Random() % world_.size();
    const bool is_settled =
        world_.runs(i) && world_.started(i) + kSettled <= world_.simulation().Now();
    if (is_settled && !is_victim(i) && busy_.insert(i).second) return i;
    // Perhaps all are busy, or new: time has to pass.
    if (tries % kTries == 0) world_.simulation().Sleep(absl::Milliseconds(10));
  }
}

absl::Status Population::End() {
  ended_ = true;
  while (leaving_ > 0) world_.simulation().Sleep(absl::Milliseconds(100));
  return replacement_;
}

}  // namespace l2p::testkit
