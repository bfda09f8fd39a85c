#ifndef L2P_KERNEL_ADMIN_ADMIN_CALL_H_
#define L2P_KERNEL_ADMIN_ADMIN_CALL_H_

#include <Poco/JSON/Object.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/node.h"

namespace l2p {

// What calls ask of the endpoint itself.
struct AdminEndpoint {
  std::string dashboard_url;       // With the token behind '#'; empty without TCP.
  std::function<void()> shutdown;  // Begins the drain; does not wait.
};

// One request to the admin endpoint, with its target taken apart. One thread.
class AdminCall {
 public:
  // `trusted` = came over the unix socket.
  AdminCall(KernelNode& node, const AdminEndpoint& endpoint, Poco::Net::HTTPServerRequest& request,
            Poco::Net::HTTPServerResponse& response, bool trusted);

  // Percent-decoded once after splitting on '/'. InvalidArgument for a bad escape or a decoded '/'
  // or NUL in a segment.
  absl::Status Parse();

  KernelNode& node() { return node_; }
  const AdminEndpoint& endpoint() const { return endpoint_; }
  Poco::Net::HTTPServerRequest& request() { return request_; }
  Poco::Net::HTTPServerResponse& response() { return response_; }
  const std::string& method() const { return request_.getMethod(); }
  const std::vector<std::string>& segments() const { return segments_; }

  // The query value of `name`; a key without '=' is "".
  std::optional<std::string> Query(const std::string& name) const;
  // True for "", "1", "true"; false when absent.
  bool Flag(const std::string& name) const;

  // The path of this machine in ?path=. PermissionDenied unless the caller may name one: over the
  // socket, as this process's user or root. InvalidArgument if it is missing or not absolute.
  absl::StatusOr<std::string> NamedPath() const;

  // False once the caller has closed its side of the connection; never waits.
  bool CallerIsThere() const;

  // Answers with a JSON body.
  void Answer(Poco::Net::HTTPResponse::HTTPStatus status, const Poco::JSON::Object& body);
  // Answers with {"error": {"code", "message"}} and the HTTP status that fits.
  void Fail(const absl::Status& status);

  // Starts a chunked NDJSON answer; write each object with WriteLine.
  std::ostream& BeginLines();
  // False when the client has gone.
  bool WriteLine(const Poco::JSON::Object& line);

 private:
  KernelNode& node_;
  const AdminEndpoint& endpoint_;
  Poco::Net::HTTPServerRequest& request_;
  Poco::Net::HTTPServerResponse& response_;
  const bool trusted_;
  std::vector<std::string> segments_;
  std::multimap<std::string, std::string> query_;
  std::ostream* lines_ = nullptr;
};

// {"code": "not_found", "message": ...}
Poco::JSON::Object ErrorJson(const absl::Status& status);

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_ADMIN_CALL_H_
