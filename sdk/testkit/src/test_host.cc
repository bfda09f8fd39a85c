#include "l2p/testkit/test_host.h"

#include <cstdio>
#include <cstdlib>

namespace l2p::testkit {
namespace {

[[noreturn]] void DieWithout(const char* what) {
  std::fprintf(stderr, "l2p testkit: the plugin asked its TestHost for %s: give one in Options\n",
               what);
  std::abort();
}

}  // namespace

Metric& TestMetrics::Counter(std::string_view name, std::string_view) {
  MutexLock lock(mutex_);
  return numbers_.try_emplace(std::string(name)).first->second;
}

Metric& TestMetrics::Gauge(std::string_view name, std::string_view help) {
  return Counter(name, help);
}

int64_t TestMetrics::Value(std::string_view name) {
  MutexLock lock(mutex_);
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? 0 : found->second.value();
}

TestHost::TestHost(Runtime& runtime) : TestHost(runtime, Options()) {}

TestHost::TestHost(Runtime& runtime, Options options)
    : runtime_(runtime), options_(std::move(options)), memory_(runtime, options_.memory_bytes) {}

TestHost::~TestHost() = default;

void TestHost::Log(Severity severity, std::string_view text) {
  runtime_.Log(severity, options_.name, text);
}

absl::StatusOr<Folder*> TestHost::folder() {
  {
    MutexLock lock(mutex_);
    if (folder_ != nullptr) return folder_.get();
  }
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Folder> opened, runtime_.folder().OpenFolder(options_.name));
  // The plugin may rely on its folder being there after a power cut.
  L2P_RETURN_IF_ERROR(runtime_.folder().Sync());
  MutexLock lock(mutex_);
  if (folder_ == nullptr) folder_ = std::move(opened);
  return folder_.get();
}

const Identity& TestHost::identity() {
  if (options_.identity == nullptr) DieWithout("its identity");
  return *options_.identity;
}

const Crypto& TestHost::crypto() {
  if (options_.crypto == nullptr) DieWithout("crypto");
  return *options_.crypto;
}

}  // namespace l2p::testkit
