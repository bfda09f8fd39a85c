#include "kernel/admin/admin_server.h"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kernel/admin/dashboard.h"
#include "kernel/admin/routes.h"
#include "kernel/runtime/fd.h"
#include "kernel/runtime/poco_status.h"

namespace l2p {
namespace {

using Poco::Net::HTTPResponse;

// Both sockets together; an idle keep-alive connection holds a thread until its short timeout.
constexpr int kThreads = 16;
constexpr int kQueued = 64;
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// What a handler needs to know of its server; outlives all handlers.
struct Access {
  KernelNode& node;
  std::string token;
  std::string host;  // The authority that a request over TCP must name: "127.0.0.1:4423".
  bool trusted;      // The unix socket: the file's mode is the check.
  const Dashboard& dashboard;
  const std::string& dashboard_url;  // With the token behind '#'; empty without TCP.
  std::function<void()> shutdown;
  std::atomic<int> running = 0;  // Requests being handled; idle connections do not count.
};

// Compares in a time that depends on the lengths alone.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

bool Matches(std::string_view pattern, const std::vector<std::string>& segments) {
  size_t i = 0;
  for (const absl::string_view part : absl::StrSplit(av(pattern), '/', absl::SkipEmpty())) {
    if (part == "*") return true;
    if (i == segments.size() || (part != "{}" && part != segments[i])) return false;
    ++i;
  }
  return i == segments.size();
}

class Handler : public Poco::Net::HTTPRequestHandler {
 public:
  explicit Handler(Access& access) : access_(access) { ++access_.running; }
  ~Handler() override { --access_.running; }

  void handleRequest(Poco::Net::HTTPServerRequest& request,
                     Poco::Net::HTTPServerResponse& response) override {
    AdminCall call(access_.node, request, response, access_.trusted);
    try {
      if (absl::Status status = Serve(call); !status.ok()) call.Fail(status);
    } catch (const Poco::Exception& error) {
      // The client went away, or a body was cut off; if it still listens, say so.
      try {
        call.Fail(PocoStatus(error, "serve " + request.getURI()));
      } catch (const Poco::Exception&) {
      }
    }
  }

 private:
  absl::Status Serve(AdminCall& call) {
    L2P_RETURN_IF_ERROR(call.Parse());
    if (!access_.trusted && !OriginAllowed(call)) return absl::OkStatus();
    if (access_.dashboard.Serve(call)) return absl::OkStatus();
    std::string allowed;
    const auto fits = [&](const Route& route) {
      if (!Matches(route.pattern, call.segments())) return false;
      if (call.method() == route.method) return true;
      absl::StrAppend(&allowed, allowed.empty() ? "" : ", ", route.method);
      return false;
    };
    for (const Route& route : Routes()) {
      if (!fits(route)) continue;
      if (!route.open && !Authorized(call)) return absl::OkStatus();
      return route.handle(call);
    }
    for (const OwnRoute& own : kOwnRoutes) {
      if (!fits({own.method, own.pattern, false, nullptr})) continue;
      return Authorized(call) ? (this->*own.handle)(call) : absl::OkStatus();
    }
    if (allowed.empty()) {
      return absl::NotFoundError(absl::StrCat("no such resource: ", call.request().getURI()));
    }
    call.response().set("Allow", allowed);
    Refuse(call, HTTPResponse::HTTP_METHOD_NOT_ALLOWED, "invalid_argument",
           absl::StrCat(call.method(), " is not allowed here; allowed: ", allowed));
    return absl::OkStatus();
  }

  // A page of another origin must not reach us, neither by its own name for our address (DNS
  // rebinding) nor by a cross-site request.
  bool OriginAllowed(AdminCall& call) {
    const std::string host = call.request().get("Host", "");
    const std::string port = access_.host.substr(access_.host.rfind(':'));
    if (host != access_.host && host != "localhost" + port && host != "[::1]" + port &&
        host != "127.0.0.1" + port) {
      Refuse(call, HTTPResponse::HTTP_MISDIRECTED_REQUEST, "permission_denied",
             absl::StrCat("this endpoint is not '", host, "'"));
      return false;
    }
    const std::string origin = call.request().get("Origin", "http://" + host);
    if (origin != "http://" + host) {
      Refuse(call, HTTPResponse::HTTP_FORBIDDEN, "permission_denied",
             absl::StrCat("requests from origin '", origin, "' are refused"));
      return false;
    }
    return true;
  }

