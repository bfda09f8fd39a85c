#include "kernel/network/peer_watchers.h"

#include <algorithm>

namespace l2p {

class PeerWatchers::WatchRegistration final : public Registration {
 public:
  explicit WatchRegistration(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}

  ~WatchRegistration() override {
    {
      MutexLock lock(watch_->mutex);
      watch_->ended = true;
    }
    Await(watch_->mutex, *watch_->event, absl::InfiniteFuture(),
          [this]() L2P_REQUIRES(watch_->mutex) { return !watch_->running; });
  }

 private:
  std::shared_ptr<Watch> watch_;
};

PeerWatchers::PeerWatchers(Runtime& runtime)
    : runtime_(runtime), tasks_(runtime.tasks(), runtime.NewEvent()) {}

std::unique_ptr<Registration> PeerWatchers::Add(PeerWatcher watcher,
                                                const std::vector<Up>& current) {
  auto watch = std::make_shared<Watch>(std::move(watcher), runtime_.NewEvent());
  for (const Up& up : current) Push(*watch, up.peer.id, up);
  MutexLock lock(mutex_);
  std::erase_if(watches_, [](const auto& old) { return old.expired(); });
  watches_.push_back(watch);
  return std::make_unique<WatchRegistration>(std::move(watch));
}

std::vector<std::shared_ptr<PeerWatchers::Watch>> PeerWatchers::Watches() {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Watch>> watches;
  for (const auto& weak : watches_) {
    if (std::shared_ptr<Watch> watch = weak.lock()) watches.push_back(std::move(watch));
  }
  return watches;
}

void PeerWatchers::Push(Watch& watch, const PeerId& peer, std::optional<Up> up) {
  MutexLock lock(watch.mutex);
  const bool is_down = !up.has_value();
  const bool is_queued = watch.pending.contains(peer);
  if (is_down && !watch.known_up.contains(peer)) {
    // It came and went unheard.
    if (is_queued) std::erase(watch.order, peer);
    watch.pending.erase(peer);
    return;
  }
  watch.pending[peer] = std::move(up);
  if (!is_queued) watch.order.push_back(peer);
}

void PeerWatchers::PushUp(const Up& up) {
  for (const auto& watch : Watches()) Push(*watch, up.peer.id, up);
}

void PeerWatchers::PushDown(const PeerId& peer) {
  for (const auto& watch : Watches()) Push(*watch, peer, std::nullopt);
}

void PeerWatchers::Deliver() {
  for (const auto& watch : Watches()) {
    {
      MutexLock lock(watch->mutex);
      if (watch->running || watch->ended || watch->order.empty()) continue;
      watch->running = true;
    }
    if (tasks_.Start("tell a peer watcher", [watch] { Run(*watch); }).ok()) continue;
    MutexLock lock(watch->mutex);
    watch->running = false;
    watch->event->Set();
  }
}

void PeerWatchers::Run(Watch& watch) {
  for (;;) {
    PeerId peer;
    std::optional<Up> up;
    {
      MutexLock lock(watch.mutex);
      if (watch.ended || watch.order.empty()) {
        watch.running = false;
        watch.event->Set();
        return;
      }
      peer = watch.order.front();
      watch.order.pop_front();
      up = std::move(watch.pending.at(peer));
      watch.pending.erase(peer);
      if (up) {
        watch.known_up.insert(peer);
      } else {
        watch.known_up.erase(peer);
      }
    }
    if (up && watch.watcher.up) watch.watcher.up(up->peer, up->protocols);
    if (!up && watch.watcher.down) watch.watcher.down(peer);
  }
}

void PeerWatchers::Join() { tasks_.Join(); }

}  // namespace l2p
