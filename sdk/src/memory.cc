#include "l2p/memory.h"

#include <bit>
#include <list>
#include <map>
#include <new>
#include <vector>

#include "absl/strings/str_cat.h"
#include "l2p/runtime.h"

namespace l2p {
namespace {

constexpr std::align_val_t kAlignment{64};

// Below this the allocator's own free lists are as good as ours.
constexpr size_t kSmallestKept = 16 * 1024;

// Buffers of at least kSmallestKept are made in four sizes per power of two, so that a freed one
// fits the next request of about its size and at most a quarter of the budget is rounding.
size_t CapacityFor(size_t bytes, size_t limit) {
  if (bytes < kSmallestKept) return bytes;
  const size_t step = std::bit_floor(bytes) / 4;
  const size_t rounded = (bytes + step - 1) / step * step;
  return rounded <= limit ? rounded : bytes;
}

uint8_t* Allocate(size_t capacity) {
  return static_cast<uint8_t*>(::operator new(capacity, kAlignment));
}

void Free(uint8_t* memory) { ::operator delete(memory, kAlignment); }

}  // namespace

class Memory::Budget : public std::enable_shared_from_this<Budget> {
 public:
  Budget(Runtime& runtime, size_t limit) : runtime_(runtime), limit_(limit) {}
  ~Budget() { Trim(); }

  absl::StatusOr<Buffer> Take(size_t bytes, Time deadline);
  absl::StatusOr<Buffer> TryTake(size_t bytes);
  void Trim();

  // Buffers that come back from now on go to the system: no Memory is left to reuse them.
  void Close() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
    }
    Trim();
  }

  size_t limit() const { return limit_; }
  size_t used() {
    MutexLock lock(mutex_);
    return used_;
  }

 private:
  // A waiter is on its taker's stack and in waiters_ until `granted` or given up, both under
  // mutex_.
  struct Waiter {
    size_t capacity;
    Event* event;
    uint8_t* memory = nullptr;
    bool granted = false;
  };

  using Dropped = std::vector<uint8_t*>;

  absl::Status TooLarge(size_t bytes) const;
  bool Grant(size_t capacity, uint8_t*& memory, Dropped& dropped) L2P_REQUIRES(mutex_);
  void GrantWaiters(Dropped& dropped) L2P_REQUIRES(mutex_);
  bool Await(Waiter& waiter, Time deadline);
  void Release(uint8_t* memory, size_t capacity);
  Buffer Wrap(uint8_t* memory, size_t capacity, size_t bytes);

  static void FreeAll(const Dropped& dropped) {
    for (uint8_t* memory : dropped) Free(memory);
  }

  Runtime& runtime_;
  const size_t limit_;
  Mutex mutex_{"Memory"};
  // used_ + kept_bytes_ <= limit_, always.
  size_t used_ L2P_GUARDED_BY(mutex_) = 0;
  size_t kept_bytes_ L2P_GUARDED_BY(mutex_) = 0;
  bool closed_ L2P_GUARDED_BY(mutex_) = false;
  std::map<size_t, std::vector<uint8_t*>> kept_ L2P_GUARDED_BY(mutex_);  // By capacity.
  std::list<Waiter*> waiters_ L2P_GUARDED_BY(mutex_);
};

absl::Status Memory::Budget::TooLarge(size_t bytes) const {
  return absl::InvalidArgumentError(
      absl::StrCat("take ", bytes, " bytes: over the whole memory budget of ", limit_));
}

// Counts `capacity` as used if it fits, with a kept buffer in `memory` where there is one. Kept
// buffers of other sizes make room, the largest first.
bool Memory::Budget::Grant(size_t capacity, uint8_t*& memory, Dropped& dropped) {
  if (capacity > limit_ - used_) return false;
  if (auto same = kept_.find(capacity); same != kept_.end()) {
    memory = same->second.back();
    same->second.pop_back();
    if (same->second.empty()) kept_.erase(same);
    kept_bytes_ -= capacity;
  }
  used_ += capacity;
  while (used_ + kept_bytes_ > limit_) {
    auto largest = std::prev(kept_.end());
    dropped.push_back(largest->second.back());
    largest->second.pop_back();
    kept_bytes_ -= largest->first;
    if (largest->second.empty()) kept_.erase(largest);
  }
  return true;
}

