#ifndef L2P_KERNEL_LOADER_HOST_H_
#define L2P_KERNEL_LOADER_HOST_H_

#include <memory>
#include <string>

#include "kernel/metrics.h"
#include "l2p/folder_path.h"
#include "l2p/host.h"

namespace l2p {

// What all Hosts of one node share; lent, outlives them.
struct HostParts {
  Runtime& runtime;
  Memory& memory;
  MetricsRegistry& metrics;
  // Null only while the plugin of kind crypto is opened.
  const Crypto* crypto = nullptr;
  const Identity* identity = nullptr;
};

// The Host of the instance `name` of `kind`: the node's Runtime, narrowed to what is its own:
//   folder   data.dir/<kind>/<name>
//   state    table "<kind>/<name>"
//   log      source "<kind>.<name>"
//   metrics  labels kind and plugin
class PluginHost : public Host, private FolderPath {
 public:
  PluginHost(const HostParts& parts, std::string kind, std::string name);

  Time Now() override { return parts_.runtime.Now(); }
  std::unique_ptr<Event> NewEvent() override { return parts_.runtime.NewEvent(); }
  Tasks& tasks() override { return parts_.runtime.tasks(); }
  void Random(MutableByteView out) override { parts_.runtime.Random(out); }
  void Log(Severity severity, std::string_view text) override;
  Memory& memory() override { return parts_.memory; }
  absl::StatusOr<Folder*> folder() override;
  absl::StatusOr<State*> state() override;
  Metrics& metrics() override { return metrics_; }
  const Identity& identity() override;
  const Crypto& crypto() override;
  void* Query(std::string_view ability) override;

 private:
  std::string path() const override;

  const HostParts parts_;
  const std::string kind_;
  const std::string name_;
  Metrics& metrics_;
  Mutex mutex_{"PluginHost"};
  std::unique_ptr<Folder> folder_ L2P_GUARDED_BY(mutex_);  // Set once.
};

}  // namespace l2p

#endif  // L2P_KERNEL_LOADER_HOST_H_