  bool Authorized(AdminCall& call) {
    if (access_.trusted) return true;
    const std::string header = call.request().get("Authorization", "");
    absl::string_view token = header;
    if (absl::ConsumePrefix(&token, "Bearer ") &&
        SameSecret({token.data(), token.size()}, access_.token)) {
      return true;
    }
    call.response().set("WWW-Authenticate", "Bearer");
    Refuse(call, HTTPResponse::HTTP_UNAUTHORIZED, "unauthenticated",
           "a bearer token is needed; it is in admin.token in the node's data.dir");
    return false;
  }

  // What the server itself answers, not the node.
  struct OwnRoute {
    const char* method;
    const char* pattern;
    absl::Status (Handler::*handle)(AdminCall& call);
  };
  static const OwnRoute kOwnRoutes[2];

  absl::Status TellDashboard(AdminCall& call) {
    if (access_.dashboard_url.empty()) {
      return absl::FailedPreconditionError(
          "the dashboard needs admin.listen, which is empty: set it to 127.0.0.1:0");
    }
    Poco::JSON::Object body;
    body.set("url", access_.dashboard_url);
    call.Answer(HTTPResponse::HTTP_OK, body);
    return absl::OkStatus();
  }

  absl::Status Shutdown(AdminCall& call) {
    call.Answer(HTTPResponse::HTTP_ACCEPTED, Poco::JSON::Object());
    access_.shutdown();
    return absl::OkStatus();
  }

  static void Refuse(AdminCall& call, HTTPResponse::HTTPStatus status, const char* code,
                     const std::string& message) {
    Poco::JSON::Object error(Poco::JSON_PRESERVE_KEY_ORDER);
    error.set("code", code);
    error.set("message", message);
    Poco::JSON::Object body;
    body.set("error", error);
    call.response().setKeepAlive(false);
    call.Answer(status, body);
  }

  Access& access_;
};

const Handler::OwnRoute Handler::kOwnRoutes[] = {
    {"POST", "/api/v1/shutdown", &Handler::Shutdown},
    {"GET", "/api/v1/dashboard", &Handler::TellDashboard},
};

class HandlerFactory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit HandlerFactory(Access& access) : access_(access) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(
      const Poco::Net::HTTPServerRequest&) override {
    return new Handler(access_);
  }

 private:
  Access& access_;
};

absl::StatusOr<std::string> ReadOrMakeToken(const std::string& path, const Crypto& crypto) {
  Fd existing(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (existing.valid()) {
    char text[256];
    const ssize_t size = ::read(existing.get(), text, sizeof text);
    std::string token(text, size < 0 ? 0 : static_cast<size_t>(size));
    while (!token.empty() && token.back() == '\n') token.pop_back();
    if (token.size() >= 16) return token;
    return absl::FailedPreconditionError(
        absl::StrCat("admin token ", path, ": shorter than 16 characters; remove the file"));
  }
  uint8_t random[32];
  crypto.Random(random);
  const std::string token = ToHex(random);
  Fd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.valid()) return ErrnoStatus(errno, "create " + path);
  const std::string line = token + "\n";
  if (::write(made.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return ErrnoStatus(errno, "write " + path);
  }
  return token;
}

Poco::Net::HTTPServerParams::Ptr ServerParameters() {
  Poco::Net::HTTPServerParams::Ptr parameters = new Poco::Net::HTTPServerParams;
  parameters->setMaxThreads(kThreads);
  parameters->setMaxQueued(kQueued);
  parameters->setTimeout(Poco::Timespan(60, 0));
  parameters->setKeepAliveTimeout(Poco::Timespan(2, 0));
  return parameters;
}

}  // namespace

struct AdminServer::Parts {
  Parts(Options the_options, KernelNode& the_node)
      : options(std::move(the_options)), node(the_node), dashboard(options.dashboard) {}

