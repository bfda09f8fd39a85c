#include "kernel/network/group_push.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/network/push_sender.h"

namespace l2p {
namespace {

std::vector<PeerInfo> Without(std::vector<PeerInfo> candidates, const std::vector<PeerId>& taken) {
  std::erase_if(candidates, [&](const PeerInfo& candidate) {
    return std::find(taken.begin(), taken.end(), candidate.id) != taken.end();
  });
  return candidates;
}

}  // namespace

GroupPush::GroupPush(Parts parts, PieceSource& source, const Multihash& group,
                     std::vector<PeerInfo> candidates, std::vector<PeerId> holders,
                     Listener listener)
    : parts_(parts),
      source_(source),
      group_(group),
      candidates_(Without(std::move(candidates), holders)),
      listener_(std::move(listener)),
      holders_(std::move(holders)) {
  holders_.resize(source_.redundancy().holders);
}

bool GroupPush::Offer(std::vector<PeerInfo> candidates) {
  candidates = Without(std::move(candidates), holders_);
  std::erase_if(candidates, [this](const PeerInfo& candidate) {
    return std::any_of(candidates_.begin(), candidates_.end(),
                       [&](const PeerInfo& known) { return known.id == candidate.id; });
  });
  candidates_.insert(candidates_.end(), candidates.begin(), candidates.end());
  return !candidates.empty();
}

bool GroupPush::OfferRefused() {
  MutexLock lock(mutex_);
  candidates_.insert(candidates_.end(), refused_.begin(), refused_.end());
  refused_.clear();
  return next_ < candidates_.size();
}

std::vector<PeerId> GroupPush::Plan() {
  std::vector<PeerId> planned = holders_;
  MutexLock lock(mutex_);
  size_t next = next_;
  for (PeerId& place : planned) {
    if (place.empty() && next < candidates_.size()) place = candidates_[next++].id;
  }
  return planned;
}

void GroupPush::Run(std::string_view record, Time until) {
  std::vector<size_t> free_places;
  for (size_t place = 0; place < holders_.size(); ++place) {
    if (holders_[place].empty()) free_places.push_back(place);
  }
  size_t first;
  {
    MutexLock lock(mutex_);
    free_places.resize(std::min(free_places.size(), candidates_.size() - next_));
    first = next_;
    next_ += free_places.size();
  }
  TaskGroup places(parts_.runtime.tasks(), parts_.runtime.NewEvent());
  for (size_t i = 0; i < free_places.size(); ++i) {
    // A place whose task cannot be started stays free, and is tried again later.
    places
        .Start("push to a holder",
               [this, candidate = first + i, place = free_places[i], record, until] {
                 FillPlace(place, candidates_[candidate], record, until);
               })
        .IgnoreError();
  }
  places.Join();
}

size_t GroupPush::taken() const {
  return static_cast<size_t>(std::count_if(holders_.begin(), holders_.end(),
                                           [](const PeerId& holder) { return !holder.empty(); }));
}

void GroupPush::Tell(std::string_view record, Time until) {
  TaskGroup tasks(parts_.runtime.tasks(), parts_.runtime.NewEvent());
  for (size_t place = 0; place < holders_.size(); ++place) {
    if (holders_[place].empty()) continue;
    // Whoever cannot be told has the earlier record, which is as good to decode by.
    tasks
        .Start("tell a holder",
               [this, place, record, until] {
                 PushGroup(parts_.runtime, parts_.turns, Reader(), parts_.messenger,
                           {holders_[place], {}}, source_.ShareOf(place), record, until,
                           [](uint64_t) {})
                     .status()
                     .IgnoreError();
               })
        .IgnoreError();
  }
  tasks.Join();
}

BlockReader GroupPush::Reader() {
  return [this](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
    source_.Read(ids, out);
  };
}

void GroupPush::FillPlace(size_t place, const PeerInfo& first, std::string_view record,
                          Time until) {
  const Group share = source_.ShareOf(place);
  for (const PeerInfo* candidate = &first; candidate != nullptr; candidate = NextCandidate()) {
    uint64_t counted = 0;
    const auto on_stored = [&](uint64_t bytes) {
      if (bytes <= counted) return;
      listener_.on_stored(static_cast<int64_t>(bytes - counted));
      counted = bytes;
    };
    absl::StatusOr<std::string> receipt =
        PushGroup(parts_.runtime, parts_.turns, Reader(), parts_.messenger, *candidate, share,
                  record, until, on_stored);
    absl::Status status = receipt.status();
    if (status.ok()) status = CheckReceipt(candidate->id, share, AsBytes(*receipt));
    if (status.ok()) {
      {
        MutexLock lock(mutex_);
        holders_[place] = candidate->id;
        receipts_.push_back(*std::move(receipt));
      }
      listener_.on_holder(candidate->id);
      return;
    }
    listener_.on_stored(-static_cast<int64_t>(counted));
    listener_.on_refusal(candidate->id, status);
    if (!absl::IsResourceExhausted(status)) continue;
    MutexLock lock(mutex_);
    refused_.push_back(*candidate);
  }
}

const PeerInfo* GroupPush::NextCandidate() {
  MutexLock lock(mutex_);
  return next_ < candidates_.size() ? &candidates_[next_++] : nullptr;
}

absl::Status GroupPush::CheckReceipt(const PeerId& holder, const Group& share,
                                     ByteView receipt) const {
  const absl::StatusOr<Receipt> opened = OpenReceipt(parts_.crypto, receipt);
  if (!opened.ok()) return absl::DataLossError(std::string(opened.status().message()));
  const absl::StatusOr<PeerId> signer = opened->holder();
  if (!signer.ok() || *signer != holder || opened->group != group_ ||
      opened->list_root != ListRoot(parts_.crypto, share)) {
    return absl::DataLossError("its receipt is for something else");
  }
  return absl::OkStatus();
}

}  // namespace l2p
