#include "kernel/admin/admin_call.h"

#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/URI.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "l2p/bytes.h"

namespace l2p {
namespace {

using Poco::Net::HTTPResponse;

HTTPResponse::HTTPStatus HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return HTTPResponse::HTTP_OK;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return HTTPResponse::HTTP_BAD_REQUEST;
    case absl::StatusCode::kNotFound:
      return HTTPResponse::HTTP_NOT_FOUND;
    case absl::StatusCode::kPermissionDenied:
      return HTTPResponse::HTTP_FORBIDDEN;
    case absl::StatusCode::kUnauthenticated:
      return HTTPResponse::HTTP_UNAUTHORIZED;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return HTTPResponse::HTTP_CONFLICT;
    case absl::StatusCode::kResourceExhausted:
      return HTTPResponse::HTTP_INSUFFICIENT_STORAGE;
    case absl::StatusCode::kUnimplemented:
      return HTTPResponse::HTTP_NOT_IMPLEMENTED;
    case absl::StatusCode::kDataLoss:
      return HTTPResponse::HTTP_BAD_GATEWAY;
    case absl::StatusCode::kUnavailable:
      return HTTPResponse::HTTP_SERVICE_UNAVAILABLE;
    case absl::StatusCode::kDeadlineExceeded:
      return HTTPResponse::HTTP_GATEWAY_TIMEOUT;
    default:
      return HTTPResponse::HTTP_INTERNAL_SERVER_ERROR;
  }
}

absl::StatusOr<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    std::string byte;
    if (!FromHex(absl::AsciiStrToLower(av(text.substr(i + 1, 2))), byte) || byte.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("bad percent escape in '", av(text), "'"));
    }
    out += byte;
    i += 2;
  }
  return out;
}

}  // namespace

Poco::JSON::Object ErrorJson(const absl::Status& status) {
  std::string code = absl::StatusCodeToString(status.code());
  Poco::JSON::Object error(Poco::JSON_PRESERVE_KEY_ORDER);
  error.set("code", absl::AsciiStrToLower(code));
  error.set("message", std::string(status.message()));
  return error;
}

AdminCall::AdminCall(KernelNode& node, const AdminEndpoint& endpoint,
                     Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response,
                     bool trusted)
    : node_(node), endpoint_(endpoint), request_(request), response_(response), trusted_(trusted) {}

absl::Status AdminCall::Parse() {
  const std::string& target = request_.getURI();
  const size_t question = target.find('?');
  for (const absl::string_view part : absl::StrSplit(target.substr(0, question), '/')) {
    if (part.empty()) continue;
    L2P_ASSIGN_OR_RETURN(std::string segment, PercentDecode({part.data(), part.size()}));
    if (segment.find('/') != std::string::npos || segment.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("a path segment cannot hold '/' or NUL");
    }
    segments_.push_back(std::move(segment));
  }
  if (question == std::string::npos) return absl::OkStatus();
  for (absl::string_view pair :
       absl::StrSplit(target.substr(question + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> item =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    L2P_ASSIGN_OR_RETURN(std::string name, PercentDecode({item.first.data(), item.first.size()}));
    L2P_ASSIGN_OR_RETURN(std::string value,
                         PercentDecode({item.second.data(), item.second.size()}));
    query_.emplace(std::move(name), std::move(value));
  }
  return absl::OkStatus();
}

std::optional<std::string> AdminCall::Query(const std::string& name) const {
  const auto found = query_.find(name);
  if (found == query_.end()) return std::nullopt;
  return found->second;
}

bool AdminCall::Flag(const std::string& name) const {
  const std::optional<std::string> value = Query(name);
  return value && (value->empty() || *value == "1" || *value == "true");
}

absl::StatusOr<std::string> AdminCall::NamedPath() const {
  if (!trusted_) {
    return absl::PermissionDeniedError("?path= is for the admin socket only, not for TCP");
  }
  auto& request = static_cast<Poco::Net::HTTPServerRequestImpl&>(request_);
  ucred caller{};
  socklen_t size = sizeof caller;
  if (::getsockopt(request.socket().impl()->sockfd(), SOL_SOCKET, SO_PEERCRED, &caller, &size) !=
      0) {
    return ErrnoStatus(errno, "read the caller's user id");
  }
  if (caller.uid != ::geteuid() && caller.uid != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("?path= is for user ", ::geteuid(), " and root, not for user ", caller.uid));
  }
  std::string path = Query("path").value_or("");
  if (path.empty() || path.front() != '/') {
    return absl::InvalidArgumentError(absl::StrCat("path '", path, "' is not absolute"));
  }
  return path;
}

bool AdminCall::CallerIsThere() const {
  auto& request = static_cast<Poco::Net::HTTPServerRequestImpl&>(request_);
  char byte;
  const ssize_t got = ::recv(request.socket().impl()->sockfd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

void AdminCall::Answer(HTTPResponse::HTTPStatus status, const Poco::JSON::Object& body) {
  std::ostringstream text;
  body.stringify(text);
  text << '\n';
  const std::string bytes = text.str();
  response_.setStatusAndReason(status);
  response_.setContentType("application/json");
  response_.set("Cache-Control", "no-store");
  response_.sendBuffer(bytes.data(), bytes.size());
}

void AdminCall::Fail(const absl::Status& status) {
  // Once lines are on the way the status cannot change any more.
  Poco::JSON::Object body;
  body.set("error", ErrorJson(status));
  if (lines_ != nullptr) {
    WriteLine(body);
    return;
  }
  if (response_.sent()) return;
  // What is left of a refused upload is not read: the connection cannot be used again.
  response_.setKeepAlive(false);
  Answer(HttpStatusOf(status), body);
}

std::ostream& AdminCall::BeginLines() {
  response_.setStatusAndReason(HTTPResponse::HTTP_OK);
  response_.setContentType("application/x-ndjson");
  response_.set("Cache-Control", "no-store");
  response_.setChunkedTransferEncoding(true);
  lines_ = &response_.send();
  return *lines_;
}

bool AdminCall::WriteLine(const Poco::JSON::Object& line) {
  try {
    line.stringify(*lines_);
    *lines_ << '\n' << std::flush;
    return lines_->good();
  } catch (const Poco::Exception&) {
    return false;
  }
}

}  // namespace l2p
