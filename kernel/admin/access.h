#ifndef L2P_KERNEL_ADMIN_ACCESS_H_
#define L2P_KERNEL_ADMIN_ACCESS_H_

#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <optional>
#include <string>

#include "l2p/event.h"
#include "l2p/mutex.h"

namespace l2p {

// An AccessCheck decides which requests over TCP are served: those that a page of another origin
// cannot have made, and that bring the token. [any thread]
class AccessCheck {
 public:
  // Wrong tokens that are answered at once, and how many more each second. Beyond them nobody's
  // token is looked at, so that guessing is slow; the unix socket stays open.
  static constexpr double kWrongTokens = 100;
  static constexpr double kWrongTokensPerSecond = 10;

  // `host` is the authority that requests must name: "127.0.0.1:4423".
  AccessCheck(std::string host, std::string token);

  struct Denial {
    Poco::Net::HTTPResponse::HTTPStatus status;
    const char* code;
    std::string message;
  };

  // Host, Origin and Referer are this endpoint's, or the latter two absent.
  std::optional<Denial> CheckOrigin(const Poco::Net::HTTPServerRequest& request) const;

  std::optional<Denial> CheckToken(const Poco::Net::HTTPServerRequest& request, Time now);

 private:
  const std::string host_;
  const std::string token_;
  Mutex mutex_{"AccessCheck"};
  double wrong_left_ L2P_GUARDED_BY(mutex_) = kWrongTokens;
  Time counted_ L2P_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_ACCESS_H_
