#ifndef L2P_PLUGINS_STORAGE_WRITE_TURN_H_
#define L2P_PLUGINS_STORAGE_WRITE_TURN_H_

#include <deque>

#include "l2p/host.h"
#include "l2p/mutex.h"

namespace l2p {

// One task at a time, in order of arrival. Unlike a Mutex it may be held over I/O. [any thread]
class WriteTurn {
 public:
  explicit WriteTurn(Host& host) : host_(host) {}

  void Take();
  void Give();

 private:
  Host& host_;
  Mutex mutex_{"WriteTurn"};
  bool taken_ L2P_GUARDED_BY(mutex_) = false;
  std::deque<Event*> waiting_ L2P_GUARDED_BY(mutex_);
};

class HoldTurn {
 public:
  explicit HoldTurn(WriteTurn& turn) : turn_(turn) { turn_.Take(); }
  ~HoldTurn() { turn_.Give(); }
  HoldTurn(const HoldTurn&) = delete;
  HoldTurn& operator=(const HoldTurn&) = delete;

 private:
  WriteTurn& turn_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_WRITE_TURN_H_
