#ifndef L2P_TESTS_LONG_FORM_H_
#define L2P_TESTS_LONG_FORM_H_

#include <cstdlib>

namespace l2p {

// Whether ./dev test --long was asked for: more rounds, larger swarms.
inline bool IsLongForm() {
  const char* wanted = std::getenv("L2P_LONG");
  return wanted != nullptr && *wanted != '\0';
}

}  // namespace l2p

#endif  // L2P_TESTS_LONG_FORM_H_
