#include "kernel/runtime/worker_tasks.h"

#include <signal.h>

#include <atomic>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace l2p {
namespace {

constexpr Duration kLong = absl::Seconds(30);

// Lets threads meet.
class Gate {
 public:
  explicit Gate(const Clock& clock) : clock_(clock), event_(NewThreadEvent(clock)) {}
  void Open() { event_->Set(); }
  bool Wait() { return event_->Wait(clock_.Now() + kLong); }

 private:
  const Clock& clock_;
  std::unique_ptr<Event> event_;
};

TEST(ThreadEvent, WaitReturnsAtOnceWhenSetAndFalseAtItsDeadline) {
  const Clock clock;
  const auto event = NewThreadEvent(clock);
  EXPECT_FALSE(event->Wait(absl::InfinitePast()));
  const Time deadline = clock.Now() + absl::Milliseconds(20);
  EXPECT_FALSE(event->Wait(deadline));
  EXPECT_GE(clock.Now(), deadline);
  event->Set();
  EXPECT_TRUE(event->Wait(absl::InfinitePast()));
  EXPECT_TRUE(event->Wait(absl::InfiniteFuture()));
  event->Reset();
  EXPECT_FALSE(event->Wait(clock.Now()));
}

TEST(ThreadEvent, TakesADeadlineInTheFarFuture) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  const auto event = NewThreadEvent(clock);
  ASSERT_TRUE(tasks.Start("set", [&] { event->Set(); }).ok());
  EXPECT_TRUE(event->Wait(clock.Now() + absl::Hours(1e9)));
}

TEST(ThreadEvent, SeveralTasksMayAwaitOnePair) {
  const Clock clock;
  WorkerTasks tasks(clock, 16);
  Mutex mutex("count");
  const auto event = NewThreadEvent(clock);
  int count = 0;
  std::atomic<int> woken = 0;
  {
    TaskGroup group(tasks, NewThreadEvent(clock));
    for (int wanted = 1; wanted <= 8; ++wanted) {
      ASSERT_TRUE(group
                      .Start("await",
                             [&, wanted] {
                               woken += Await(mutex, *event, clock.Now() + kLong,
                                              [&] { return count >= wanted; });
                             })
                      .ok());
    }
    for (int i = 0; i < 8; ++i) {
      MutexLock lock(mutex);
      ++count;
      event->Set();
    }
  }
  EXPECT_EQ(woken, 8);
}

#ifndef NDEBUG
TEST(ThreadEventDeathTest, WaitAbortsWhileTheThreadHoldsAMutex) {
  const Clock clock;
  const auto event = NewThreadEvent(clock);
  Mutex mutex("the lock of this test");
  EXPECT_DEATH(
      {
        MutexLock lock(mutex);
        event->Wait(absl::InfinitePast());
      },
      "the lock of this test");
}
#endif

TEST(WorkerTasks, RefusesTheTaskPastTheCapAndTakesItWhenOneHasEnded) {
  const Clock clock;
  WorkerTasks tasks(clock, 2);
  Gate go(clock);
  std::atomic<int> ended = 0;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(tasks.Start("wait", [&] { go.Wait(), ++ended; }).ok());
  }
  const absl::Status refused = tasks.Start("third", [&] { ++ended; });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("node.tasks = 2"));
  go.Open();
  const Time deadline = clock.Now() + kLong;
  while (!tasks.Start("third", [&] { ++ended; }).ok()) ASSERT_LT(clock.Now(), deadline);
  while (ended < 3) ASSERT_LT(clock.Now(), deadline);
}

TEST(WorkerTasks, UsesAnIdleWorkerBeforeItStartsAThread) {
  const Clock clock;
  WorkerTasks tasks(clock, 100);
  const Time deadline = clock.Now() + kLong;
  for (int i = 0; i < 200; ++i) {
    Gate ran(clock);
    ASSERT_TRUE(tasks.Start("short", [&] { ran.Open(); }).ok());
    ASSERT_TRUE(ran.Wait());
    ASSERT_LT(clock.Now(), deadline);
  }
  EXPECT_LE(tasks.threads(), 20u);  // A worker may still be on its way back to the idle ones.
}

TEST(WorkerTasks, BlocksEverySignalInWorkers) {
  const Clock clock;
  WorkerTasks tasks(clock, 2);
  Gate ran(clock);
  sigset_t blocked;
  ASSERT_TRUE(tasks
                  .Start("signals",
                         [&] {
                           pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
                           ran.Open();
                         })
                  .ok());
  ASSERT_TRUE(ran.Wait());
  EXPECT_TRUE(sigismember(&blocked, SIGTERM));
  EXPECT_TRUE(sigismember(&blocked, SIGPIPE));
}

TEST(WorkerTasks, AGroupJoinsItsTasks) {
  const Clock clock;
  WorkerTasks tasks(clock, 64);
  std::atomic<int> ended = 0;
  {
    TaskGroup group(tasks, NewThreadEvent(clock));
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(group.Start("count", [&] { ++ended; }).ok());
    }
  }
  EXPECT_EQ(ended, 50);
}

