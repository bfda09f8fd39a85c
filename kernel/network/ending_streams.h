#ifndef L2P_KERNEL_NETWORK_ENDING_STREAMS_H_
#define L2P_KERNEL_NETWORK_ENDING_STREAMS_H_

#include <map>
#include <memory>

#include "l2p/runtime.h"
#include "l2p/transport.h"

namespace l2p {

// EndingStreams keeps streams on which all was written until the other side ends too: destroyed
// earlier they would be reset, and lose what is not yet sent. They own no task. [any thread]
class EndingStreams {
 public:
  static constexpr size_t kMost = 1024;  // Beyond it the oldest is reset.
  static constexpr Duration kPatience = absl::Seconds(60);

  explicit EndingStreams(Runtime& runtime) : runtime_(runtime) {}

  // Closes our direction of `stream`, which carried one message, or several; what still arrives is
  // dropped. js-libp2p throws away messages that it has not looked at when a stream is closed: one
  // that carried several is closed by a Sweep kLinger later.
  enum class Carried { kOne, kSeveral };
  void Add(std::unique_ptr<Stream> stream, Carried carried = Carried::kOne);
  static constexpr Duration kLinger = absl::Seconds(2);

  // Closes those that have lingered, resets those that waited longer than kPatience.
  void Sweep();

  // Resets all.
  void Clear();

  size_t size();

 private:
  struct Ending {
    std::unique_ptr<Stream> stream;
    Time since;
    bool is_closed;
  };

  void Drain(uint64_t id, const std::shared_ptr<Ending>& ending);
  void CloseLingering(Time limit);
  void ResetAllBefore(Time limit, size_t most_left);

  Runtime& runtime_;
  Mutex mutex_{"EndingStreams"};
  std::map<uint64_t, std::shared_ptr<Ending>> endings_ L2P_GUARDED_BY(mutex_);  // Oldest first.
  uint64_t next_id_ L2P_GUARDED_BY(mutex_) = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_ENDING_STREAMS_H_
