// The text format:
//   # HELP l2p_<name> <help>
//   # TYPE l2p_<name> counter|gauge
//   l2p_<name>[{<label>="<value>",...}] <number>
#include "kernel/metrics.h"

#include <atomic>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "l2p/status.h"

namespace l2p {
namespace {

constexpr size_t kMaxPerInstance = 200;

std::string ValidName(std::string_view name) {
  std::string valid = "l2p_";
  for (const char c : name) valid += std::isalnum(static_cast<uint8_t>(c)) ? c : '_';
  return valid;
}

std::string Escape(std::string_view text) {
  return absl::StrReplaceAll(av(text), {{"\\", "\\\\"}, {"\n", "\\n"}, {"\"", "\\\""}});
}

}  // namespace

class MetricsRegistry::Series : public Metric {
 public:
  void Add(int64_t amount) override { value_.fetch_add(amount, std::memory_order_relaxed); }
  void Set(int64_t value) override { value_.store(value, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_ = 0;
};

class MetricsRegistry::Labelled : public Metrics {
 public:
  Labelled(MetricsRegistry& registry, std::string labels)
      : registry_(registry), labels_(std::move(labels)) {}

  Metric& Counter(std::string_view name, std::string_view help) override {
    return registry_.Find(true, name, help, *this);
  }
  Metric& Gauge(std::string_view name, std::string_view help) override {
    return registry_.Find(false, name, help, *this);
  }

 private:
  friend class MetricsRegistry;
  MetricsRegistry& registry_;
  const std::string labels_;
  size_t count_ = 0;  // Guarded by the registry's mutex.
  Series overflow_;   // What a metric past the cap writes to; never shown.
};

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

Metrics& MetricsRegistry::kernel() { return WithLabels(""); }

Metrics& MetricsRegistry::ForPlugin(std::string_view kind, std::string_view name) {
  return WithLabels(absl::StrCat("{kind=\"", Escape(kind), "\",plugin=\"", Escape(name), "\"}"));
}

Metrics& MetricsRegistry::WithLabels(std::string labels) {
  MutexLock lock(mutex_);
  std::unique_ptr<Labelled>& slot = labelled_[labels];
  if (!slot) slot = std::make_unique<Labelled>(*this, std::move(labels));
  return *slot;
}

Metric& MetricsRegistry::Find(bool counter, std::string_view name, std::string_view help,
                              Labelled& owner) {
  const std::string full = ValidName(name);
  MutexLock lock(mutex_);
  const auto found = families_.find(full);
  if (found != families_.end() && found->second.series.contains(owner.labels_)) {
    return *found->second.series[owner.labels_];
  }
  if (owner.count_ == kMaxPerInstance) return owner.overflow_;
  ++owner.count_;
  Family& family = families_[full];
  if (family.series.empty()) {
    family.counter = counter;
    family.help = Escape(help);
  }
  return *(family.series[owner.labels_] = std::make_unique<Series>());
}

int64_t MetricsRegistry::Sum(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto family = families_.find(ValidName(name));
  if (family == families_.end()) return 0;
  int64_t sum = 0;
  for (const auto& [labels, series] : family->second.series) sum += series->value();
  return sum;
}

std::string MetricsRegistry::Render() const {
  MutexLock lock(mutex_);
  std::string text;
  for (const auto& [name, family] : families_) {
    absl::StrAppend(&text, "# HELP ", name, " ", family.help, "\n# TYPE ", name,
                    family.counter ? " counter\n" : " gauge\n");
    for (const auto& [labels, series] : family.series) {
      absl::StrAppend(&text, name, labels, " ", series->value(), "\n");
    }
  }
  return text;
}

}  // namespace l2p
