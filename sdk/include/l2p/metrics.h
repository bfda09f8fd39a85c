#ifndef L2P_METRICS_H_
#define L2P_METRICS_H_

#include <cstdint>
#include <string_view>

#include "l2p/api.h"

namespace l2p {

// One number that /metrics shows. [any thread]; never blocks.
class L2P_SDK_API Metric {
 public:
  virtual ~Metric();
  virtual void Add(int64_t amount) = 0;
  virtual void Set(int64_t value) = 0;
};

// The metrics of one plugin instance (its kind and name become labels) or of the kernel.
class L2P_SDK_API Metrics {
 public:
  virtual ~Metrics();

  // `name` follows Prometheus (snake case, unit last; a counter ends in _total) without the l2p_
  // prefix; the same name gives the same Metric, which lives as long as the Metrics. At most 200.
  virtual Metric& Counter(std::string_view name, std::string_view help) = 0;
  virtual Metric& Gauge(std::string_view name, std::string_view help) = 0;
};

}  // namespace l2p

#endif  // L2P_METRICS_H_
