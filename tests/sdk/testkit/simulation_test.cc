#include "l2p/testkit/simulation.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "l2p/memory.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {
namespace {

// One node in a world of its own.
struct World {
  explicit World(uint64_t seed = 1) : sim(seed) {}
  Simulation sim;
  MemoryDisk disk;
  SimRuntime node{sim, disk, "a"};
};

TEST(Simulation, SleepTakesVirtualTimeOnly) {
  World world;
  const Time start = world.sim.Now();
  world.sim.Run([&] { world.sim.Sleep(absl::Hours(5)); });
  EXPECT_EQ(world.sim.Now() - start, absl::Hours(5));
}

TEST(Simulation, RunsTasksInTheOrderInWhichTheyBecameReady) {
  World world;
  std::string order;
  world.sim.Run([&] {
    for (char c : std::string("abc")) {
      ASSERT_TRUE(world.node.tasks().Start("letter", [&order, c] { order += c; }).ok());
    }
    order += '1';
    world.sim.Sleep(absl::Milliseconds(1));
    order += '2';
  });
  EXPECT_EQ(order, "1abc2");
}

TEST(Simulation, FiresTimersByTimeAndThenByAge) {
  World world;
  std::string order;
  const Time now = world.sim.Now();
  const std::vector<std::pair<int, char>> timers = {{3, 'd'}, {1, 'a'}, {2, 'b'}, {2, 'c'}};
  for (auto [seconds, letter] : timers) {
    world.sim.At(now + absl::Seconds(seconds), [&order, letter = letter] { order += letter; });
  }
  world.sim.RunFor(absl::Seconds(10));
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(world.sim.Now(), now + absl::Seconds(10));
}

TEST(Simulation, ListsTheTasksThatStillRunWhenMainReturns) {
  World world;
  const std::unique_ptr<Event> never = world.sim.NewEvent();
  const auto left = world.sim.Run([&] {
    ASSERT_TRUE(
        world.node.tasks().Start("stuck", [&] { never->Wait(absl::InfiniteFuture()); }).ok());
    world.sim.Sleep(absl::Seconds(1));
  });
  EXPECT_EQ(left, std::vector<std::string>{"a: stuck"});
  never->Set();
  world.sim.RunFor(absl::Seconds(1));
  EXPECT_TRUE(world.sim.RunningTasks().empty());
}

TEST(SimulationDeathTest, ADeadlockNamesTheTasksThatWait) {
  EXPECT_DEATH(
      {
        World world;
        const std::unique_ptr<Event> never = world.sim.NewEvent();
        world.sim.Run([&] { never->Wait(absl::InfiniteFuture()); });
      },
      "nothing can run any more.*\n.*world: main \\(waits\\)");
}

TEST(SimulationDeathTest, AMutexHeldInAWaitIsNamed) {
  EXPECT_DEATH(
      {
        World world;
        Mutex mutex("peer book");
        world.sim.Run([&] {
          MutexLock lock(mutex);
          world.sim.Sleep(absl::Seconds(1));
        });
      },
      "Event::Wait: mutex \"peer book\" is held across a wait");
}

TEST(SimEvent, WaitReturnsFalseAtItsDeadline) {
  World world;
  world.sim.Run([&] {
    const std::unique_ptr<Event> event = world.node.NewEvent();
    const Time deadline = world.sim.Now() + absl::Seconds(3);
    EXPECT_FALSE(event->Wait(deadline));
    EXPECT_EQ(world.sim.Now(), deadline);
    EXPECT_FALSE(event->Wait(absl::InfinitePast()));
  });
}

TEST(SimEvent, SetWakesEveryWaiterAndStaysSetUntilReset) {
  World world;
  int woken = 0;
  world.sim.Run([&] {
    const std::unique_ptr<Event> event = world.node.NewEvent();
    {
      TaskGroup group(world.node.tasks(), world.node.NewEvent());
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(
            group.Start("waiter", [&] { woken += event->Wait(absl::InfiniteFuture()); }).ok());
      }
      world.sim.Sleep(absl::Seconds(1));
      EXPECT_EQ(woken, 0);
      event->Set();
    }
    EXPECT_EQ(woken, 3);
    EXPECT_TRUE(event->Wait(absl::InfinitePast()));
    event->Reset();
    EXPECT_FALSE(event->Wait(absl::InfinitePast()));
  });
}

TEST(SimEvent, AwaitSeesWhatAnotherTaskMadeReady) {
  World world;
  world.sim.Run([&] {
    Mutex mutex("ready");
    bool ready = false;
    const std::unique_ptr<Event> event = world.node.NewEvent();
    const auto timer = world.node.tasks().After("make ready", absl::Seconds(2), [&] {
      MutexLock lock(mutex);
      ready = true;
      event->Set();
    });
    auto is_ready = [&] { return ready; };
    EXPECT_FALSE(Await(mutex, *event, world.sim.Now() + absl::Seconds(1), is_ready));
    EXPECT_TRUE(Await(mutex, *event, absl::InfiniteFuture(), is_ready));
  });
}

