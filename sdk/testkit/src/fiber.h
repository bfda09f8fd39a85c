#ifndef L2P_TESTKIT_FIBER_H_
#define L2P_TESTKIT_FIBER_H_

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>

namespace l2p::testkit {

// A Fiber is a stack that calls `body(argument)` each time it is entered anew: when a call returns,
// the next Enter makes the next call, so one stack serves many tasks one after another.
class Fiber {
 public:
  using Body = void (*)(void* argument);

  Fiber(size_t stack_bytes, bool guard_page, Body body, void* argument);
  // REQUIRES: between two calls of `body`, or Abandon was called.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From outside: runs the fiber until it calls Leave or `body` returns.
  void Enter();

  // From inside: goes back to where Enter was called.
  void Leave();

  // Says that a call of `body` will never be finished: what its frames own is lost on purpose.
  void Abandon();

 private:
  static void Main(unsigned high, unsigned low);
  void SwitchIn();
  void SwitchOut();

  const Body body_;
  void* const argument_;
  size_t mapped_bytes_;
  char* mapped_;
  char* stack_;
  size_t stack_bytes_;
  bool abandoned_ = false;
  // Where to go on, of each side. Contexts begin a fiber; jumps switch, where they can.
  ucontext_t inside_;
  [[maybe_unused]] ucontext_t outside_;
  [[maybe_unused]] bool has_begun_ = false;
  [[maybe_unused]] jmp_buf inside_jump_;
  [[maybe_unused]] jmp_buf outside_jump_;

  // What the sanitizers know of the two stacks; unused in other builds.
  [[maybe_unused]] void* inside_shadow_ = nullptr;
  [[maybe_unused]] void* outside_shadow_ = nullptr;
  [[maybe_unused]] const void* outside_bottom_ = nullptr;
  [[maybe_unused]] size_t outside_bytes_ = 0;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_FIBER_H_
