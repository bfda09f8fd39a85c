#ifndef L2P_KERNEL_LOADER_SLOT_H_
#define L2P_KERNEL_LOADER_SLOT_H_

#include <memory>
#include <utility>

#include "l2p/mutex.h"

namespace l2p {

// A PluginSlot holds the live instance of one kind. An operation takes a shared_ptr at its start
// and uses it to its end, so a swap never pulls an instance from under it. [any thread]
template <typename T>
class PluginSlot {
 public:
  explicit PluginSlot(std::shared_ptr<T> instance = nullptr) : instance_(std::move(instance)) {}

  std::shared_ptr<T> Get() const {
    MutexLock lock(mutex_);
    return instance_;
  }

  // Puts `instance` in place and returns the one before, which running operations may still use.
  std::shared_ptr<T> Swap(std::shared_ptr<T> instance) {
    MutexLock lock(mutex_);
    std::swap(instance_, instance);
    return instance;
  }

 private:
  mutable Mutex mutex_{"PluginSlot"};
  std::shared_ptr<T> instance_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_LOADER_SLOT_H_
