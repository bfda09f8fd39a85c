#include "kernel/cli/api_client.h"

#include <Poco/JSON/Parser.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/URI.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kernel/runtime/data_dir.h"

namespace l2p {
namespace {

using Poco::JSON::Object;

constexpr char kNoNode[] = "l2p.no-node";
constexpr size_t kMaxDocument = 64 * 1024 * 1024;

absl::Status NoNode(const std::string& where, const std::string& why) {
  absl::Status status = absl::UnavailableError(
      absl::StrCat("no node answers at ", where, ": ", why,
                   "; start one with l2pkernel, or name one with --api URL|SOCKET or L2P_API"));
  status.SetPayload(kNoNode, absl::Cord());
  return status;
}

absl::StatusCode CodeNamed(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(absl::StatusCode::kUnauthenticated); ++code) {
    const auto candidate = static_cast<absl::StatusCode>(code);
    if (absl::EqualsIgnoreCase(absl::StatusCodeToString(candidate), name)) return candidate;
  }
  return absl::StatusCode::kUnknown;
}

// The Status an {"error": {...}} document tells of; OK when there is no error in it.
absl::Status ErrorIn(const Object::Ptr& document) {
  const Object::Ptr error = document->getObject("error");
  if (!error) return absl::OkStatus();
  return {CodeNamed(error->optValue<std::string>("code", "unknown")),
          error->optValue<std::string>("message", "the node gave no reason")};
}

absl::StatusOr<Object::Ptr> ParseJson(const std::string& text) {
  try {
    return Poco::JSON::Parser().parse(text).extract<Object::Ptr>();
  } catch (const Poco::Exception& error) {
    return absl::InternalError(
        absl::StrCat("the node's answer is not JSON: ", error.displayText()));
  }
}

absl::StatusOr<std::string> ReadAll(std::istream& in) {
  std::string text;
  std::array<char, 16384> buffer;
  while (in.read(buffer.data(), buffer.size()), in.gcount() > 0) {
    text.append(buffer.data(), static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxDocument) return absl::InternalError("the node's answer has no end");
  }
  return text;
}

// That of this user's node, or else of the one that the package's unit runs.
std::string DefaultSocket() {
  const std::string own = DefaultDataDir() + "/admin.sock";
  const std::string of_system = "/var/lib/l2p/admin.sock";
  std::error_code error;
  if (std::filesystem::exists(own, error)) return own;
  return std::filesystem::exists(of_system, error) ? of_system : own;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
        c == '~') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

std::string PathTarget(std::string_view base, std::string_view id_and_path) {
  std::string target(base);
  for (const absl::string_view part : absl::StrSplit(av(id_and_path), '/')) {
    absl::StrAppend(&target, "/", PercentEncode({part.data(), part.size()}));
  }
  return target;
}

bool IsNoNode(const absl::Status& status) { return status.GetPayload(kNoNode).has_value(); }

absl::StatusOr<ApiClient> ApiClient::Find(const std::optional<std::string>& api) {
  ApiClient client;
  std::string where = api.value_or("");
  const char* from_environment = std::getenv("L2P_API");
  if (where.empty() && from_environment != nullptr) where = from_environment;
  if (where.empty()) where = DefaultSocket();
  if (!absl::StartsWith(where, "http://")) {
    client.socket_ = std::string(absl::StripPrefix(where, "unix:"));
    // The socket belongs to who serves on it. One that is not there fails later, and says so.
    struct stat file;
    client.is_own_ = ::stat(client.socket_.c_str(), &file) != 0 || file.st_uid == ::geteuid();
    return client;
  }
  try {
    const Poco::URI uri(where);
    client.host_ = uri.getHost();
    client.port_ = uri.getPort();
  } catch (const Poco::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("--api ", where, ": ", error.displayText()));
  }
  const char* token = std::getenv("L2P_TOKEN");
  client.token_ = token != nullptr ? token : FirstLine(DefaultDataDir() + "/admin.token");
  return client;
}