  Options options;
  KernelNode& node;
  const Dashboard dashboard;
  std::string dashboard_url;
  Poco::ThreadPool threads{2, kThreads, 10, 256 * 1024};
  std::unique_ptr<Access> tcp_access;
  std::unique_ptr<Access> socket_access;
  std::unique_ptr<Poco::Net::HTTPServer> tcp;
  std::unique_ptr<Poco::Net::HTTPServer> socket;
  std::string url;
  std::string socket_path;

  absl::Status ServeTcp(const std::string& token) {
    try {
      Poco::Net::ServerSocket listener;
      const Poco::Net::SocketAddress address(options.listen);
      listener.bind(address, /*reuseAddress=*/true, /*reusePort=*/false);
      listener.listen(kQueued);
      const std::string host = listener.address().toString();
      url = "http://" + host;
      dashboard_url = absl::StrCat(url, "/#token=", token);
      tcp_access.reset(
          new Access{node, token, host, false, dashboard, dashboard_url, options.shutdown});
      tcp = std::make_unique<Poco::Net::HTTPServer>(new HandlerFactory(*tcp_access), threads,
                                                    listener, ServerParameters());
      tcp->start();
      return absl::OkStatus();
    } catch (const Poco::Exception& error) {
      return absl::FailedPreconditionError(
          absl::StrCat("admin.listen=", options.listen, ": ", error.displayText(),
                       "; set admin.listen to another address, or to 127.0.0.1:0 for any port"));
    }
  }

  absl::Status ServeSocket() {
    socket_path = options.socket;
    if (socket_path.size() > kMaxSocketPath) {
      socket_path = absl::StrCat("/tmp/l2p-", ::getpid(), ".sock");
    }
    ::unlink(socket_path.c_str());  // Ours by the lock on data.dir; left by a killed node.
    const mode_t mask = ::umask(0177);
    absl::Status status;
    try {
      const Poco::Net::SocketAddress address(Poco::Net::SocketAddress::UNIX_LOCAL, socket_path);
      socket_access.reset(
          new Access{node, "", "", true, dashboard, dashboard_url, options.shutdown});
      socket = std::make_unique<Poco::Net::HTTPServer>(new HandlerFactory(*socket_access), threads,
                                                       Poco::Net::ServerSocket(address, kQueued),
                                                       ServerParameters());
      socket->start();
    } catch (const Poco::Exception& error) {
      status = absl::FailedPreconditionError(
          absl::StrCat("admin.socket=", socket_path, ": ", error.displayText()));
    }
    ::umask(mask);
    return status;
  }
};

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(Options options, KernelNode& node) {
  auto parts = std::make_unique<Parts>(std::move(options), node);
  L2P_ASSIGN_OR_RETURN(const std::string token,
                       ReadOrMakeToken(parts->options.token_file, node.crypto()));
  if (!parts->options.listen.empty()) L2P_RETURN_IF_ERROR(parts->ServeTcp(token));
  L2P_RETURN_IF_ERROR(parts->ServeSocket());
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(parts)));
}

AdminServer::AdminServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

AdminServer::~AdminServer() {
  Stop(absl::ZeroDuration());
  // A handler that was cut off may still be on its way out of the node.
  parts_->threads.joinAll();
}

std::string AdminServer::url() const { return parts_->url; }
std::string AdminServer::socket() const { return parts_->socket_path; }

void AdminServer::Stop(Duration grace) {
  const Time deadline = absl::Now() + grace;
  const auto stop = [&](std::unique_ptr<Poco::Net::HTTPServer>& server, const Access* access) {
    if (!server) return;
    server->stop();
    while (access->running > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
    server->stopAll(/*abortCurrent=*/true);
    server.reset();
  };
  stop(parts_->tcp, parts_->tcp_access.get());
  stop(parts_->socket, parts_->socket_access.get());

  if (!parts_->socket_path.empty()) ::unlink(parts_->socket_path.c_str());
  parts_->socket_path.clear();
}

}  // namespace l2p
