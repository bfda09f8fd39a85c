#ifndef L2P_TESTKIT_TIMER_HEAP_H_
#define L2P_TESTKIT_TIMER_HEAP_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "l2p/event.h"

namespace l2p::testkit {

struct NodeFate;

// A Timer calls `fire` once at `when`, while its heap holds it. It knows its place in the heap, so
// that taking one out (most deadlines are met) costs O(log n) and leaves nothing behind.
struct Timer {
  static constexpr size_t kNowhere = ~size_t{0};
  static constexpr size_t kHeldBack = kNowhere - 1;  // In NodeFate::held_timers of a frozen node.

  std::function<void()> fire;
  NodeFate* fate = nullptr;    // The node it belongs to; nullptr: the world's.
  bool owned_by_heap = false;  // Deleted after it fired.
  Time when;
  uint64_t sequence = 0;
  size_t place = kNowhere;
};

// A heap of timers, the first by (when, sequence) on top. Four children each, and the order beside
// the pointers: with a hundred thousand timers nearly all of its time goes into missed caches.
class TimerHeap {
 public:
  bool empty() const { return heap_.empty(); }
  Timer& first() const { return *heap_.front().timer; }

  void Add(Timer& timer) {
    heap_.push_back({timer.when, timer.sequence, &timer});
    Rise(heap_.size() - 1, heap_.back());
  }

  void Remove(Timer& timer) {
    const size_t place = std::exchange(timer.place, Timer::kNowhere);
    const Entry last = heap_.back();
    heap_.pop_back();
    if (last.timer == &timer) return;
    if (place > 0 && last < heap_[(place - 1) / kChildren]) {
      Rise(place, last);
    } else {
      Sink(place, last);
    }
  }

 private:
  static constexpr size_t kChildren = 4;

  struct Entry {
    Time when;
    uint64_t sequence;
    Timer* timer;

    bool operator<(const Entry& other) const {
      return when != other.when ? when < other.when : sequence < other.sequence;
    }
  };

  void Set(size_t place, const Entry& entry) {
    heap_[place] = entry;
    entry.timer->place = place;
  }

  void Rise(size_t place, const Entry entry) {
    while (place > 0 && entry < heap_[(place - 1) / kChildren]) {
      Set(place, heap_[(place - 1) / kChildren]);
      place = (place - 1) / kChildren;
    }
    Set(place, entry);
  }

  void Sink(size_t place, const Entry entry) {
    for (size_t child = kChildren * place + 1; child < heap_.size();
         child = kChildren * place + 1) {
      const auto begin = heap_.begin() + static_cast<ptrdiff_t>(child);
      const auto end = begin + static_cast<ptrdiff_t>(std::min(kChildren, heap_.size() - child));
      const auto least = std::min_element(begin, end);
      if (entry < *least) break;
      Set(place, *least);
      place = static_cast<size_t>(least - heap_.begin());
    }
    Set(place, entry);
  }

  std::vector<Entry> heap_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_TIMER_HEAP_H_
