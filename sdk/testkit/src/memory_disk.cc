#include "l2p/testkit/memory_disk.h"

#include <numeric>

#include "disk_device.h"

namespace l2p::testkit {

uint64_t MemoryDisk::Counts::changes() const {
  return std::accumulate(of.begin(), of.end(), uint64_t{0}) - (*this)[DiskOp::kRead];
}

MemoryDisk::MemoryDisk()
    : device_(std::make_unique<DiskDevice>()),
      root_(OpenDiskFolder(*device_, device_->root, "", 0)) {}
MemoryDisk::~MemoryDisk() = default;

Folder& MemoryDisk::root() { return *root_; }

absl::StatusOr<State*> MemoryDisk::OpenState(std::string_view name) {
  MutexLock lock(device_->mutex);
  L2P_RETURN_IF_ERROR(device_->Begin(DiskOp::kRead, device_->generation, name).status);
  std::unique_ptr<DiskDevice::Table>& table = device_->tables[std::string(name)];
  if (table == nullptr) table = std::make_unique<DiskDevice::Table>(*device_, std::string(name));
  return table.get();
}

void MemoryDisk::Crash(uint64_t seed) { device_->Crash(seed); }

void MemoryDisk::FailNth(DiskOp op, uint64_t nth, absl::Status error) {
  MutexLock lock(device_->mutex);
  device_->failures[static_cast<size_t>(op)] = {nth, std::move(error)};
}

void MemoryDisk::StopAt(uint64_t nth) {
  MutexLock lock(device_->mutex);
  device_->changes_left = nth;
}

bool MemoryDisk::stopped() const {
  MutexLock lock(device_->mutex);
  return device_->stopped;
}

void MemoryDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(device_->mutex);
  device_->space.capacity = bytes;
}

uint64_t MemoryDisk::used() const {
  MutexLock lock(device_->mutex);
  return device_->space.used;
}

MemoryDisk::Counts MemoryDisk::counts() const {
  MutexLock lock(device_->mutex);
  return device_->counts;
}

}  // namespace l2p::testkit