TEST(WorkerTasks, AGroupJoinsWhatItsTasksHold) {
  const Clock clock;
  WorkerTasks tasks(clock, 64);
  std::atomic<int> let_go = 0;
  {
    TaskGroup group(tasks, NewThreadEvent(clock));
    for (int i = 0; i < 50; ++i) {
      const std::shared_ptr<void> held(nullptr, [&](void*) { ++let_go; });
      ASSERT_TRUE(group.Start("hold", [held] {}).ok());
    }
  }
  EXPECT_EQ(let_go, 50);
}

TEST(WorkerTasks, RunsATimerOnceNotBeforeItsTime) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  Gate ran(clock);
  const Time start = clock.Now();
  Time at;
  const auto timer = tasks.After("timer", absl::Milliseconds(20), [&] {
    at = clock.Now();
    ran.Open();
  });
  ASSERT_TRUE(ran.Wait());
  EXPECT_GE(at - start, absl::Milliseconds(20));
}

TEST(WorkerTasks, RunsTimersInOrderOfTheirTimes) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  Gate ran(clock);
  const auto late = tasks.After("late", absl::Hours(1), [] { FAIL(); });
  const auto soon = tasks.After("soon", absl::Milliseconds(1), [&] { ran.Open(); });
  EXPECT_TRUE(ran.Wait());
}

TEST(WorkerTasks, ADestroyedTimerNeverRunsAndFreesWhatItHeld) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  const auto held = std::make_shared<int>();
  auto timer = tasks.After("never", absl::Hours(1), [held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 2);
  timer.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(WorkerTasks, DestroyingATimerWaitsForItsRun) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  Gate started(clock), go(clock);
  std::atomic<bool> ended = false;
  auto timer = tasks.After("run", absl::ZeroDuration(), [&] {
    started.Open();
    go.Wait();
    ended = true;
  });
  ASSERT_TRUE(started.Wait());
  ASSERT_TRUE(tasks.Start("open", [&] { go.Open(); }).ok());
  timer.reset();
  EXPECT_TRUE(ended);
}

TEST(WorkerTasks, ATimerMayDestroyItself) {
  const Clock clock;
  WorkerTasks tasks(clock, 4);
  Gate armed(clock), ran(clock);
  std::unique_ptr<Registration> timer;
  timer = tasks.Every("itself", absl::Milliseconds(1), [&] {
    armed.Wait();
    timer.reset();
    ran.Open();
  });
  armed.Open();
  EXPECT_TRUE(ran.Wait());
}

TEST(WorkerTasks, RepeatsAJobAndNeverRunsItTwiceAtOnce) {
  const Clock clock;
  WorkerTasks tasks(clock, 8);
  Gate enough(clock);
  std::atomic<int> running = 0, runs = 0, overlaps = 0;
  const auto timer = tasks.Every("job", absl::Milliseconds(1), [&] {
    if (++running > 1) ++overlaps;
    NewThreadEvent(clock)->Wait(clock.Now() + absl::Milliseconds(3));
    --running;
    if (++runs == 5) enough.Open();
  });
  EXPECT_TRUE(enough.Wait());
  EXPECT_EQ(overlaps, 0);
}

TEST(WorkerTasks, ATimerThatFindsNoFreeWorkerRunsWhenThereIsOne) {
  const Clock clock;
  WorkerTasks tasks(clock, 1);
  Gate go(clock), fired(clock), ran(clock);
  ASSERT_TRUE(tasks.Start("busy", [&] { go.Wait(); }).ok());
  const auto timer = tasks.After("timer", absl::ZeroDuration(), [&] { ran.Open(); });
  NewThreadEvent(clock)->Wait(clock.Now() + absl::Milliseconds(15));
  go.Open();
  EXPECT_TRUE(ran.Wait());
}

TEST(WorkerTasks, ParallelCallsEachIndexOnce) {
  const Clock clock;
  WorkerTasks tasks(clock, 8);
  for (const size_t count : {0, 1, 2, 7, 1000}) {
    std::vector<int> calls(count, 0);
    tasks.Parallel(count, [&](size_t i) { ++calls[i]; });
    EXPECT_THAT(calls, testing::Each(1));
  }
}

TEST(WorkerTasks, ParallelWorksAtTheCap) {
  const Clock clock;
  WorkerTasks tasks(clock, 1);
  Gate ran(clock);
  std::atomic<int> calls = 0;
  ASSERT_TRUE(tasks
                  .Start("only",
                         [&] {
                           tasks.Parallel(10, [&](size_t) { ++calls; });
                           ran.Open();
                         })
                  .ok());
  ASSERT_TRUE(ran.Wait());
  EXPECT_EQ(calls, 10);
}

}  // namespace
}  // namespace l2p
