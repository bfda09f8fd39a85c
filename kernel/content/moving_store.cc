// A scan's token, of which BlockStore's caller knows nothing but that "" is its begin and its end:
//   token = ("<" token-of-the-first) | (">" token-of-the-second)
#include "kernel/content/moving_store.h"

#include <algorithm>

namespace l2p {
namespace {

constexpr char kFrom = '<';
constexpr char kTo = '>';
constexpr size_t kPage = 1024;
constexpr uint64_t kBatchBytes = 4 * 1024 * 1024;  // In memory at a time.

}  // namespace

// The right to copy blocks, for those of `ids` that are not being deleted.
class MovingStore::Claim {
 public:
  Claim(MovingStore& store, std::span<const Multihash> ids) : store_(store) {
    MutexLock lock(store_.mutex_);
    for (const Multihash& id : ids) {
      if (store_.deleting_.contains(id)) continue;
      store_.copying_.insert(id);
      ids_.push_back(id);
    }
  }
  ~Claim() {
    MutexLock lock(store_.mutex_);
    for (const Multihash& id : ids_) store_.copying_.erase(id);
    store_.changed_->Set();
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  const std::vector<Multihash>& ids() const { return ids_; }

 private:
  MovingStore& store_;
  std::vector<Multihash> ids_;
};

MovingStore::MovingStore(Runtime& runtime, std::unique_ptr<BlockStore> from,
                         std::unique_ptr<BlockStore> to)
    : from_gone_(runtime.NewEvent()), changed_(runtime.NewEvent()), to_(std::move(to)) {
  progress_.blocks = from->Usage().blocks;
  from_ = std::shared_ptr<BlockStore>(from.release(), [gone = from_gone_.get()](BlockStore* store) {
    delete store;
    gone->Set();
  });
}

MovingStore::~MovingStore() = default;

std::shared_ptr<BlockStore> MovingStore::from() const {
  MutexLock lock(mutex_);
  return from_;
}

void MovingStore::Put(std::span<const Block> blocks, std::span<absl::Status> out) {
  to_->Put(blocks, out);
}

void MovingStore::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  // Taken before the second is asked: a block that is copied in between is still in the first.
  const std::shared_ptr<BlockStore> from = this->from();
  to_->Get(ids, out);
  if (!from) return;
  std::vector<size_t> missing;
  std::vector<Multihash> wanted;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (out[i].ok()) continue;
    missing.push_back(i);
    wanted.push_back(ids[i]);
  }
  if (wanted.empty()) return;
  std::vector<absl::StatusOr<Bytes>> found(wanted.size(), Bytes());
  from->Get(wanted, found);
  for (size_t i = 0; i < missing.size(); ++i) {
    absl::StatusOr<Bytes>& answer = out[missing[i]];
    if (found[i].ok() || absl::IsNotFound(answer.status())) answer = std::move(found[i]);
  }
}

absl::Status MovingStore::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  const std::shared_ptr<BlockStore> from = this->from();
  L2P_RETURN_IF_ERROR(to_->Has(ids, out));
  if (!from || std::find(out.begin(), out.end(), -1) == out.end()) return absl::OkStatus();
  std::vector<int64_t> sizes(ids.size(), -1);
  L2P_RETURN_IF_ERROR(from->Has(ids, sizes));
  for (size_t i = 0; i < ids.size(); ++i) out[i] = std::max(out[i], sizes[i]);
  return absl::OkStatus();
}

void MovingStore::Delete(std::span<const Multihash> ids, std::span<absl::Status> out) {
  Await(mutex_, *changed_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
    for (const Multihash& id : ids) {
      if (copying_.contains(id)) return false;
    }
    for (const Multihash& id : ids) ++deleting_[id];
    return true;
  });
  to_->Delete(ids, out);
  if (const std::shared_ptr<BlockStore> from = this->from()) {
    std::vector<absl::Status> of_from(ids.size());
    from->Delete(ids, of_from);
    for (size_t i = 0; i < ids.size(); ++i) out[i].Update(of_from[i]);
  }
  MutexLock lock(mutex_);
  for (const Multihash& id : ids) {
    if (--deleting_[id] == 0) deleting_.erase(id);
  }
  changed_->Set();
}

// First all of the first store, then what is in the second alone: a block never goes from the
// second to the first, so none is missed.
absl::StatusOr<BlockStore::Page> MovingStore::Scan(const std::string& token, size_t most) {
  const std::shared_ptr<BlockStore> from = this->from();
  if (from && (token.empty() || token[0] == kFrom)) {
    L2P_ASSIGN_OR_RETURN(Page page, from->Scan(token.empty() ? token : token.substr(1), most));
    page.token.insert(0, 1, page.token.empty() ? kTo : kFrom);
    if (!page.ids.empty()) return page;
  }
  const bool goes_on = !token.empty() && token[0] == kTo;
  L2P_ASSIGN_OR_RETURN(Page page, to_->Scan(goes_on ? token.substr(1) : "", most));
  if (!page.token.empty()) page.token.insert(0, 1, kTo);
  if (!from || page.ids.empty()) return page;
  std::vector<int64_t> sizes(page.ids.size(), -1);
  L2P_RETURN_IF_ERROR(from->Has(page.ids, sizes));
  size_t kept = 0;
  for (size_t i = 0; i < page.ids.size(); ++i) {
    if (sizes[i] < 0) page.ids[kept++] = page.ids[i];
  }
  page.ids.resize(kept);
  return page;
}

