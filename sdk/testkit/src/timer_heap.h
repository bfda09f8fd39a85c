#ifndef L2P_TESTKIT_TIMER_HEAP_H_
#define L2P_TESTKIT_TIMER_HEAP_H_

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

// A binary heap of timers, the first by (when, sequence) on top.
class TimerHeap {
 public:
  bool empty() const { return heap_.empty(); }
  Timer& first() const { return *heap_.front(); }

  void Add(Timer& timer) {
    timer.place = heap_.size();
    heap_.push_back(&timer);
    Rise(timer.place);
  }

  void Remove(Timer& timer) {
    const size_t place = std::exchange(timer.place, Timer::kNowhere);
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    Set(place, last);
    Rise(place);
    Sink(last->place);
  }

 private:
  static bool Before(const Timer* a, const Timer* b) {
    return a->when != b->when ? a->when < b->when : a->sequence < b->sequence;
  }

  void Set(size_t place, Timer* timer) {
    heap_[place] = timer;
    timer->place = place;
  }

  void Swap(size_t a, size_t b) {
    Timer* timer = heap_[a];
    Set(a, heap_[b]);
    Set(b, timer);
  }

  void Rise(size_t place) {
    while (place > 0 && Before(heap_[place], heap_[(place - 1) / 2])) {
      Swap(place, (place - 1) / 2);
      place = (place - 1) / 2;
    }
  }

  void Sink(size_t place) {
    for (;;) {
      size_t least = place;
      for (size_t child = 2 * place + 1; child <= 2 * place + 2; ++child) {
        if (child < heap_.size() && Before(heap_[child], heap_[least])) least = child;
      }
      if (least == place) return;
      Swap(place, least);
      place = least;
    }
  }

  std::vector<Timer*> heap_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_TIMER_HEAP_H_
