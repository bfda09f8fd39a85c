#include "kernel/metrics.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace l2p {
namespace {

TEST(MetricsRegistry, RendersFamiliesWithTheirSeriesInOrder) {
  MetricsRegistry registry;
  registry.ForPlugin("storage", "pack").Counter("reads_total", "blocks read").Add(2);
  registry.ForPlugin("storage", "flat").Counter("reads_total", "blocks read").Add(1);
  registry.kernel().Gauge("peers", "peers\nconnected \"now\"").Set(-3);
  EXPECT_EQ(registry.Render(),
            "# HELP l2p_peers peers\\nconnected \\\"now\\\"\n"
            "# TYPE l2p_peers gauge\n"
            "l2p_peers -3\n"
            "# HELP l2p_reads_total blocks read\n"
            "# TYPE l2p_reads_total counter\n"
            "l2p_reads_total{kind=\"storage\",plugin=\"flat\"} 1\n"
            "l2p_reads_total{kind=\"storage\",plugin=\"pack\"} 2\n");
}

TEST(MetricsRegistry, TheSameNameAndLabelsAreTheSameMetric) {
  MetricsRegistry registry;
  Metric& first = registry.kernel().Counter("a_total", "");
  EXPECT_EQ(&registry.kernel().Counter("a_total", ""), &first);
  EXPECT_NE(&registry.ForPlugin("storage", "pack").Counter("a_total", ""), &first);
}

TEST(MetricsRegistry, OnePluginCannotMakeMoreThanItsCap) {
  MetricsRegistry registry;
  Metrics& metrics = registry.ForPlugin("service", "greedy");
  for (int i = 0; i < 1000; ++i) metrics.Gauge(absl::StrCat("g", i), "").Set(1);
  const std::string text = registry.Render();
  EXPECT_THAT(text, testing::HasSubstr("l2p_g199{"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("l2p_g200{")));
  registry.kernel().Gauge("own", "").Set(1);
  EXPECT_THAT(registry.Render(), testing::HasSubstr("l2p_own 1\n"));
}

TEST(MetricsRegistry, ReplacesCharactersThatANameMayNotHave) {
  MetricsRegistry registry;
  registry.kernel().Gauge("a b{c}\n", "").Set(1);
  EXPECT_THAT(registry.Render(), testing::HasSubstr("\nl2p_a_b_c__ 1\n"));
}

}  // namespace
}  // namespace l2p
