#include "l2p/mutex.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace l2p {
namespace {

TEST(Mutex, KeepsThreadsApart) {
  Mutex mutex("counter");
  int counter = 0;
  auto count = [&] {
    for (int i = 0; i < 10000; ++i) {
      MutexLock lock(mutex);
      ++counter;
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(counter, 20000);
}

TEST(Mutex, WaitingIsFineWhenNoneIsHeld) {
  Mutex mutex("released");
  { MutexLock lock(mutex); }
  AssertNoMutexHeld("Event::Wait");
}

TEST(Mutex, MayBeReleasedInAnyOrder) {
  Mutex a("a");
  Mutex b("b");
  a.Lock();
  b.Lock();
  a.Unlock();
  b.Unlock();
  AssertNoMutexHeld("Event::Wait");
}

#ifndef NDEBUG
TEST(MutexDeathTest, NamesTheOneHeldAcrossAWait) {
  Mutex outer("peer book");
  Mutex inner("inner");
  MutexLock lock(outer);
  { MutexLock short_lock(inner); }
  EXPECT_DEATH(AssertNoMutexHeld("Event::Wait"),
               "Event::Wait: mutex \"peer book\" is held across a wait");
}

void LockTwice() {
  Mutex mutex("again");
  MutexLock first(mutex);
  auto second = std::make_unique<MutexLock>(mutex);
}

TEST(MutexDeathTest, LockingTwiceDiesInsteadOfHanging) {
  EXPECT_DEATH(LockTwice(), "mutex \"again\" is already held by this thread");
}

// What the analysis would find at once.
void UnlockFree() L2P_THREAD_ANNOTATION_(no_thread_safety_analysis) {
  Mutex mutex("free");
  mutex.Unlock();
}

TEST(MutexDeathTest, UnlockingWhatIsNotHeldDies) {
  EXPECT_DEATH(UnlockFree(), "mutex \"free\" is not held");
}
#endif

}  // namespace
}  // namespace l2p
