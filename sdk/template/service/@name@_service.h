#ifndef @NAME@_SERVICE_H_
#define @NAME@_SERVICE_H_

#include <memory>

#include "l2p/host.h"
#include "l2p/service.h"

namespace @name@ {

// Asks every connected peer for its time now and then, and answers that question itself, over a
// protocol of its own. The node's log says how many answered.
class @Name@Service : public l2p::Service {
 public:
  // `host` outlives this.
  @Name@Service(l2p::Host& host, l2p::Duration interval) : host_(host), interval_(interval) {}

  absl::Status Start(l2p::Node& node) override;
  void Stop() override;

 private:
  void AskEveryone(l2p::Messenger& messenger);

  l2p::Host& host_;
  const l2p::Duration interval_;
  std::unique_ptr<l2p::Registration> served_;
  std::unique_ptr<l2p::Registration> timer_;
};

}  // namespace @name@

#endif  // @NAME@_SERVICE_H_
