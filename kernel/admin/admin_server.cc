#include "kernel/admin/admin_server.h"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/ThreadPool.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/admin/access.h"
#include "kernel/admin/dashboard.h"
#include "kernel/admin/patient_socket.h"
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
struct Door {
  Door(KernelNode& the_node, const Dashboard& the_dashboard, const AdminEndpoint& the_endpoint)
      : node(the_node), dashboard(the_dashboard), endpoint(the_endpoint) {}

  KernelNode& node;
  std::optional<AccessCheck> check;  // None for the unix socket: the file's mode is the check.
  const Dashboard& dashboard;
  const AdminEndpoint& endpoint;
  std::atomic<int> running = 0;  // Requests being handled; idle connections do not count.
};

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
  explicit Handler(Door& door) : door_(door) { ++door_.running; }
  ~Handler() override { --door_.running; }

  void handleRequest(Poco::Net::HTTPServerRequest& request,
                     Poco::Net::HTTPServerResponse& response) override {
    AdminCall call(door_.node, door_.endpoint, request, response, !door_.check);
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
    if (door_.check && Denied(call, door_.check->CheckOrigin(call.request()))) {
      return absl::OkStatus();
    }
    if (door_.dashboard.Serve(call)) return absl::OkStatus();
    std::string allowed;
    for (const Route& route : Routes()) {
      if (!Matches(route.pattern, call.segments())) continue;
      if (call.method() != route.method) {
        absl::StrAppend(&allowed, allowed.empty() ? "" : ", ", route.method);
        continue;
      }
      const bool is_asked = door_.check && !route.open;
      if (is_asked &&
          Denied(call, door_.check->CheckToken(call.request(), call.node().runtime().Now()))) {
        return absl::OkStatus();
      }
      if (route.body == Route::kJsonBody &&
          !absl::StartsWith(call.request().getContentType(), "application/json")) {
        Refuse(call, HTTPResponse::HTTP_UNSUPPORTED_MEDIA_TYPE, "invalid_argument",
               "the body must be application/json");
        return absl::OkStatus();
      }
      return route.handle(call);
    }
    if (allowed.empty()) {
      return absl::NotFoundError(absl::StrCat("no such resource: ", call.request().getURI()));
    }
    call.response().set("Allow", allowed);
    Refuse(call, HTTPResponse::HTTP_METHOD_NOT_ALLOWED, "invalid_argument",
           absl::StrCat(call.method(), " is not allowed here; allowed: ", allowed));
    return absl::OkStatus();
  }

  static bool Denied(AdminCall& call, const std::optional<AccessCheck::Denial>& denial) {
    if (!denial) return false;
    if (denial->status == HTTPResponse::HTTP_UNAUTHORIZED) {
      call.response().set("WWW-Authenticate", "Bearer");
    }
    if (denial->status == HTTPResponse::HTTP_TOO_MANY_REQUESTS) {
      call.response().set("Retry-After", "1");
    }
    Refuse(call, denial->status, denial->code, denial->message);
    return true;
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

  Door& door_;
};

class HandlerFactory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit HandlerFactory(Door& door) : door_(door) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(
      const Poco::Net::HTTPServerRequest&) override {
    return new Handler(door_);
  }

 private:
  Door& door_;
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
  // Poco's stop() does not wake a thread that is just about to wait for a connection; the drain
  // then lasts as long as that thread waits.
  parameters->setThreadIdleTime(Poco::Timespan(0, 500'000));
  return parameters;
}

}  // namespace

struct AdminServer::Parts {
  Parts(Options the_options, KernelNode& the_node)
      : options(std::move(the_options)), node(the_node), dashboard(options.dashboard) {
    endpoint.shutdown = options.shutdown;
  }

  Options options;
  KernelNode& node;
  const Dashboard dashboard;
  AdminEndpoint endpoint;
  Poco::ThreadPool threads{2, kThreads, 10, 256 * 1024};
  std::unique_ptr<Door> tcp_door;
  std::unique_ptr<Door> socket_door;
  PatientSocket tcp_listener;
  PatientSocket socket_listener;
  std::unique_ptr<Poco::Net::HTTPServer> tcp;
  std::unique_ptr<Poco::Net::HTTPServer> socket;
  std::string url;
  std::string socket_path;

  absl::Status ServeTcp(const std::string& token) {
    try {
      const Poco::Net::SocketAddress address(options.listen);
      tcp_listener.bind(address, /*reuseAddress=*/true, /*reusePort=*/false);
      tcp_listener.listen(kQueued);
      const std::string host = tcp_listener.address().toString();
      url = "http://" + host;
      endpoint.dashboard_url = absl::StrCat(url, "/#token=", token);
      tcp_door = std::make_unique<Door>(node, dashboard, endpoint);
      tcp_door->check.emplace(host, token);
      tcp = std::make_unique<Poco::Net::HTTPServer>(new HandlerFactory(*tcp_door), threads,
                                                    tcp_listener, ServerParameters());
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
      socket_door = std::make_unique<Door>(node, dashboard, endpoint);
      socket_listener.bind(address, /*reuseAddress=*/true);
      socket_listener.listen(kQueued);
      socket = std::make_unique<Poco::Net::HTTPServer>(new HandlerFactory(*socket_door), threads,
                                                       socket_listener, ServerParameters());
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
  const auto stop = [&](std::unique_ptr<Poco::Net::HTTPServer>& server, PatientSocket& listener,
                        const Door* door) {
    if (!server) return;
    listener.Wake();
    server->stop();
    while (door->running > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
    server->stopAll(/*abortCurrent=*/true);
    server.reset();
  };
  stop(parts_->tcp, parts_->tcp_listener, parts_->tcp_door.get());
  stop(parts_->socket, parts_->socket_listener, parts_->socket_door.get());

  if (!parts_->socket_path.empty()) ::unlink(parts_->socket_path.c_str());
  parts_->socket_path.clear();
}

}  // namespace l2p
