#ifndef L2P_KERNEL_CLI_API_CLIENT_H_
#define L2P_KERNEL_CLI_API_CLIENT_H_

#include <Poco/JSON/Object.h>
#include <Poco/Net/HTTPClientSession.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "l2p/status.h"

namespace l2p {

// What `l2p` exits with.
enum ExitCode {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitNotAvailable = 3,  // The content cannot be had now.
  kExitNoNode = 4,
  kExitDegraded = 5,  // health: it can be read, but is less safe than it should be.
  kExitLost = 6,      // health: it cannot be read now.
};

// Text for one path segment or query value of a URL.
std::string PercentEncode(std::string_view text);

// `base` and "ID/PATH" as one path of a URL: a '/' stays a '/'.
std::string PathTarget(std::string_view base, std::string_view id_and_path);

// A client of a node's admin endpoint. One thread.
//
// Errors are what the node answered (its code and message), or Unavailable with the payload kNoNode
// when no node could be reached.
class ApiClient {
 public:
  // Finds the node: `api` (a URL or a socket's path), else L2P_API, else the default data.dir. An
  // http URL takes its token from L2P_TOKEN, else from the default data.dir.
  static absl::StatusOr<ApiClient> Find(const std::optional<std::string>& api);

  // True when the node is this user's own and on this machine, so that it can read and write paths
  // as we can. That of another user, of a service say, is sent bytes and sends them, as over TCP.
  bool local() const { return is_own_; }

  using BodyWriter = std::function<absl::Status(std::ostream& out)>;
  struct Request {
    std::string method = "GET";
    std::string target;  // "/api/v1/..."
    std::map<std::string, std::string> headers;
    BodyWriter body;                    // None: no body.
    std::optional<uint64_t> body_size;  // Unknown: chunked.
  };

  // The answer's JSON document.
  absl::StatusOr<Poco::JSON::Object::Ptr> Json(const Request& request);

  // Calls `on_line` for each line of an NDJSON answer; an error line becomes the result.
  absl::Status Lines(const Request& request,
                     const std::function<void(const Poco::JSON::Object::Ptr&)>& on_line);

  // Passes the answer's bytes on; `on_begin` gets content type and length first. A body that was
  // cut off is Unavailable.
  struct Head {
    std::string content_type;
    std::optional<uint64_t> size;
  };
  absl::Status Body(const Request& request,
                    const std::function<absl::Status(const Head&)>& on_begin,
                    const std::function<absl::Status(std::istream&)>& on_body);

 private:
  // Sends `request` and hands the answer's stream to `use`.
  absl::Status Exchange(const Request& request,
                        const std::function<absl::Status(const Head&, std::istream&)>& use);
  absl::StatusOr<std::unique_ptr<Poco::Net::HTTPClientSession>> Connect() const;

  bool is_own_ = false;
  std::string socket_;
  std::string host_;
  uint16_t port_ = 0;
  std::string token_;
};

// Whether `status` means that there was no node to talk to, and the exit code for it.
bool IsNoNode(const absl::Status& status);

}  // namespace l2p

#endif  // L2P_KERNEL_CLI_API_CLIENT_H_
