// The only lock of l2p: a std::mutex that clang's thread-safety analysis and TSan both understand.
//
// A Mutex guards memory. It is never held over a wait, I/O, a Host call or a call into another
// interface (but Event::Set and Reset, which only touch memory): in builds with asserts Event::Wait
// aborts, naming the Mutex, if the caller holds one.
#ifndef L2P_MUTEX_H_
#define L2P_MUTEX_H_

#include <mutex>

#include "l2p/api.h"

#if defined(__clang__)
#define L2P_THREAD_ANNOTATION_(x) __attribute__((x))
#else
#define L2P_THREAD_ANNOTATION_(x)
#endif

#define L2P_GUARDED_BY(mutex) L2P_THREAD_ANNOTATION_(guarded_by(mutex))
#define L2P_REQUIRES(...) L2P_THREAD_ANNOTATION_(requires_capability(__VA_ARGS__))
#define L2P_EXCLUDES(...) L2P_THREAD_ANNOTATION_(locks_excluded(__VA_ARGS__))

namespace l2p {

class L2P_SDK_API L2P_THREAD_ANNOTATION_(capability("mutex")) Mutex {
 public:
  // `name` (a literal) is what an abort prints.
  explicit Mutex(const char* name) : name_(name) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() L2P_THREAD_ANNOTATION_(acquire_capability());
  void Unlock() L2P_THREAD_ANNOTATION_(release_capability());

 private:
  std::mutex mutex_;
  const char* name_;
};

class L2P_THREAD_ANNOTATION_(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) L2P_THREAD_ANNOTATION_(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() L2P_THREAD_ANNOTATION_(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Aborts, naming the Mutex and `where`, if the calling thread holds one. Every implementation of
// Event::Wait calls it first. Does nothing in builds without asserts.
L2P_SDK_API void AssertNoMutexHeld(const char* where);

}  // namespace l2p

#endif  // L2P_MUTEX_H_
