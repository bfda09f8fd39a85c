#include "kernel/cli/commands.h"

#include <iostream>

#include "absl/strings/str_format.h"

namespace l2p {
namespace {

constexpr size_t kAny = 1'000'000;

constexpr OptionSpec kPut[] = {
    {"--only-hash", nullptr, "print the id and store nothing"},
    {"--local", nullptr, "store in this node only; push nothing"},
    {"--profile", "NAME", "how the file becomes blocks: unixfs-v1-2025, unixfs-v1-256k, ..."},
    {"--chunker", "NAME", "cut with this chunker"},
    {"--hasher", "NAME", "name blocks with this hash"},
    {"--redundancy", "SPEC", "copies:N, rs:K/N or auto; default placement.redundancy"},
    {"--lease", "TIME", "how long holders are to keep it: 90d, forever; default placement.lease"},
    {"--receipts", "FILE", "write what the holders sign into FILE; see l2p receipt"},
    {"--strict", nullptr, "fail when less redundancy was reached than asked"},
};
constexpr OptionSpec kGet[] = {
    {"-o", "PATH", "where to; default: the id, in this folder"},
    {"--keep", nullptr, "keep it in this node as well"},
};
constexpr OptionSpec kCat[] = {
    {"--range", "A-B", "only bytes A to B, both included"},
};

constexpr Command kCommands[] = {
    {"put", "PATH...|-", "store files or folders on the network; prints their ids", 1, kAny, kPut,
     RunPut},
    {"get", "ID[/PATH]", "bring a file or folder back", 1, 1, kGet, RunGet},
    {"cat", "ID[/PATH]", "write a file to stdout", 1, 1, kCat, RunCat},
    {"ls", "ID[/PATH]", "list a folder", 1, 1, {}, RunLs},
    {"stat", "ID[/PATH]", "tell type and size", 1, 1, {}, RunStat},
    {"health",
     "ID",
     "tell how safe something is: exit 0 healthy, 5 degraded, 6 lost",
     1,
     1,
     {},
     RunHealth},
    {"files", "", "list what was put here", 0, 0, {}, RunFiles},
    {"redundancy",
     "ID|NAME SPEC",
     "place a file of this node anew, in the background",
     2,
     2,
     {},
     RunRedundancy},
    {"receipt", "verify FILE", "check receipts; needs no node", 2, 2, {}, RunReceipt},
    {"rm", "ID|NAME", "forget what was put here, at its holders as well", 1, 1, {}, RunRm},
    {"pin", "add|rm|ls [ID]", "keep a file or folder in this node, or no longer", 1, 2, {}, RunPin},
    {"gc", "", "free blocks that nobody needs", 0, 0, {}, RunGc},
    {"id", "", "tell this node's id and addresses", 0, 0, {}, RunId},
    {"peers", "", "list the connected peers", 0, 0, {}, RunPeers},
    {"connect", "MULTIADDR", "connect to a peer", 1, 1, {}, RunConnect},
    {"plugins",
     "[check FILE]",
     "list the plugins; or tell why a node would refuse a file",
     0,
     2,
     {},
     RunPlugins},
    {"plugin", "new KIND NAME", "write the project of a new plugin to ./NAME", 3, 3, {}, RunPlugin},
    {"swap",
     "KIND NAME [KEY=VALUE...]",
     "swap the live plugin of chunking or hashing",
     2,
     kAny,
     {},
     RunSwap},
    {"settings", "", "list all settings and their values", 0, 0, {}, RunSettings},
    {"status", "", "tell how the node is", 0, 0, {}, RunStatus},
    {"completion", "bash|zsh", "print a script that completes words", 1, 1, {}, RunCompletion},
    {"dashboard",
     "",
     "print the address of the node's page, with its token",
     0,
     0,
     {},
     RunDashboard},
    {"shutdown", "", "drain the node and stop it", 0, 0, {}, RunShutdown},
};

}  // namespace

std::span<const Command> Commands() { return kCommands; }

std::string HumanBytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, bytes, kUnits[unit]);
}

int Report(const absl::Status& error, bool reads) {
  std::cerr << "l2p: " << std::string(error.message()) << "\n";
  if (IsNoNode(error)) return kExitNoNode;
  switch (error.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return reads ? kExitNotAvailable : kExitFailed;
    default:
      return kExitFailed;
  }
}

}  // namespace l2p