absl::StatusOr<std::unique_ptr<Poco::Net::HTTPClientSession>> ApiClient::Connect() const {
  const std::string where = socket_.empty() ? absl::StrCat("http://", host_, ":", port_) : socket_;
  try {
    std::unique_ptr<Poco::Net::HTTPClientSession> session;
    if (socket_.empty()) {
      session = std::make_unique<Poco::Net::HTTPClientSession>(
          Poco::Net::StreamSocket(Poco::Net::SocketAddress(host_, port_)));
    } else {
      session = std::make_unique<Poco::Net::HTTPClientSession>(Poco::Net::StreamSocket(
          Poco::Net::SocketAddress(Poco::Net::SocketAddress::UNIX_LOCAL, socket_)));
    }
    // A put or a get may be quiet for long; the node bounds its own waits.
    session->setTimeout(Poco::Timespan(24 * 3600, 0));
    return session;
  } catch (const Poco::Exception& error) {
    return NoNode(where, error.displayText());
  }
}

absl::Status ApiClient::Exchange(
    const Request& request, const std::function<absl::Status(const Head&, std::istream&)>& use) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Poco::Net::HTTPClientSession> session, Connect());
  try {
    Poco::Net::HTTPRequest http(request.method, request.target, Poco::Net::HTTPMessage::HTTP_1_1);
    for (const auto& [name, value] : request.headers) http.set(name, value);
    http.setHost(socket_.empty() ? absl::StrCat(host_, ":", port_) : "localhost");
    if (!token_.empty()) http.set("Authorization", "Bearer " + token_);
    if (request.body && !request.body_size) http.setChunkedTransferEncoding(true);
    if (!request.body || request.body_size) {
      http.setContentLength64(static_cast<Poco::Int64>(request.body_size.value_or(0)));
    }
    std::ostream& out = session->sendRequest(http);
    if (request.body) {
      absl::Status written = request.body(out);
      // A node that refuses the upload answers and closes: its answer says why.
      if (!written.ok() && out.good()) return written;
    }
    Poco::Net::HTTPResponse response;
    std::istream& in = session->receiveResponse(response);
    Head head{response.getContentType(), std::nullopt};
    if (response.hasContentLength()) {
      head.size = static_cast<uint64_t>(response.getContentLength64());
    }
    if (response.getStatus() < 300) return use(head, in);
    L2P_ASSIGN_OR_RETURN(const std::string text, ReadAll(in));
    L2P_ASSIGN_OR_RETURN(const Object::Ptr document, ParseJson(text));
    absl::Status error = ErrorIn(document);
    return error.ok() ? absl::InternalError(response.getReason()) : error;
  } catch (const Poco::Exception& error) {
    return absl::UnavailableError(
        absl::StrCat("the connection to the node broke: ", error.displayText()));
  }
}

absl::StatusOr<Object::Ptr> ApiClient::Json(const Request& request) {
  Object::Ptr document;
  L2P_RETURN_IF_ERROR(Exchange(request, [&](const Head&, std::istream& in) -> absl::Status {
    L2P_ASSIGN_OR_RETURN(const std::string text, ReadAll(in));
    L2P_ASSIGN_OR_RETURN(document, ParseJson(text));
    return absl::OkStatus();
  }));
  return document;
}

absl::Status ApiClient::Lines(const Request& request,
                              const std::function<void(const Object::Ptr&)>& on_line) {
  return Exchange(request, [&](const Head&, std::istream& in) -> absl::Status {
    for (std::string line; std::getline(in, line);) {
      if (line.empty()) continue;
      L2P_ASSIGN_OR_RETURN(const Object::Ptr document, ParseJson(line));
      L2P_RETURN_IF_ERROR(ErrorIn(document));
      on_line(document);
    }
    return absl::OkStatus();
  });
}

absl::Status ApiClient::Body(const Request& request,
                             const std::function<absl::Status(const Head&)>& on_begin,
                             const std::function<absl::Status(std::istream&)>& on_body) {
  return Exchange(request, [&](const Head& head, std::istream& in) -> absl::Status {
    L2P_RETURN_IF_ERROR(on_begin(head));
    return on_body(in);
  });
}

}  // namespace l2p