// Strictly in order of arrival: a large request at the front is not overtaken by smaller ones.
void Memory::Budget::GrantWaiters(Dropped& dropped) {
  while (!waiters_.empty()) {
    Waiter& first = *waiters_.front();
    if (!Grant(first.capacity, first.memory, dropped)) return;
    first.granted = true;
    waiters_.pop_front();
    first.event->Set();
  }
}

absl::StatusOr<Buffer> Memory::Budget::TryTake(size_t bytes) {
  if (bytes > limit_) return TooLarge(bytes);
  const size_t capacity = CapacityFor(bytes, limit_);
  uint8_t* memory = nullptr;
  Dropped dropped;
  bool granted;
  {
    MutexLock lock(mutex_);
    granted = waiters_.empty() && Grant(capacity, memory, dropped);
  }
  FreeAll(dropped);
  if (!granted) {
    return absl::DeadlineExceededError(
        absl::StrCat("take ", bytes, " bytes: the memory budget of ", limit_, " is used up"));
  }
  return Wrap(memory, capacity, bytes);
}

absl::StatusOr<Buffer> Memory::Budget::Take(size_t bytes, Time deadline) {
  absl::StatusOr<Buffer> at_once = TryTake(bytes);
  if (at_once.ok() || !absl::IsDeadlineExceeded(at_once.status())) return at_once;
  if (deadline <= runtime_.Now()) return at_once;
  const std::unique_ptr<Event> event = runtime_.NewEvent();
  Waiter waiter{CapacityFor(bytes, limit_), event.get()};
  if (!Await(waiter, deadline)) return at_once;
  return Wrap(waiter.memory, waiter.capacity, bytes);
}

bool Memory::Budget::Await(Waiter& waiter, Time deadline) {
  Dropped dropped;
  {
    MutexLock lock(mutex_);
    waiters_.push_back(&waiter);
    GrantWaiters(dropped);  // Memory may have come back since TryTake.
  }
  FreeAll(dropped);
  dropped.clear();
  l2p::Await(mutex_, *waiter.event, deadline, [&] { return waiter.granted; });
  bool granted;
  {
    MutexLock lock(mutex_);
    granted = waiter.granted;
    if (!granted) {
      waiters_.remove(&waiter);
      GrantWaiters(dropped);  // This one may have held up smaller ones behind it.
    }
  }
  FreeAll(dropped);
  return granted;
}

Buffer Memory::Budget::Wrap(uint8_t* memory, size_t capacity, size_t bytes) {
  if (memory == nullptr) memory = Allocate(capacity);
  return Buffer(memory, bytes, [budget = shared_from_this(), memory, capacity] {
    budget->Release(memory, capacity);
  });
}

void Memory::Budget::Release(uint8_t* memory, size_t capacity) {
  Dropped dropped;
  {
    MutexLock lock(mutex_);
    used_ -= capacity;
    if (closed_ || capacity < kSmallestKept) {
      dropped.push_back(memory);
    } else {
      kept_[capacity].push_back(memory);
      kept_bytes_ += capacity;
    }
    GrantWaiters(dropped);
  }
  FreeAll(dropped);
}

void Memory::Budget::Trim() {
  std::map<size_t, std::vector<uint8_t*>> kept;
  {
    MutexLock lock(mutex_);
    kept.swap(kept_);
    kept_bytes_ = 0;
  }
  for (const auto& [capacity, buffers] : kept) FreeAll(buffers);
}

Memory::Memory(Runtime& runtime, size_t limit_bytes)
    : budget_(std::make_shared<Budget>(runtime, limit_bytes)) {}
Memory::~Memory() { budget_->Close(); }

absl::StatusOr<Buffer> Memory::Take(size_t bytes, Time deadline) {
  return budget_->Take(bytes, deadline);
}
absl::StatusOr<Buffer> Memory::TryTake(size_t bytes) { return budget_->TryTake(bytes); }
size_t Memory::limit() const { return budget_->limit(); }
size_t Memory::used() const { return budget_->used(); }
void Memory::Trim() { budget_->Trim(); }

}  // namespace l2p