// What has been copied counts once, though it is on disk twice until the first store is gone: or
// puts would be refused for a quota that the move alone is over.
BlockStore::StoreUsage MovingStore::Usage() {
  StoreUsage usage = to_->Usage();
  const std::shared_ptr<BlockStore> from = this->from();
  if (!from) return usage;
  const StoreUsage first = from->Usage();
  MutexLock lock(mutex_);
  usage.blocks += first.blocks - std::min(first.blocks, progress_.copied);
  usage.bytes += first.bytes - std::min(first.bytes, copied_bytes_);
  usage.disk_bytes += first.disk_bytes - std::min(first.disk_bytes, copied_bytes_);
  usage.durable = usage.durable && first.durable;
  return usage;
}

absl::Status MovingStore::Sync() {
  if (const std::shared_ptr<BlockStore> from = this->from()) L2P_RETURN_IF_ERROR(from->Sync());
  return to_->Sync();
}

absl::Status MovingStore::CopyAll(const std::function<bool()>& stopping) {
  const std::shared_ptr<BlockStore> from = this->from();
  if (next_ == page_.ids.size() && page_.token.empty()) {
    MutexLock lock(mutex_);
    progress_.copied = progress_.damaged = copied_bytes_ = 0;  // A pass begins.
  }
  do {
    if (next_ == page_.ids.size()) {
      L2P_ASSIGN_OR_RETURN(page_, from->Scan(page_.token, kPage));
      next_ = 0;
    }
    L2P_RETURN_IF_ERROR(CopyPage(*from, stopping));
  } while (!page_.token.empty());
  return to_->Sync();
}

absl::Status MovingStore::CopyPage(BlockStore& from, const std::function<bool()>& stopping) {
  const std::span<const Multihash> ids = page_.ids;
  std::vector<int64_t> sizes(ids.size(), -1);
  L2P_RETURN_IF_ERROR(from.Has(ids, sizes));
  while (next_ < ids.size()) {
    if (stopping()) return absl::AbortedError("the node is stopping");
    size_t end = next_;
    uint64_t bytes = 0;
    while (end < ids.size() && bytes < kBatchBytes) {
      bytes += static_cast<uint64_t>(std::max<int64_t>(sizes[end++], 0));
    }
    L2P_RETURN_IF_ERROR(CopyBatch(from, ids.subspan(next_, end - next_)));
    next_ = end;
  }
  return absl::OkStatus();
}

absl::Status MovingStore::CopyBatch(BlockStore& from, std::span<const Multihash> ids) {
  const Claim claim(*this, ids);
  std::vector<int64_t> present(claim.ids().size(), -1);
  L2P_RETURN_IF_ERROR(to_->Has(claim.ids(), present));
  std::vector<Multihash> wanted;
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < present.size(); ++i) {
    if (present[i] < 0) {
      wanted.push_back(claim.ids()[i]);
    } else {
      ++blocks;
      bytes += static_cast<uint64_t>(present[i]);
    }
  }
  std::vector<absl::StatusOr<Bytes>> read(wanted.size(), Bytes());
  if (!wanted.empty()) from.Get(wanted, read);
  std::vector<Block> copies;
  uint64_t damaged = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (read[i].ok()) {
      bytes += read[i]->size();
      copies.push_back({wanted[i], *std::move(read[i])});
    } else if (absl::IsDataLoss(read[i].status())) {
      ++damaged;
    } else if (!absl::IsNotFound(read[i].status())) {
      return read[i].status();
    }
  }
  std::vector<absl::Status> written(copies.size());
  if (!copies.empty()) to_->Put(copies, written);
  for (const absl::Status& status : written) L2P_RETURN_IF_ERROR(status);
  MutexLock lock(mutex_);
  progress_.copied += blocks + copies.size();
  progress_.damaged += damaged;
  copied_bytes_ += bytes;
  return absl::OkStatus();
}

void MovingStore::Close() {
  std::shared_ptr<BlockStore> from;
  {
    MutexLock lock(mutex_);
    from = std::move(from_);
    from_ = nullptr;
  }
  from = nullptr;
  from_gone_->Wait(absl::InfiniteFuture());
}

MovingStore::Progress MovingStore::progress() const {
  const std::shared_ptr<BlockStore> from = this->from();
  const uint64_t now = from ? from->Usage().blocks : 0;
  MutexLock lock(mutex_);
  Progress progress = progress_;
  if (from) progress.blocks = std::max(now, progress.copied);
  return progress;
}

}  // namespace l2p
