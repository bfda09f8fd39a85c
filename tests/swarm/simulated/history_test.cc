// Random histories of whole nodes, and the promises that hold in all of them (history.h). One that
// fails prints its seed; ./dev simulate shows it again, event by event.
#include "tests/swarm/simulated/history.h"

#include <gmock/gmock.h>

#include <cstdio>

#include "tests/long_form.h"

namespace l2p {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr uint64_t kParts = 10;  // So that they run beside each other.

class Histories : public testing::TestWithParam<uint64_t> {};

// 50 of them, 1,000 in the long form.
TEST_P(Histories, KeepAllPromises) {
  const uint64_t count = IsLongForm() ? 100 : 5;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = 1 + GetParam() + kParts * i;
    EXPECT_THAT(RunHistory(HistoryOptions::Random(seed)).broken, IsEmpty())
        << "see it again: ./dev simulate --histories 1 --seed " << seed << " --tell";
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Histories, testing::Range<uint64_t>(0, kParts));

// Whoever judges histories must notice what is broken on purpose: a store that forgets to sync,
// nodes that repair nothing, and calls that wait for ever.
TEST(BrokenNodes, AreFoundOut) {
  HistoryOptions options;
  options.nodes = 9;
  options.seed = 9;
  options.length = absl::Hours(12);
  options.fault_every = absl::Minutes(10);
  options.put_every = absl::Minutes(10);
  EXPECT_THAT(RunHistory(options).broken, IsEmpty());
  for (const char* defect : {"storage.plugin=unsynced", "service.plugin=window"}) {
    options.defects = {defect};
    EXPECT_THAT(RunHistory(options).broken, Not(IsEmpty())) << defect;
  }
  options.defects = {};
  options.ignore_deadlines = true;
  options.fault_every = absl::Minutes(2);
  options.put_every = options.get_every = absl::Minutes(1);
  EXPECT_THAT(RunHistory(options).broken, Contains(HasSubstr("after its deadline")));
}

// Nodes live for thirty days in the mean. A day of that, thirty in the long form.
TEST(Months, LoseNothingAndMoveLittle) {
  HistoryOptions options;
  options.nodes = 60;
  options.seed = 1;
  options.length = absl::Hours(24) * (IsLongForm() ? 30 : 1);
  options.lifetime = absl::Hours(24 * 30);
  options.most_away = 6;
  options.liars = 1;
  options.redundancies = {"auto"};
  // As many leaves as elsewhere, but what each holder gets beside them (ids of all pieces) weighs as
  // little as with chunks of 1 MiB.
  options.largest = 1'200'000;
  options.chunker = "fixed:64KiB";
  options.kill = false;
  const HistoryReport report = RunHistory(options);
  EXPECT_THAT(report.broken, IsEmpty()) << "see it again: ./dev simulate --nodes 60 --seed 1";
  EXPECT_EQ(report.lost, 0u);
  EXPECT_TRUE(report.deaths > 0 || !IsLongForm());
  EXPECT_LE(report.moved_per_byte_and_year(), 80);
  std::printf("%zu deaths, %lld repairs, %.1f bytes moved per user byte and year (limit 80)\n",
              report.deaths, static_cast<long long>(report.repairs),
              report.moved_per_byte_and_year());
}

}  // namespace
}  // namespace l2p
