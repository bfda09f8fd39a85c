#include "kernel/admin/access.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

using Poco::Net::HTTPResponse;

// Compares in a time that depends on the lengths alone.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

AccessCheck::Denial Forbidden(std::string message) {
  return {HTTPResponse::HTTP_FORBIDDEN, "permission_denied", std::move(message)};
}

}  // namespace

AccessCheck::AccessCheck(std::string host, std::string token)
    : host_(std::move(host)), token_(std::move(token)) {}

// A page of another origin must not reach us, neither by its own name for our address (DNS
// rebinding) nor by a cross-site request.
std::optional<AccessCheck::Denial> AccessCheck::CheckOrigin(
    const Poco::Net::HTTPServerRequest& request) const {
  const std::string host = request.get("Host", "");
  const std::string port = host_.substr(host_.rfind(':'));
  if (host != host_ && host != "localhost" + port && host != "[::1]" + port &&
      host != "127.0.0.1" + port) {
    return Denial{HTTPResponse::HTTP_MISDIRECTED_REQUEST, "permission_denied",
                  absl::StrCat("this endpoint is not '", host, "'")};
  }
  const std::string own = "http://" + host;
  if (const std::string origin = request.get("Origin", own); origin != own) {
    return Forbidden(absl::StrCat("requests from origin '", origin, "' are refused"));
  }
  if (const std::string referer = request.get("Referer", own);
      referer != own && !absl::StartsWith(referer, own + "/")) {
    return Forbidden("requests that a page elsewhere refers to are refused");
  }
  return std::nullopt;
}

std::optional<AccessCheck::Denial> AccessCheck::CheckToken(
    const Poco::Net::HTTPServerRequest& request, Time now) {
  const std::string header = request.get("Authorization", "");
  if (header.empty()) {
    return Denial{HTTPResponse::HTTP_UNAUTHORIZED, "unauthenticated",
                  "a bearer token is needed; it is in admin.token in the node's data.dir"};
  }
  absl::string_view token = header;
  const bool is_bearer = absl::ConsumePrefix(&token, "Bearer ");
  MutexLock lock(mutex_);
  const double since = counted_ == absl::InfinitePast() ? 0 : absl::ToDoubleSeconds(now - counted_);
  wrong_left_ = std::min(kWrongTokens, wrong_left_ + since * kWrongTokensPerSecond);
  counted_ = now;
  if (wrong_left_ < 1) {
    return Denial{HTTPResponse::HTTP_TOO_MANY_REQUESTS, "unavailable",
                  "too many wrong tokens; wait a second, or use the unix socket"};
  }
  if (is_bearer && SameSecret({token.data(), token.size()}, token_)) return std::nullopt;
  wrong_left_ -= 1;
  return Denial{HTTPResponse::HTTP_UNAUTHORIZED, "unauthenticated",
                "the token is wrong; the right one is in admin.token in the node's data.dir"};
}

}  // namespace l2p
