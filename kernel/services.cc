#include "kernel/services.h"

#include <utility>

#include "l2p/status.h"

namespace l2p {

void Services::Add(std::string name, std::unique_ptr<ServiceNode> node,
                   std::unique_ptr<Service> service) {
  services_.push_back({std::move(name), std::move(node), std::move(service)});
}

absl::Status Services::Start() {
  for (Running& each : services_) {
    if (absl::Status started = each.service->Start(*each.node); !started.ok()) {
      StopAll();
      return WithContext(started, each.name);
    }
    each.started = true;
  }
  return absl::OkStatus();
}

void Services::Stop(Runtime& runtime, Time deadline, const std::function<void()>& cut) {
  const std::unique_ptr<Event> ended = runtime.NewEvent();
  TaskGroup stopping(runtime.tasks(), runtime.NewEvent());
  const absl::Status begun = stopping.Start("stop services", [&] {
    StopAll();
    ended->Set();
  });
  if (!begun.ok()) return StopAll();  // There are too many tasks.
  if (!ended->Wait(deadline)) cut();
}

void Services::StopAll() {
  for (auto each = services_.rbegin(); each != services_.rend(); ++each) {
    if (std::exchange(each->started, false)) each->service->Stop();
  }
}

}  // namespace l2p
