#ifndef L2P_KERNEL_CONTENT_ORDERED_STAGE_H_
#define L2P_KERNEL_CONTENT_ORDERED_STAGE_H_

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "l2p/event.h"
#include "l2p/mutex.h"

namespace l2p {

// An OrderedStage is one step of a pipeline: values go in, as many tasks as call Work() work on one
// each, and they come out in the order in which they went in. [any thread]
template <typename T>
class OrderedStage {
 public:
  // At most `capacity` values are inside: waiting, worked on, or waiting to go on.
  OrderedStage(const std::function<std::unique_ptr<Event>()>& new_event, size_t capacity,
               std::function<void(T&)> work)
      : room_(new_event()),
        waiting_(new_event()),
        done_(new_event()),
        capacity_(capacity),
        work_(std::move(work)) {}

  // Waits for room; false (and `value` is dropped) once closed.
  bool Push(T value) {
    Await(mutex_, *room_, absl::InfiniteFuture(),
          [this]() L2P_REQUIRES(mutex_) { return closed_ || items_.size() < capacity_; });
    MutexLock lock(mutex_);
    if (closed_ || ended_) return false;
    items_.push_back({std::move(value)});
    waiting_->Set();
    return true;
  }

  // No value follows: Work() returns when all are done, Pop() when all are out.
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    waiting_->Set();
    done_->Set();
  }

  // As End, and what is inside is dropped when it is done.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    room_->Set();
    waiting_->Set();
    done_->Set();
  }

  // Works on one value after the other.
  void Work() {
    for (;;) {
      Item* item = nullptr;
      Await(mutex_, *waiting_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
        item = closed_ ? nullptr : Take();
        return item != nullptr || closed_ || ended_;
      });
      if (item == nullptr) return;
      WorkOn(*item);
    }
  }

  // The next value; nullopt once none follows, or past `deadline`. While that one is not done, the
  // caller works on others that wait.
  std::optional<T> Pop(Time deadline) {
    for (;;) {
      Item* item = nullptr;
      Await(mutex_, *done_, deadline, [&]() L2P_REQUIRES(mutex_) {
        item = closed_ || IsFrontDone() ? nullptr : Take();
        return item != nullptr || closed_ || IsFrontDone() || (ended_ && items_.empty());
      });
      if (item == nullptr) break;
      WorkOn(*item);
    }
    MutexLock lock(mutex_);
    if (closed_ || !IsFrontDone()) return std::nullopt;
    std::optional<T> value = std::move(items_.front().value);
    items_.pop_front();
    room_->Set();
    return value;
  }

 private:
  enum class State { kWaiting, kTaken, kDone };
  struct Item {
    T value;
    State state = State::kWaiting;
  };

  bool IsFrontDone() const L2P_REQUIRES(mutex_) {
    return !items_.empty() && items_.front().state == State::kDone;
  }

  // The first value that waits, which stays where it is; null if none does.
  Item* Take() L2P_REQUIRES(mutex_) {
    const auto waiting = std::find_if(items_.begin(), items_.end(), [](const Item& item) {
      return item.state == State::kWaiting;
    });
    if (waiting == items_.end()) return nullptr;
    waiting->state = State::kTaken;
    return &*waiting;
  }

  void WorkOn(Item& item) {
    work_(item.value);
    MutexLock lock(mutex_);
    item.state = State::kDone;
    if (&item == &items_.front()) done_->Set();
  }

  // Apart, so that each change wakes only whom it concerns.
  const std::unique_ptr<Event> room_;
  const std::unique_ptr<Event> waiting_;
  const std::unique_ptr<Event> done_;
  const size_t capacity_;
  const std::function<void(T&)> work_;
  Mutex mutex_{"OrderedStage"};
  std::deque<Item> items_ L2P_GUARDED_BY(mutex_);  // Others stay in place when one comes or goes.
  bool ended_ L2P_GUARDED_BY(mutex_) = false;
  bool closed_ L2P_GUARDED_BY(mutex_) = false;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_ORDERED_STAGE_H_