TEST(SimEvent, ALoopThatPollsLetsOthersRun) {
  World world;
  bool done = false;
  world.sim.Run([&] {
    ASSERT_TRUE(world.node.tasks().Start("other", [&] { done = true; }).ok());
    const std::unique_ptr<Event> event = world.node.NewEvent();
    while (!done) event->Wait(world.sim.Now());
  });
  EXPECT_TRUE(done);
}

TEST(SimEvent, WaitingOutsideAnyTaskRunsTheWorld) {
  World world;
  const std::unique_ptr<Event> event = world.node.NewEvent();
  const auto timer = world.node.tasks().After("set", absl::Seconds(1), [&] { event->Set(); });
  EXPECT_TRUE(event->Wait(absl::InfiniteFuture()));
}

TEST(SimTasks, StartRefusesBeyondTheCap) {
  Simulation sim(1);
  MemoryDisk disk;
  SimRuntime node(sim, disk, "a", {.max_tasks = 2});
  sim.Run([&] {
    EXPECT_TRUE(node.tasks().Start("one", [] {}).ok());
    EXPECT_TRUE(node.tasks().Start("two", [] {}).ok());
    EXPECT_TRUE(absl::IsResourceExhausted(node.tasks().Start("three", [] {})));
    sim.Sleep(absl::Seconds(1));
    EXPECT_TRUE(node.tasks().Start("three", [] {}).ok());
  });
}

TEST(SimTasks, EveryLeavesOutARunWhileTheLastOneGoesOn) {
  World world;
  int runs = 0;
  world.sim.Run([&] {
    const auto job = world.node.tasks().Every("slow", absl::Seconds(1), [&] {
      ++runs;
      world.sim.Sleep(absl::Milliseconds(2500));
    });
    world.sim.Sleep(absl::Milliseconds(9100));  // Due at 1..9; runs at 1, 4 and 7.
  });
  EXPECT_EQ(runs, 3);
}

TEST(SimTasks, ATimerThatIsDestroyedBeforeNeverRuns) {
  World world;
  bool ran = false;
  world.sim.Run([&] {
    auto timer = world.node.tasks().After("never", absl::Seconds(1), [&] { ran = true; });
    timer.reset();
    world.sim.Sleep(absl::Seconds(2));
  });
  EXPECT_FALSE(ran);
}

TEST(SimTasks, DestroyingARegistrationWaitsForTheRunThatGoesOn) {
  World world;
  bool ended = false;
  world.sim.Run([&] {
    auto timer = world.node.tasks().After("slow", absl::Seconds(1), [&] {
      world.sim.Sleep(absl::Seconds(5));
      ended = true;
    });
    world.sim.Sleep(absl::Seconds(2));
    timer.reset();
    EXPECT_TRUE(ended);
  });
}

TEST(SimTasks, ARunMayDestroyItsOwnRegistration) {
  World world;
  int runs = 0;
  world.sim.Run([&] {
    std::unique_ptr<Registration> job;
    job = world.node.tasks().Every("once", absl::Seconds(1), [&] {
      ++runs;
      job.reset();
    });
    world.sim.Sleep(absl::Seconds(5));
  });
  EXPECT_EQ(runs, 1);
}

TEST(SimTasks, ParallelCallsEachIndexOnce) {
  World world;
  std::vector<int> calls(100);
  world.node.tasks().Parallel(calls.size(), [&](size_t i) { ++calls[i]; });
  EXPECT_EQ(calls, std::vector<int>(100, 1));
}

TEST(SimTasks, ManyFibersOneAfterAnotherReuseTheirStacks) {
  World world;
  int ran = 0;
  world.sim.Run([&] {
    for (int i = 0; i < 50000; ++i) {
      TaskGroup group(world.node.tasks(), world.node.NewEvent());
      ASSERT_TRUE(group.Start("count", [&] { ++ran; }).ok());
    }
  });
  EXPECT_EQ(ran, 50000);
}

TEST(SimRuntime, AKilledNodeNeverRunsAgain) {
  World world;
  SimRuntime other(world.sim, world.disk, "b");
  int ticks = 0;
  int other_ticks = 0;
  bool resumed = false;
  const auto tick = world.node.tasks().Every("tick", absl::Seconds(1), [&] { ++ticks; });
  const auto other_tick = other.tasks().Every("tick", absl::Seconds(1), [&] { ++other_ticks; });
  ASSERT_TRUE(world.node.tasks()
                  .Start("sleeper",
                         [&] {
                           world.sim.Sleep(absl::Seconds(3));
                           resumed = true;
                         })
                  .ok());
  world.sim.RunFor(absl::Milliseconds(2500));
  world.node.Kill();
  world.sim.RunFor(absl::Seconds(10));
  EXPECT_EQ(ticks, 2);
  EXPECT_EQ(other_ticks, 12);
  EXPECT_FALSE(resumed);
  EXPECT_TRUE(absl::IsAborted(world.node.tasks().Start("late", [] {})));
}

