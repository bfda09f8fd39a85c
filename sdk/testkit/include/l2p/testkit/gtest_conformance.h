#ifndef L2P_TESTKIT_GTEST_CONFORMANCE_H_
#define L2P_TESTKIT_GTEST_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <ostream>

#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

inline void PrintTo(const ConformanceCase& conformance_case, std::ostream* out) {
  *out << conformance_case.name;
}

// Makes each case of `cases` (a std::vector<ConformanceCase>) a test of its own, called
// Contract/<Suite>.Holds/<name of the case>.
#define L2P_TEST_CONFORMANCE(Suite, cases)                                           \
  class Suite : public ::testing::TestWithParam<::l2p::testkit::ConformanceCase> {}; \
  TEST_P(Suite, Holds) {                                                             \
    const absl::Status status = GetParam().run();                                    \
    EXPECT_TRUE(status.ok()) << status;                                              \
  }                                                                                  \
  INSTANTIATE_TEST_SUITE_P(                                                          \
      Contract, Suite, ::testing::ValuesIn(cases),                                   \
      [](const ::testing::TestParamInfo<::l2p::testkit::ConformanceCase>& info) {    \
        return info.param.name;                                                      \
      })

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_GTEST_CONFORMANCE_H_
