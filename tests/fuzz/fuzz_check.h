// Stops the fuzzer, with the place, when something that always holds does not.
#ifndef L2P_TESTS_FUZZ_FUZZ_CHECK_H_
#define L2P_TESTS_FUZZ_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define L2P_FUZZ_CHECK(condition)                                                    \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                  \
    }                                                                                \
  } while (false)

#endif  // L2P_TESTS_FUZZ_FUZZ_CHECK_H_
