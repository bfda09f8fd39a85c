// How a conformance case says what is wrong: by returning a Status with a precise message.
#ifndef L2P_TESTKIT_SRC_EXPECT_H_
#define L2P_TESTKIT_SRC_EXPECT_H_

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// Returns an error made of the further arguments (as StrCat) unless `condition` holds.
#define L2P_EXPECT(condition, ...)                                           \
  do {                                                                       \
    if (!(condition)) return absl::InternalError(absl::StrCat(__VA_ARGS__)); \
  } while (false)

inline std::string Shown(const absl::Status& status) { return status.ToString(); }

// OK if `status` has `code`; `what` names the call.
inline absl::Status ExpectCode(const absl::Status& status, absl::StatusCode code,
                               std::string_view what) {
  if (status.code() == code) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(av(what), ": wanted ", absl::StatusCodeToString(code),
                                          ", found ", Shown(status)));
}

// `check` as a case that makes an instance in a World of its own and runs as a task there.
template <typename Kind>
ConformanceCase CaseOf(std::string name, const Factory<Kind>& factory, const WorldFactory& world,
                       std::function<absl::Status(Kind&)> check) {
  return {std::move(name), [factory, world, check]() -> absl::Status {
            const std::unique_ptr<World> place = world();
            return place->Run([&]() -> absl::Status {
              absl::StatusOr<std::unique_ptr<Kind>> instance = factory(place->host(0));
              if (!instance.ok()) return WithContext(instance.status(), "make an instance");
              return check(**instance);
            });
          }};
}

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_EXPECT_H_
