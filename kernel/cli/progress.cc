#include "kernel/cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "kernel/cli/commands.h"

namespace l2p {
namespace {

constexpr absl::Duration kPlainInterval = absl::Seconds(2);

std::string Remaining(uint64_t done, uint64_t total, absl::Duration elapsed) {
  if (done == 0 || done >= total) return "";
  const double left = absl::ToDoubleSeconds(elapsed) * static_cast<double>(total - done) /
                      static_cast<double>(done);
  return absl::StrCat(", ", absl::FormatDuration(absl::Seconds(static_cast<int64_t>(left) + 1)),
                      " left");
}

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      terminal_(::isatty(STDERR_FILENO) == 1),
      started_(absl::Now()),
      next_(terminal_ ? started_ : started_ + kPlainInterval) {}

Progress::~Progress() {
  if (terminal_ && shown_) std::fputs("\r\033[K", stderr);
}

void Progress::Show(uint64_t done, std::optional<uint64_t> total, const std::string& detail) {
  const absl::Time now = absl::Now();
  if (now < next_) return;
  next_ = now + (terminal_ ? absl::Milliseconds(100) : kPlainInterval);
  shown_ = true;
  const absl::Duration elapsed = now - started_;
  const double rate = static_cast<double>(done) / std::max(0.001, absl::ToDoubleSeconds(elapsed));
  std::string line = absl::StrCat(what_, ": ", HumanBytes(static_cast<double>(done)));
  if (total && *total > 0) {
    absl::StrAppendFormat(
        &line, " of %s (%d %%)", HumanBytes(static_cast<double>(*total)),
        static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(*total)));
  }
  absl::StrAppend(&line, ", ", HumanBytes(rate), "/s");
  if (total) absl::StrAppend(&line, Remaining(done, *total, elapsed));
  if (!detail.empty()) absl::StrAppend(&line, ", ", detail);
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

}  // namespace l2p
