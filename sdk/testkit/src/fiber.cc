// With it, longjmp takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE

#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define L2P_FIBER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define L2P_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define L2P_FIBER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define L2P_FIBER_TSAN 1
#endif
#endif

#if defined(L2P_FIBER_ASAN)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#elif defined(L2P_FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace l2p::testkit {
namespace {

char* MapOrDie(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("l2p simulation: map the stack of a fiber");
    std::abort();
  }
  return static_cast<char*>(memory);
}

}  // namespace

Fiber::Fiber(size_t stack_bytes, bool guard_page, Body body, void* argument)
    : body_(body), argument_(argument) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t guard_bytes = guard_page ? page : 0;
  stack_bytes_ = (stack_bytes + page - 1) / page * page;
  mapped_bytes_ = stack_bytes_ + guard_bytes;
  mapped_ = MapOrDie(mapped_bytes_);
  stack_ = mapped_ + guard_bytes;
  if (guard_page && mprotect(mapped_, guard_bytes, PROT_NONE) != 0) {
    std::perror("l2p simulation: protect the stack of a fiber");
    std::abort();
  }
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_;
  inside_.uc_stack.ss_size = stack_bytes_;
  inside_.uc_link = nullptr;
  // makecontext passes ints only.
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::Main), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
#if defined(L2P_FIBER_TSAN)
  inside_shadow_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(L2P_FIBER_ASAN)
  if (abandoned_) return;  // Stays mapped: LeakSanitizer searches it.
#elif defined(L2P_FIBER_TSAN)
  __tsan_destroy_fiber(inside_shadow_);
#endif
  munmap(mapped_, mapped_bytes_);
}

void Fiber::Main(unsigned high, unsigned low) {
  auto* fiber = reinterpret_cast<Fiber*>(static_cast<uintptr_t>(high) << 32 | low);
#if defined(L2P_FIBER_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &fiber->outside_bottom_, &fiber->outside_bytes_);
#endif
  for (;;) {
    fiber->body_(fiber->argument_);
    fiber->Leave();
  }
}

#if defined(L2P_FIBER_ASAN) || defined(L2P_FIBER_TSAN)
void Fiber::SwitchIn() { swapcontext(&outside_, &inside_); }
void Fiber::SwitchOut() { swapcontext(&inside_, &outside_); }
#else
// A context carries the mask of signals, which costs two calls of the system for each switch.
void Fiber::SwitchIn() {
  if (_setjmp(outside_jump_) != 0) return;
  if (has_begun_) _longjmp(inside_jump_, 1);
  has_begun_ = true;
  setcontext(&inside_);
}

void Fiber::SwitchOut() {
  if (_setjmp(inside_jump_) == 0) _longjmp(outside_jump_, 1);
}
#endif

void Fiber::Enter() {
#if defined(L2P_FIBER_ASAN)
  __sanitizer_start_switch_fiber(&outside_shadow_, stack_, stack_bytes_);
#elif defined(L2P_FIBER_TSAN)
  outside_shadow_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(inside_shadow_, 0);
#endif
  SwitchIn();
#if defined(L2P_FIBER_ASAN)
  __sanitizer_finish_switch_fiber(outside_shadow_, nullptr, nullptr);
#endif
}

void Fiber::Leave() {
#if defined(L2P_FIBER_ASAN)
  __sanitizer_start_switch_fiber(&inside_shadow_, outside_bottom_, outside_bytes_);
#elif defined(L2P_FIBER_TSAN)
  __tsan_switch_to_fiber(outside_shadow_, 0);
#endif
  SwitchOut();
#if defined(L2P_FIBER_ASAN)
  __sanitizer_finish_switch_fiber(inside_shadow_, &outside_bottom_, &outside_bytes_);
#endif
}

void Fiber::Abandon() {
  abandoned_ = true;
#if defined(L2P_FIBER_ASAN)
  __lsan_register_root_region(stack_, stack_bytes_);
#endif
}

}  // namespace l2p::testkit
