#ifndef L2P_KERNEL_NETWORK_PEER_WATCHERS_H_
#define L2P_KERNEL_NETWORK_PEER_WATCHERS_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "l2p/messenger.h"
#include "l2p/runtime.h"

namespace l2p {

// PeerWatchers tells those who watch of peers that came up and went down: each watcher one call at
// a time, in order, as a task. What a slow watcher has not heard yet is merged by peer, so its
// queue is bounded by the peers that are or were connected for it. [any thread]
class PeerWatchers {
 public:
  struct Up {
    PeerInfo peer;
    std::vector<std::string> protocols;
  };

  explicit PeerWatchers(Runtime& runtime);

  // `current` is what the watcher hears first, from the next Deliver on. The watcher must not
  // destroy its own Registration; which may be destroyed after this object.
  std::unique_ptr<Registration> Add(PeerWatcher watcher, const std::vector<Up>& current);

  // Note the event for each watcher; only memory is touched, so callers may hold a Mutex.
  void PushUp(const Up& up);
  void PushDown(const PeerId& peer);

  // Starts the tasks that deliver what was pushed. Never waits.
  void Deliver();

  void Join();  // Ends all delivery.

 private:
  struct Watch {
    Watch(PeerWatcher to_tell, std::unique_ptr<Event> ended_running)
        : watcher(std::move(to_tell)), event(std::move(ended_running)) {}

    const PeerWatcher watcher;
    const std::unique_ptr<Event> event;
    Mutex mutex{"PeerWatchers::Watch"};
    std::deque<PeerId> order L2P_GUARDED_BY(mutex);
    std::map<PeerId, std::optional<Up>> pending L2P_GUARDED_BY(mutex);  // nullopt: down.
    std::set<PeerId> known_up L2P_GUARDED_BY(mutex);                    // As the watcher has heard.
    bool running L2P_GUARDED_BY(mutex) = false;
    bool ended L2P_GUARDED_BY(mutex) = false;
  };
  class WatchRegistration;

  static void Push(Watch& watch, const PeerId& peer, std::optional<Up> up);
  static void Run(Watch& watch);
  std::vector<std::shared_ptr<Watch>> Watches();

  Runtime& runtime_;
  Mutex mutex_{"PeerWatchers"};
  std::vector<std::weak_ptr<Watch>> watches_ L2P_GUARDED_BY(mutex_);
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PEER_WATCHERS_H_
