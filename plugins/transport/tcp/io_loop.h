#ifndef L2P_PLUGINS_TRANSPORT_TCP_IO_LOOP_H_
#define L2P_PLUGINS_TRANSPORT_TCP_IO_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/event.h"
#include "l2p/status.h"

namespace l2p::tcp {

// Something with a descriptor that an IoLoop serves. All calls come from the loop's thread.
class Pollable {
 public:
  virtual ~Pollable() = default;

  virtual int descriptor() const = 0;
  virtual void OnAdded() = 0;
  virtual void OnReady(uint32_t events) = 0;  // EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP.
  virtual void OnWake() = 0;                  // IoLoop::Wake was called since the last time.
  virtual void OnTimer() = 0;
  virtual void OnStop() = 0;  // The loop ends; it forgets this object afterwards.

 private:
  friend class IoLoop;
  uint64_t id_ = 0;  // 0: not added yet.
  uint32_t interest_ = 0;
  Time due_ = absl::InfiniteFuture();
  std::atomic<bool> wake_pending_ = false;
};

// A thread that waits on epoll and serves Pollables, each as long as it is not removed.
class IoLoop {
 public:
  explicit IoLoop(std::function<Time()> clock);
  ~IoLoop();  // REQUIRES: stopped, or never started.

  absl::Status Start();

  // Stops every Pollable and joins the thread. Idempotent.
  void Stop();

  // Hands `added` over to the loop; false after Stop. [any thread]
  bool Add(std::shared_ptr<Pollable> added);

  // Has OnWake called soon. Calls that come before that are one. [any thread]
  void Wake(const std::shared_ptr<Pollable>& woken);

  bool on_thread() const { return std::this_thread::get_id() == thread_id_.load(); }

  // For the loop's thread only.
  void Watch(Pollable& pollable, uint32_t events);  // To begin with: nothing.
  void SetTimer(Pollable& pollable, Time due);      // Replaces the one before; fires once.
  void Remove(Pollable& pollable);                  // It may live on through other owners.

  // Memory for one call at a time: what arrives, what was decrypted, what is to be encrypted, and
  // what is to be sent. One of each per thread, so that a connection at rest needs none.
  static constexpr size_t kBufferBytes = 256 * 1024;
  static constexpr size_t kOutputBytes = 128 * 1024;
  MutableByteView input() { return {input_.get(), kBufferBytes}; }
  MutableByteView plaintext() { return {plaintext_.get(), kBufferBytes}; }
  MutableByteView output() { return {output_.get(), kOutputBytes}; }
  std::string& ciphertext() { return ciphertext_; }

 private:
  static constexpr uint64_t kRemoved = UINT64_MAX;

  static bool Served(const Pollable& pollable) {
    return pollable.id_ != 0 && pollable.id_ != kRemoved;
  }
  void Run();
  void Signal();
  void ServeWoken();
  void Register(const std::shared_ptr<Pollable>& added);
  void ServeTimers();
  void StopAll();
  int MillisecondsToWait();
  std::shared_ptr<Pollable> Find(uint64_t id) const;

  const std::function<Time()> clock_;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_;
  std::unique_ptr<uint8_t[]> input_;
  std::unique_ptr<uint8_t[]> plaintext_;
  std::unique_ptr<uint8_t[]> output_;
  std::string ciphertext_;

  std::map<uint64_t, std::shared_ptr<Pollable>> served_;  // The thread's.
  std::set<std::pair<Time, uint64_t>> timers_;            // The thread's.
  uint64_t next_id_ = 1;                                  // The thread's.

  Mutex mutex_{"IoLoop"};
  std::vector<std::shared_ptr<Pollable>> woken_ L2P_GUARDED_BY(mutex_);
  bool stopping_ L2P_GUARDED_BY(mutex_) = false;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_IO_LOOP_H_
