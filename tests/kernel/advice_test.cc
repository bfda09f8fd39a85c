#include "kernel/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace l2p {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kGiB = uint64_t{1} << 30;
const Time kStarted = absl::FromUnixSeconds(1'700'000'000);
const Time kLater = kStarted + absl::Hours(1);

KernelNode::Status Well() {
  KernelNode::Status status;
  status.started = kStarted;
  status.store = {.blocks = 10, .bytes = kGiB, .disk_bytes = kGiB, .durable = true};
  status.quota_bytes = 10 * kGiB;
  status.disk_free = 50 * kGiB;
  status.disk_total = 100 * kGiB;
  status.joined = true;
  status.was_dialled = true;
  return status;
}

TEST(Advice, IsNoneWhenAllIsWell) { EXPECT_THAT(AdviceFor(Well(), kLater), IsEmpty()); }

TEST(Advice, SaysWhatToDoAboutEachThing) {
  const auto only = [](void (*spoil)(KernelNode::Status&), const char* text) {
    KernelNode::Status status = Well();
    spoil(status);
    EXPECT_THAT(AdviceFor(status, kLater), ElementsAre(HasSubstr(text)));
  };
  only([](auto& status) { status.joined = false; }, "check network.bootstrap");
  only([](auto& status) { status.store.disk_bytes = 9.8 * kGiB; }, "raise storage.quota");
  only([](auto& status) { status.disk_free = kGiB / 2; }, "512 MiB left: free some");
  only([](auto& status) { status.store.durable = false; }, "forgets everything");
  only([](auto& status) { status.lost_blocks = 3; }, "3 held blocks are lost here: check the disk");
  only([](auto& status) { status.degraded_groups = 4; }, "4 held groups have lost holders");
  only([](auto& status) { status.incomplete_groups = 5; }, "5 groups put here have fewer");
  only(
      [](auto& status) {
        status.move = StoreSlot::Move{"a", "b", {}, "full"};
      },
      "moving blocks to b fails: full");
  only(
      [](auto& status) {
        status.was_dialled = false;
        status.seen_at = "/ip4/203.0.113.5/tcp/1";
      },
      "which others see at /ip4/203.0.113.5/tcp/1: forward its port and set network.announce");
}

TEST(Advice, IsNotHastyAboutBeingReached) {
  KernelNode::Status status = Well();
  status.was_dialled = false;
  EXPECT_THAT(AdviceFor(status, kLater), IsEmpty()) << "a private swarm";
  status.seen_at = "/ip4/203.0.113.5/tcp/1";
  EXPECT_THAT(AdviceFor(status, kStarted + absl::Minutes(5)), IsEmpty());
  status.joined = false;
  EXPECT_THAT(AdviceFor(status, kLater), ElementsAre(HasSubstr("network.bootstrap")));
}

TEST(Advice, AMoveThatGoesOnNeedsNone) {
  KernelNode::Status status = Well();
  status.move = StoreSlot::Move{"a", "b", {.blocks = 10, .copied = 3}, ""};
  EXPECT_THAT(AdviceFor(status, kLater), IsEmpty());
}

}  // namespace
}  // namespace l2p
