#ifndef L2P_KERNEL_METRICS_H_
#define L2P_KERNEL_METRICS_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "l2p/metrics.h"
#include "l2p/mutex.h"

namespace l2p {

// The MetricsRegistry holds all numbers of one node, as /metrics shows them. [any thread]; Add and
// Set on a Metric are lock-free.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();

  // The kernel's own metrics, without labels.
  Metrics& kernel();

  // Those of the instance `name` of `kind`, labelled with both; the same for the same labels, so
  // that the numbers go on after a swap. Owned by the registry.
  Metrics& ForPlugin(std::string_view kind, std::string_view name);

  // Of the metric `name` of all instances together; 0 if there is none.
  int64_t Sum(std::string_view name) const;

  // Everything in Prometheus' text format 0.0.4, sorted by name, then by labels.
  std::string Render() const;

 private:
  class Series;
  class Labelled;
  struct Family {
    bool counter = false;
    std::string help;
    std::map<std::string, std::unique_ptr<Series>> series;  // By labels.
  };

  Metrics& WithLabels(std::string labels);
  Metric& Find(bool counter, std::string_view name, std::string_view help, Labelled& owner);

  mutable Mutex mutex_{"MetricsRegistry"};
  std::map<std::string, Family> families_ L2P_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<Labelled>> labelled_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_METRICS_H_
