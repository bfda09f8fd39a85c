#include "kernel/admin/dashboard.h"

#include <fstream>
#include <iterator>

namespace l2p {
namespace {

struct Known {
  const char* path;
  const char* name;
  const char* type;
};
constexpr Known kFiles[] = {
    {"", "index.html", "text/html; charset=utf-8"},
    {"dashboard.css", "dashboard.css", "text/css; charset=utf-8"},
    {"dashboard.js", "dashboard.js", "text/javascript; charset=utf-8"},
    {"chart.js", "chart.js", "text/javascript; charset=utf-8"},
};

// Nothing of another origin, neither in the page nor around it.
constexpr char kContentPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

Dashboard::Dashboard(const std::string& folder) {
  for (const Known& known : kFiles) {
    std::ifstream in(folder + "/" + known.name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in) files_[known.path] = {known.type, std::move(text)};
  }
}

bool Dashboard::Serve(AdminCall& call) const {
  if ((call.method() != "GET" && call.method() != "HEAD") || call.segments().size() > 1) {
    return false;
  }
  const auto file = files_.find(call.segments().empty() ? "" : call.segments()[0]);
  if (file == files_.end()) return false;
  Poco::Net::HTTPServerResponse& response = call.response();
  response.setContentType(file->second.type);
  response.set("Content-Security-Policy", kContentPolicy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cache-Control", "no-cache");
  if (call.method() == "HEAD") {
    response.setContentLength64(static_cast<Poco::Int64>(file->second.text.size()));
    response.send().flush();
  } else {
    response.sendBuffer(file->second.text.data(), file->second.text.size());
  }
  return true;
}

}  // namespace l2p
