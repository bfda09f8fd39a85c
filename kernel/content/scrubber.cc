#include "kernel/content/scrubber.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr char kPositionRow[] = "scrub-position";  // The last group of the pass that was read.
constexpr size_t kGroupsAtOnce = 64;
constexpr Duration kSavePeriod = absl::Minutes(10);

}  // namespace

Scrubber::Scrubber(Runtime& runtime, State& state, BlockService& blocks, Holdings& holdings,
                   Duration interval)
    : runtime_(runtime),
      state_(state),
      blocks_(blocks),
      holdings_(holdings),
      interval_(interval),
      tasks_(runtime.tasks(), runtime.NewEvent()) {}

absl::Status Scrubber::Start() {
  const absl::StatusOr<std::string> position = state_.Get(kPositionRow);
  if (position.ok()) {
    if (auto group = Multihash::FromBinary(AsBytes(*position)); group.ok()) done_ = *group;
  } else if (!absl::IsNotFound(position.status())) {
    return position.status();
  }
  L2P_RETURN_IF_ERROR(tasks_.Start("check held blocks", [this] { CheckPresence(); }));
  save_at_ = runtime_.Now() + kSavePeriod;
  timer_ = runtime_.tasks().Every("scrub", kPeriod, [this] { Step(); });
  return absl::OkStatus();
}

void Scrubber::Stop() {
  stopping_ = true;
  timer_.reset();
  tasks_.Join();
}

void Scrubber::CheckPresence() {
  for (Multihash after; !stopping_;) {
    const std::vector<HeldGroup> page = holdings_.List(after, kGroupsAtOnce);
    if (page.empty()) return;
    for (const HeldGroup& held : page) {
      if (std::exchange(after, held.group) == held.group) continue;
      const absl::StatusOr<Group> group = holdings_.FindGroup(held.group);
      if (!group.ok()) continue;  // Released meanwhile.
      std::vector<BlockRef> blocks = group->nodes;
      blocks.insert(blocks.end(), group->leaves.begin(), group->leaves.end());
      std::vector<Multihash> ids;
      for (const BlockRef& block : blocks) ids.push_back(block.id);
      std::vector<int64_t> sizes(ids.size(), 0);
      if (!blocks_.Has(ids, sizes).ok()) continue;
      for (size_t i = 0; i < blocks.size(); ++i) {
        if (sizes[i] < 0) NoteLost(held.group, blocks[i]);
      }
    }
  }
}

void Scrubber::Step() {
  const double held = static_cast<double>(holdings_.TotalBytes());
  credit_ = std::min(credit_ + held * absl::FDivDuration(kPeriod, interval_), held);
  while (credit_ > 0 && !stopping_ && ScrubSome()) {
  }
  const Time now = runtime_.Now();
  if (now < save_at_) return;
  save_at_ = now + kSavePeriod;
  if (const absl::Status saved = SavePosition(); !saved.ok()) {
    runtime_.Log(Severity::kWarning, "kernel", absl::StrCat("scrub: ", saved.ToString()));
  }
}

// Reads on in the group after done_; false at the end of a pass.
bool Scrubber::ScrubSome() {
  const std::vector<HeldGroup> page = holdings_.List(done_, 1);
  if (page.empty()) {
    done_ = Multihash();
    next_block_ = 0;
    MutexLock lock(mutex_);
    ++progress_.passes;
    return false;
  }
  const Multihash& id = page.front().group;
  if (const absl::StatusOr<Group> group = holdings_.FindGroup(id); group.ok()) {
    std::vector<BlockRef> blocks = group->nodes;
    blocks.insert(blocks.end(), group->leaves.begin(), group->leaves.end());
    while (next_block_ < blocks.size()) {
      if (credit_ <= 0 || stopping_) return true;
      const BlockRef& block = blocks[next_block_++];
      CheckBlock(id, block);
      credit_ -= block.size;
    }
  }
  done_ = id;
  next_block_ = 0;
  return true;
}

void Scrubber::CheckBlock(const Multihash& group, const BlockRef& block) {
  const absl::StatusOr<Bytes> data = blocks_.Get(block.id);
  absl::Status right = data.status();
  if (data.ok()) right = blocks_.hashers().Verify(block.id, *data);
  {
    MutexLock lock(mutex_);
    ++progress_.blocks_read;
  }
  if (right.ok()) return;
  if (absl::IsNotFound(right)) {
    NoteLost(group, block);
    return;
  }
  if (!absl::IsDataLoss(right)) return;  // The disk is busy or failing: not the block's fault.
  runtime_.Log(Severity::kWarning, "kernel",
               absl::StrCat("scrub: block ", block.id.ToString(), " of group ", group.ToString(),
                            " is damaged: ", std::string(right.message())));
  // Only then can it be put again: a store leaves alone what it has. One that an operation just now
  // counts on stays until the next pass.
  if (const absl::Status deleted = blocks_.Reclaim({&block.id, 1}); !deleted.ok()) return;
  NoteLost(group, block);
  MutexLock lock(mutex_);
  ++progress_.damaged;
}

void Scrubber::NoteLost(const Multihash& group, const BlockRef& block) {
  MutexLock lock(mutex_);
  if (lost_count_ < kMaxLost && lost_[group].insert(block).second) ++lost_count_;
}

std::vector<HeldGroups::Lost> Scrubber::LostBlocks(size_t most) {
  std::map<Multihash, std::set<BlockRef, LessById>> lost;
  {
    MutexLock lock(mutex_);
    lost = lost_;
  }
  std::vector<HeldGroups::Lost> still;
  std::vector<HeldGroups::Lost> over;
  for (const auto& [group, blocks] : lost) {
    const bool is_held = holdings_.FindGroup(group).ok();
    for (const BlockRef& block : blocks) {
      if (still.size() >= most) break;
      int64_t size = -1;
      const bool is_here = blocks_.Has({&block.id, 1}, {&size, 1}).ok() && size >= 0;
      (is_held && !is_here ? still : over).push_back({group, block});
    }
  }
  MutexLock lock(mutex_);
  for (const HeldGroups::Lost& one : over) {
    const auto found = lost_.find(one.group);
    if (found == lost_.end()) continue;
    lost_count_ -= found->second.erase(one.block);
    if (found->second.empty()) lost_.erase(found);
  }
  return still;
}

Scrubber::Progress Scrubber::progress() const {
  MutexLock lock(mutex_);
  Progress progress = progress_;
  progress.lost = lost_count_;
  return progress;
}

absl::Status Scrubber::SavePosition() {
  const State::Change change{kPositionRow, done_.bytes()};
  return state_.Commit({&change, 1});
}

}  // namespace l2p