TEST(SimRuntime, ATaskThatKillsItsOwnNodeGoesNoFurther) {
  World world;
  bool went_on = false;
  ASSERT_TRUE(world.node.tasks()
                  .Start("suicide",
                         [&] {
                           world.node.Kill();
                           went_on = true;
                         })
                  .ok());
  world.sim.RunFor(absl::Seconds(1));
  EXPECT_TRUE(world.node.killed());
  EXPECT_FALSE(went_on);
}

TEST(SimRuntime, AFrozenNodeIsHeldBackUntilItThaws) {
  World world;
  std::vector<int> seconds;
  const Time start = world.sim.Now();
  auto note = [&] {
    seconds.push_back(static_cast<int>(absl::ToInt64Seconds(world.sim.Now() - start)));
  };
  const auto timer = world.node.tasks().After("timer", absl::Seconds(2), note);
  ASSERT_TRUE(world.node.tasks()
                  .Start("sleeper",
                         [&] {
                           world.sim.Sleep(absl::Seconds(3));
                           note();
                         })
                  .ok());
  world.sim.RunFor(absl::Seconds(1));
  world.node.Freeze();
  world.sim.RunFor(absl::Seconds(9));
  EXPECT_TRUE(seconds.empty());
  world.node.Thaw();
  world.sim.RunFor(absl::Seconds(1));
  EXPECT_EQ(seconds, (std::vector<int>{10, 10}));
}

TEST(SimRuntime, AnswersTheAbilitiesThatWereSet) {
  World world;
  int ability = 0;
  EXPECT_EQ(world.node.Query("test.ability"), nullptr);
  world.node.SetAbility("test.ability", &ability);
  EXPECT_EQ(world.node.Query("test.ability"), &ability);
}

TEST(Memory, ServesWaitersInOrderOfArrival) {
  World world;
  std::string order;
  world.sim.Run([&] {
    Memory memory(world.node, 1 << 20);
    absl::StatusOr<Buffer> all = memory.TryTake(1 << 20);
    ASSERT_TRUE(all.ok());
    TaskGroup group(world.node.tasks(), world.node.NewEvent());
    auto take = [&](char name, size_t bytes) {
      ASSERT_TRUE(group
                      .Start("taker",
                             [&, name, bytes] {
                               auto buffer = memory.Take(bytes, absl::InfiniteFuture());
                               order += name;
                               world.sim.Sleep(absl::Seconds(1));
                             })
                      .ok());
      world.sim.Sleep(absl::Milliseconds(1));
    };
    take('a', 1 << 20);
    take('b', 1 << 10);
    take('c', 1 << 20);
    take('d', 1 << 10);
    EXPECT_TRUE(absl::IsDeadlineExceeded(memory.TryTake(1).status()));
    *all = Buffer();
    group.Join();
    EXPECT_EQ(memory.used(), 0u);
  });
  EXPECT_EQ(order, "abcd");
}

TEST(Memory, AWaiterThatGivesUpLetsTheNextOneIn) {
  World world;
  world.sim.Run([&] {
    Memory memory(world.node, 1 << 20);
    absl::StatusOr<Buffer> half = memory.TryTake(1 << 19);
    bool got = false;
    TaskGroup group(world.node.tasks(), world.node.NewEvent());
    ASSERT_TRUE(group
                    .Start("large",
                           [&] {
                             const Time deadline = world.sim.Now() + absl::Seconds(2);
                             const auto taken = memory.Take(1 << 20, deadline);
                             EXPECT_TRUE(absl::IsDeadlineExceeded(taken.status()));
                           })
                    .ok());
    ASSERT_TRUE(
        group.Start("small", [&] { got = memory.Take(1 << 10, absl::InfiniteFuture()).ok(); })
            .ok());
    world.sim.Sleep(absl::Seconds(1));
    EXPECT_FALSE(got);
    world.sim.Sleep(absl::Seconds(2));
    EXPECT_TRUE(got);
  });
}

TEST(Memory, ReusesAFreedBufferAndGivesItUpWhenAnotherSizeNeedsTheBudget) {
  World world;
  Memory memory(world.node, 1 << 20);
  absl::StatusOr<Buffer> first = memory.TryTake(1 << 20);
  const uint8_t* place = first->data();
  *first = Buffer();
  absl::StatusOr<Buffer> again = memory.TryTake(1 << 20);
  EXPECT_EQ(again->data(), place);
  *again = Buffer();
  EXPECT_TRUE(memory.TryTake(1 << 19).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(memory.TryTake((1 << 20) + 1).status()));
}

TEST(Memory, BuffersMayOutliveIt) {
  World world;
  Bytes bytes;
  {
    Memory memory(world.node, 1 << 20);
    absl::StatusOr<Buffer> buffer = memory.TryTake(1 << 19);
    buffer->data()[0] = 7;
    bytes = std::move(*buffer).Freeze();
  }
  EXPECT_EQ(bytes.data()[0], 7);
}

}  // namespace
}  // namespace l2p::testkit
