#include <Poco/JSON/Array.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "kernel/cli/commands.h"

namespace l2p {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

void PrintJson(const Object::Ptr& document) {
  document->stringify(std::cout);
  std::cout << std::endl;
}

// Fetches a document and prints it, as JSON or by `print`.
int Show(const Invocation& invocation, const std::string& target, bool reads,
         void (*print)(const Object::Ptr&)) {
  ApiClient::Request request;
  request.target = target;
  const absl::StatusOr<Object::Ptr> document = invocation.api.Json(request);
  if (!document.ok()) return Report(document.status(), reads);
  if (invocation.json) {
    PrintJson(*document);
  } else {
    print(*document);
  }
  return kExitDone;
}

// The objects of the array `name` in `document`.
std::vector<Object::Ptr> Items(const Object::Ptr& document, const std::string& name) {
  std::vector<Object::Ptr> items;
  const Array::Ptr array = document->getArray(name);
  for (size_t i = 0; array && i < array->size(); ++i) {
    items.push_back(array->getObject(static_cast<unsigned>(i)));
  }
  return items;
}

std::string Text(const Object::Ptr& object, const std::string& name) {
  return object->optValue<std::string>(name, "");
}

void PrintStrings(const Object::Ptr& object, const std::string& name, const char* indent) {
  const Array::Ptr array = object->getArray(name);
  for (size_t i = 0; array && i < array->size(); ++i) {
    std::cout << indent << array->getElement<std::string>(static_cast<unsigned>(i)) << "\n";
  }
}

// One sentence, broken into lines of a terminal.
void PrintAdvice(const std::string& sentence) {
  constexpr size_t kColumns = 78;  // Beside the mark.
  std::string line;
  const char* mark = "! ";
  const auto flush = [&] {
    std::cout << mark << line << "\n";
    mark = "  ";
    line.clear();
  };
  for (const absl::string_view word : absl::StrSplit(sentence, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > kColumns) flush();
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  flush();
}

// At most a screen of 24 lines.
void PrintAllAdvice(const Object::Ptr& status) {
  constexpr size_t kMost = 6;
  const Array::Ptr advice = status->getArray("advice");
  const size_t count = advice ? advice->size() : 0;
  for (size_t i = 0; i < std::min(count, kMost); ++i) {
    PrintAdvice(advice->getElement<std::string>(static_cast<unsigned>(i)));
  }
  if (count > kMost) PrintAdvice(absl::StrCat(count - kMost, " more: l2p --json status"));
}

void PrintStatus(const Object::Ptr& status) {
  const auto bytes = [&](const char* name) {
    return HumanBytes(status->optValue<double>(name, 0));
  };
  const auto number = [&](const char* name) { return status->optValue<uint64_t>(name, 0); };
  std::cout << "node      " << Text(status, "id") << "\n"
            << "version   " << Text(status, "version") << ", up " << Text(status, "uptime") << "\n"
            << "peers     " << number("connected_peers") << " connected, " << number("known_peers")
            << " known; "
            << (status->optValue<bool>("was_dialled", false) ? "others reach this node"
                                                             : "nobody has connected to this node")
            << "\n"
            << "storage   " << bytes("disk_bytes") << " of " << bytes("quota_bytes") << " in "
            << number("blocks") << " blocks; disk has " << bytes("disk_free_bytes") << " free\n"
            << "held      " << number("held_groups") << " groups, " << number("degraded_groups")
            << " to be repaired; " << number("lost_blocks") << " blocks lost here\n"
            << "memory    " << bytes("memory_used") << " of " << bytes("memory_limit")
            << " in flight\n";
  if (const Object::Ptr move = status->getObject("move")) {
    const uint64_t blocks = move->optValue<uint64_t>("blocks", 0);
    const uint64_t copied = move->optValue<uint64_t>("copied", 0);
    std::cout << "moving    " << Text(move, "from") << " to " << Text(move, "to") << ": " << copied
              << " of " << blocks << " blocks";
    if (blocks > 0) std::cout << " (" << 100 * copied / blocks << " %)";
    std::cout << "\n";
  }
  PrintAllAdvice(status);
}

void PrintPlugins(const Object::Ptr& plugins) {
  for (const Object::Ptr& plugin : Items(plugins, "active")) {
    std::cout << absl::StrFormat("%-10s %-10s %-8s %s\n", Text(plugin, "kind"),
                                 Text(plugin, "name"), Text(plugin, "version"),
                                 Text(plugin, "role") == "live" ? "running" : Text(plugin, "role"));
  }
  for (const Object::Ptr& plugin : Items(plugins, "available")) {
    const std::string refused = Text(plugin, "refused");
    std::cout << absl::StrFormat("%-10s %-10s %-8s %s\n", Text(plugin, "kind"),
                                 Text(plugin, "name"), Text(plugin, "version"),
                                 refused.empty() ? "available" : "refused: " + refused);
  }
}

}  // namespace

int RunLs(const Invocation& invocation) {
  const std::string& id = invocation.arguments.positional()[0];
  ApiClient::Request request;
  request.target = PathTarget("/api/v1/list", id);
  const absl::Status status = invocation.api.Lines(request, [&](const Object::Ptr& entry) {
    if (invocation.json) {
      PrintJson(entry);
    } else {
      std::cout << absl::StrFormat("%s %12d %s\n", Text(entry, "id"),
                                   entry->optValue<uint64_t>("dag_bytes", 0), Text(entry, "name"));
    }
  });
  std::cout.flush();
  return status.ok() ? kExitDone : Report(WithContext(status, "ls " + id), /*reads=*/true);
}

int RunStat(const Invocation& invocation) {
  return Show(invocation, PathTarget("/api/v1/stat", invocation.arguments.positional()[0]),
              /*reads=*/true, [](const Object::Ptr& stat) {
                std::cout << "id    " << Text(stat, "id") << "\n"
                          << "type  " << Text(stat, "type") << "\n"
                          << "size  " << stat->optValue<uint64_t>("size", 0) << "\n";
                if (stat->has("target")) std::cout << "link  " << Text(stat, "target") << "\n";
              });
}

int RunHealth(const Invocation& invocation) {
  const std::string& id = invocation.arguments.positional()[0];
  ApiClient::Request request;
  request.target = "/api/v1/health/" + PercentEncode(id);
  const absl::StatusOr<Object::Ptr> health = invocation.api.Json(request);
  if (!health.ok()) return Report(WithContext(health.status(), "health " + id), /*reads=*/true);
  const std::string verdict = Text(*health, "verdict");
  if (invocation.json) {
    PrintJson(*health);
  } else {
    std::cout << verdict << "\n";
    for (const Object::Ptr& group : Items(*health, "groups")) {
      const auto number = [&](const char* name) { return group->optValue<int>(name, 0); };
      std::cout << absl::StrFormat("%s %-8s %-9s %d of %d, needs %d; %d holders in %d networks",
                                   Text(group, "group"), Text(group, "verdict"),
                                   Text(group, "redundancy"), number("live"), number("wanted"),
                                   number("needed"), number("holders"), number("networks"))
                << "; audited " << group->optValue<std::string>("last_audit", "never")
                << "; repair " << Text(group, "repair");
      if (!Text(group, "why").empty()) std::cout << "; " << Text(group, "why");
      std::cout << "\n";
    }
  }
  return verdict == "healthy" ? kExitDone : verdict == "lost" ? kExitLost : kExitDegraded;
}

int RunFiles(const Invocation& invocation) {
  return Show(invocation, "/api/v1/files", false, [](const Object::Ptr& files) {
    for (const Object::Ptr& file : Items(files, "files")) {
      std::cout << absl::StrFormat("%s %12d %-10s %s %s\n", Text(file, "id"),
                                   file->optValue<uint64_t>("size", 0), Text(file, "redundancy"),
                                   Text(file, "added"), Text(file, "name"));
    }
  });
}

int RunRm(const Invocation& invocation) {
  ApiClient::Request request;
  request.method = "DELETE";
  request.target = "/api/v1/files/" + PercentEncode(invocation.arguments.positional()[0]);
  const absl::StatusOr<Object::Ptr> document = invocation.api.Json(request);
  return document.ok() ? kExitDone : Report(document.status());
}

int RunRedundancy(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  ApiClient::Request request;
  request.method = "POST";
  request.target = absl::StrCat("/api/v1/files/", PercentEncode(words[0]),
                                "/redundancy?redundancy=", PercentEncode(words[1]));
  const absl::StatusOr<Object::Ptr> document = invocation.api.Json(request);
  return document.ok() ? kExitDone : Report(document.status());
}

int RunId(const Invocation& invocation) {
  return Show(invocation, "/api/v1/id", false, [](const Object::Ptr& id) {
    std::cout << Text(id, "id") << "\n";
    PrintStrings(id, "addresses", "  ");
  });
}

int RunPeers(const Invocation& invocation) {
  return Show(invocation, "/api/v1/peers", false, [](const Object::Ptr& peers) {
    for (const Object::Ptr& peer : Items(peers, "peers")) {
      std::cout << absl::StrFormat(
          "%s %-8s %6.1f ms %3d streams  score %+.1f  %s  %s\n", Text(peer, "id"),
          Text(peer, "direction"), peer->optValue<double>("rtt_ms", 0),
          peer->optValue<int>("streams", 0), peer->optValue<double>("score", 0),
          Text(peer, "agent"), Text(peer, "address"));
    }
    for (const Object::Ptr& peer : Items(peers, "shunned")) {
      std::cout << absl::StrFormat("%s shunned  score %+.1f\n", Text(peer, "id"),
                                   peer->optValue<double>("score", 0));
    }
  });
}

int RunConnect(const Invocation& invocation) {
  ApiClient::Request request;
  request.method = "POST";
  request.target = "/api/v1/peers";
  request.headers["Content-Type"] = "application/json";
  Object body;
  body.set("address", invocation.arguments.positional()[0]);
  request.body = [&body](std::ostream& out) {
    body.stringify(out);
    return absl::OkStatus();
  };
  const absl::StatusOr<Object::Ptr> answer = invocation.api.Json(request);
  if (!answer.ok()) return Report(answer.status());
  if (invocation.json) {
    PrintJson(*answer);
  } else {
    std::cout << Text(*answer, "id") << "\n";
  }
  return kExitDone;
}

int RunPlugins(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  if (words.size() == 2 && words[0] == "check") return CheckPluginFile(words[1]);
  if (!words.empty()) {
    std::cerr << "l2p: usage: l2p plugins [check FILE]\n";
    return kExitUsage;
  }
  return Show(invocation, "/api/v1/plugins", false, PrintPlugins);
}

int RunSwap(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  Object settings(Poco::JSON_PRESERVE_KEY_ORDER);
  for (size_t i = 2; i < words.size(); ++i) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    if (pair.first.empty() || words[i].find('=') == std::string::npos) {
      std::cerr << "l2p: swap: expected KEY=VALUE, found '" << words[i] << "'\n";
      return kExitUsage;
    }
    settings.set(pair.first, pair.second);
  }
  Object body(Poco::JSON_PRESERVE_KEY_ORDER);
  body.set("plugin", words[1]);
  body.set("settings", settings);
  ApiClient::Request request;
  request.method = "PUT";
  request.target = "/api/v1/slots/" + PercentEncode(words[0]);
  request.headers["Content-Type"] = "application/json";
  request.body = [&body](std::ostream& out) {
    body.stringify(out);
    return absl::OkStatus();
  };
  const absl::StatusOr<Object::Ptr> slot = invocation.api.Json(request);
  if (!slot.ok()) {
    const int code = Report(slot.status());
    return absl::IsUnimplemented(slot.status()) ? kExitUsage : code;
  }
  if (invocation.json) {
    PrintJson(*slot);
  } else {
    std::cout << Text(*slot, "kind") << " " << Text(*slot, "plugin") << " "
              << Text(*slot, "version") << "\n";
  }
  return kExitDone;
}

int RunSettings(const Invocation& invocation) {
  return Show(invocation, "/api/v1/settings", false, [](const Object::Ptr& settings) {
    for (const Object::Ptr& setting : Items(settings, "settings")) {
      std::cout << Text(setting, "key") << " = " << Text(setting, "value") << "\n";
    }
  });
}

int RunStatus(const Invocation& invocation) {
  return Show(invocation, "/api/v1/status", false, PrintStatus);
}

int RunDashboard(const Invocation& invocation) {
  return Show(invocation, "/api/v1/dashboard", false,
              [](const Object::Ptr& page) { std::cout << Text(page, "url") << "\n"; });
}

int RunShutdown(const Invocation& invocation) {
  ApiClient::Request request;
  request.method = "POST";
  request.target = "/api/v1/shutdown";
  const absl::StatusOr<Object::Ptr> document = invocation.api.Json(request);
  return document.ok() ? kExitDone : Report(document.status());
}

}  // namespace l2p
