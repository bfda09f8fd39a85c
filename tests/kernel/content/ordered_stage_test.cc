#include "kernel/content/ordered_stage.h"

#include <gmock/gmock.h>

#include <vector>

#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A stage that works on a value for as many seconds as the value says.
class Stage : public OrderedStage<int> {
 public:
  Stage(Runtime& runtime, size_t capacity)
      : OrderedStage([&runtime] { return runtime.NewEvent(); }, capacity,
                     [this, &runtime](int& seconds) {
                       worked_on.push_back(seconds);
                       runtime.NewEvent()->Wait(runtime.Now() + absl::Seconds(seconds));
                     }) {}

  std::vector<int> worked_on;
};

std::vector<int> PopAll(Stage& stage) {
  std::vector<int> values;
  while (const std::optional<int> value = stage.Pop(absl::InfiniteFuture())) {
    values.push_back(*value);
  }
  return values;
}

TEST(OrderedStage, GivesOnInOrderWhatEndsInAnother) {
  InWorld([](Runtime& runtime) {
    Stage stage(runtime, 5);
    TaskGroup tasks(runtime.tasks(), runtime.NewEvent());
    for (int seconds : {9, 1, 5, 2, 1}) ASSERT_TRUE(stage.Push(seconds));
    stage.End();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(tasks.Start("work", [&] { stage.Work(); }).ok());
    const Time begun = runtime.Now();
    EXPECT_THAT(PopAll(stage), ElementsAre(9, 1, 5, 2, 1));
    EXPECT_EQ(runtime.Now() - begun, absl::Seconds(9));
  });
}

TEST(OrderedStage, IsWorkedOnByWhoeverWaitsForIt) {
  InWorld([](Runtime& runtime) {
    Stage stage(runtime, 2);
    for (int seconds : {1, 2}) ASSERT_TRUE(stage.Push(seconds));
    stage.End();
    EXPECT_THAT(PopAll(stage), ElementsAre(1, 2));
  });
}

TEST(OrderedStage, HasRoomForSoManyAndNoMore) {
  InWorld([](Runtime& runtime) {
    Stage stage(runtime, 2);
    TaskGroup tasks(runtime.tasks(), runtime.NewEvent());
    int pushed = 0;
    ASSERT_TRUE(tasks
                    .Start("push",
                           [&] {
                             while (pushed < 4 && stage.Push(1)) ++pushed;
                             stage.End();
                           })
                    .ok());
    runtime.NewEvent()->Wait(runtime.Now() + absl::Seconds(1));
    EXPECT_EQ(pushed, 2);
    EXPECT_THAT(PopAll(stage), ElementsAre(1, 1, 1, 1));
  });
}

TEST(OrderedStage, StopsWaitingAtTheDeadlineAndGoesOnLater) {
  InWorld([](Runtime& runtime) {
    Stage stage(runtime, 1);
    TaskGroup tasks(runtime.tasks(), runtime.NewEvent());
    EXPECT_EQ(stage.Pop(runtime.Now() + absl::Seconds(1)), std::nullopt);
    ASSERT_TRUE(stage.Push(1));
    EXPECT_EQ(stage.Pop(runtime.Now() + absl::Seconds(2)), 1);
    stage.End();
    EXPECT_EQ(stage.Pop(absl::InfiniteFuture()), std::nullopt);
  });
}

TEST(OrderedStage, DropsWhatIsInsideWhenItIsClosed) {
  InWorld([](Runtime& runtime) {
    Stage stage(runtime, 1);
    TaskGroup tasks(runtime.tasks(), runtime.NewEvent());
    ASSERT_TRUE(stage.Push(1));
    bool refused = false;
    ASSERT_TRUE(tasks.Start("push", [&] { refused = !stage.Push(2); }).ok());
    stage.Close();
    stage.Work();
    EXPECT_EQ(stage.Pop(absl::InfiniteFuture()), std::nullopt);
    tasks.Join();
    EXPECT_TRUE(refused);
    EXPECT_THAT(stage.worked_on, IsEmpty());
  });
}

}  // namespace
}  // namespace l2p
