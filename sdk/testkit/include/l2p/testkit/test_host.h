#ifndef L2P_TESTKIT_TEST_HOST_H_
#define L2P_TESTKIT_TEST_HOST_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "l2p/host.h"

namespace l2p::testkit {

// The Metrics of a TestHost, to be looked at. [any thread]
class TestMetrics : public Metrics {
 public:
  Metric& Counter(std::string_view name, std::string_view help) override;
  Metric& Gauge(std::string_view name, std::string_view help) override;

  // 0 when there is no such metric.
  int64_t Value(std::string_view name);

 private:
  class Number : public Metric {
   public:
    void Add(int64_t amount) override { value_ += amount; }
    void Set(int64_t value) override { value_ = value; }
    int64_t value() const { return value_; }

   private:
    std::atomic<int64_t> value_ = 0;
  };

  Mutex mutex_{"TestMetrics"};
  std::map<std::string, Number, std::less<>> numbers_ L2P_GUARDED_BY(mutex_);
};

// A TestHost is the Host of one plugin instance that has a Runtime but no kernel. [any thread]
class TestHost : public Host {
 public:
  struct Options {
    std::string name = "plugin";  // Of the folder, of the state and of the source of log lines.
    size_t memory_bytes = size_t{64} << 20;
    // Lent, and outlive the Host. Without them, asking for one aborts and says so.
    const Crypto* crypto = nullptr;
    const Identity* identity = nullptr;
  };

  // `runtime` is lent and outlives this.
  explicit TestHost(Runtime& runtime);
  TestHost(Runtime& runtime, Options options);
  ~TestHost() override;

  Time Now() override { return runtime_.Now(); }
  std::unique_ptr<Event> NewEvent() override { return runtime_.NewEvent(); }
  Tasks& tasks() override { return runtime_.tasks(); }
  void Random(MutableByteView out) override { runtime_.Random(out); }
  void Log(Severity severity, std::string_view text) override;
  Memory& memory() override { return memory_; }
  absl::StatusOr<Folder*> folder() override;
  absl::StatusOr<State*> state() override { return runtime_.OpenState(options_.name); }
  TestMetrics& metrics() override { return metrics_; }
  const Identity& identity() override;
  const Crypto& crypto() override;
  void* Query(std::string_view ability) override { return runtime_.Query(ability); }

 private:
  Runtime& runtime_;
  const Options options_;
  Memory memory_;
  TestMetrics metrics_;
  Mutex mutex_{"TestHost"};
  std::unique_ptr<Folder> folder_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_TEST_HOST_H_
