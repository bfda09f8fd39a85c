#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kernel/admin/tar.h"
#include "kernel/cli/commands.h"
#include "kernel/cli/progress.h"
#include "kernel/runtime/path_input.h"
#include "kernel/runtime/path_output.h"

namespace l2p {
namespace {

using Poco::JSON::Object;

std::string BaseName(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  if (!path.empty() && path.front() == '/') return path;
  char folder[PATH_MAX];
  if (::getcwd(folder, sizeof folder) == nullptr) return ErrnoStatus(errno, "current folder");
  return absl::StrCat(folder, "/", path);
}

absl::Status Copy(std::istream& in, std::ostream& out) {
  std::vector<char> buffer(1 << 20);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
    out.write(buffer.data(), in.gcount());
    if (!out.good()) return absl::UnavailableError("the receiving side has gone");
  }
  return in.bad() ? absl::UnavailableError("reading failed") : absl::OkStatus();
}

// Fills in how the content travels: a path for a node on this machine, else as the body.
absl::Status AddContent(const Invocation& invocation, const std::string& path, std::string& query,
                        ApiClient::Request& request) {
  if (path == "-") {
    request.body = [](std::ostream& out) { return Copy(std::cin, out); };
    return absl::OkStatus();
  }
  L2P_ASSIGN_OR_RETURN(const std::string absolute, AbsolutePath(path));
  struct stat info;
  if (::stat(absolute.c_str(), &info) != 0) return ErrnoStatus(errno, "put " + path);
  absl::StrAppend(&query, "&name=", PercentEncode(BaseName(absolute)));
  if (invocation.api.local()) {
    absl::StrAppend(&query, "&path=", PercentEncode(absolute));
    return absl::OkStatus();
  }
  if (S_ISDIR(info.st_mode)) {
    request.headers["Content-Type"] = "application/x-tar";
    request.body = [absolute](std::ostream& out) -> absl::Status {
      L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Input> input, OpenPathInput(absolute));
      return WriteTar(*input, out);
    };
    return absl::OkStatus();
  }
  request.body_size = static_cast<uint64_t>(info.st_size);
  request.body = [absolute](std::ostream& out) -> absl::Status {
    std::ifstream in(absolute, std::ios::binary);
    if (!in) return ErrnoStatus(errno, "open " + absolute);
    return Copy(in, out);
  };
  return absl::OkStatus();
}

void ShowPut(Progress& progress, const Object::Ptr& line) {
  const auto wanted = line->optValue<uint64_t>("wanted_bytes", 0);
  const auto read = line->optValue<uint64_t>("read_bytes", 0);
  if (wanted == 0) {
    std::optional<uint64_t> total;
    if (line->has("total_bytes")) total = line->getValue<uint64_t>("total_bytes");
    progress.Show(read, total, "read");
    return;
  }
  // What is still to be cut will be wanted as often as what was.
  uint64_t total = wanted;
  const auto total_bytes = line->optValue<uint64_t>("total_bytes", read);
  if (read > 0 && total_bytes > read) {
    total = static_cast<uint64_t>(static_cast<double>(wanted) / static_cast<double>(read) *
                                  static_cast<double>(total_bytes));
  }
  progress.Show(line->optValue<uint64_t>("acknowledged_bytes", 0), total,
                absl::StrCat("acknowledged by ", line->optValue<uint64_t>("peers", 0), " peers, ",
                             line->optValue<uint64_t>("copies", 0), " copies"));
}

absl::StatusOr<Object::Ptr> PutOne(const Invocation& invocation, const std::string& path,
                                   std::vector<std::string>& receipts) {
  std::string query = "?";
  for (const char* flag : {"only-hash", "local", "strict"}) {
    if (!invocation.arguments.Has(absl::StrCat("--", flag))) continue;
    absl::StrAppend(&query, "&", flag == std::string("only-hash") ? "only_hash" : flag, "=1");
  }
  for (const char* option : {"profile", "chunker", "hasher", "redundancy", "lease"}) {
    if (const auto value = invocation.arguments.Value(absl::StrCat("--", option))) {
      absl::StrAppend(&query, "&", option, "=", PercentEncode(*value));
    }
  }
  if (invocation.arguments.Has("--receipts")) absl::StrAppend(&query, "&receipts=1");
  ApiClient::Request request;
  request.method = "POST";
  L2P_RETURN_IF_ERROR(AddContent(invocation, path, query, request));
  request.target = "/api/v1/files" + query;
  Object::Ptr done;
  {
    Progress progress("put " + path);
    L2P_RETURN_IF_ERROR(invocation.api.Lines(request, [&](const Object::Ptr& line) {
      if (line->optValue<std::string>("event", "") == "done") {
        done = line;
      } else if (line->optValue<std::string>("event", "") == "receipt") {
        receipts.push_back(line->getValue<std::string>("receipt"));
      } else {
        ShowPut(progress, line);
      }
    }));
  }
  if (!done) return absl::UnavailableError("the node ended the put without a result");
  return done;
}

std::string DefaultTarget(const std::string& id) {
  return id.find('/') == std::string::npos ? id : BaseName(id);
}

absl::StatusOr<Object::Ptr> ExportByNode(const Invocation& invocation, const std::string& id,
                                         const std::string& target) {
  L2P_ASSIGN_OR_RETURN(const std::string absolute, AbsolutePath(target));
  ApiClient::Request request;
  request.method = "POST";
  const size_t slash = id.find('/');
  request.target = absl::StrCat("/api/v1/files/", PercentEncode(id.substr(0, slash)),
                                "/export?path=", PercentEncode(absolute),
                                invocation.arguments.Has("--keep") ? "&keep=1" : "");
  if (slash != std::string::npos) {
    absl::StrAppend(&request.target, "&below=", PercentEncode(id.substr(slash + 1)));
  }
  Object::Ptr done;
  Progress progress("get " + id);
  L2P_RETURN_IF_ERROR(invocation.api.Lines(request, [&](const Object::Ptr& line) {
    if (line->optValue<std::string>("event", "") == "done") {
      done = line;
    } else {
      progress.Show(line->optValue<uint64_t>("written_bytes", 0),
                    line->optValue<uint64_t>("total_bytes", 0),
                    absl::StrCat("from ", line->optValue<uint64_t>("peers", 0), " peers"));
    }
  }));
  if (!done) return absl::UnavailableError("the node ended the get without a result");
  return done;
}

// Puts what `input` yields at `output`: a tar archive that came over HTTP.
absl::Status Unpack(Input& input, PathOutput& output) {
  std::vector<uint8_t> buffer(1 << 20);
  L2P_RETURN_IF_ERROR(output.Folder(""));
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::optional<Input::Entry> entry, input.Next());
    if (!entry) return output.Commit();
    if (entry->type == Input::Entry::Type::kFolder) {
      L2P_RETURN_IF_ERROR(output.Folder(entry->path));
    } else if (entry->type == Input::Entry::Type::kLink) {
      L2P_RETURN_IF_ERROR(output.Link(entry->path, entry->target));
    } else {
      L2P_RETURN_IF_ERROR(output.BeginFile(entry->path, 0));
      for (uint64_t offset = 0;;) {
        L2P_ASSIGN_OR_RETURN(const size_t got, input.Read(buffer));
        if (got == 0) break;
        L2P_RETURN_IF_ERROR(output.Write(offset, Bytes::Copy(ByteView(buffer.data(), got))));
        offset += got;
      }
      L2P_RETURN_IF_ERROR(output.EndFile());
    }
  }
}

absl::Status SaveBody(std::istream& in, std::optional<uint64_t> size, PathOutput& output,
                      const std::string& id) {
  std::vector<uint8_t> buffer(1 << 20);
  Progress progress("get " + id);
  L2P_RETURN_IF_ERROR(output.BeginFile("", size.value_or(0)));
  uint64_t offset = 0;
  while (
      in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size())),
      in.gcount() > 0) {
    const auto got = static_cast<size_t>(in.gcount());
    L2P_RETURN_IF_ERROR(output.Write(offset, Bytes::Copy(ByteView(buffer.data(), got))));
    offset += got;
    progress.Show(offset, size, "");
  }
  if (size && offset != *size) {
    return absl::UnavailableError(
        absl::StrCat("the node sent ", offset, " of ", *size, " bytes, then no more could be had"));
  }
  L2P_RETURN_IF_ERROR(output.EndFile());
  return output.Commit();
}

absl::StatusOr<Object::Ptr> Download(const Invocation& invocation, const std::string& id,
                                     const std::string& target) {
  if (invocation.arguments.Has("--keep")) {
    return absl::InvalidArgumentError(
        "--keep needs the admin socket of a node of yours on this machine");
  }
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<PathOutput> output, PathOutput::Open(target));
  ApiClient::Request request;
  request.target = PathTarget("/api/v1/files", id);
  ApiClient::Head head;
  L2P_RETURN_IF_ERROR(invocation.api.Body(
      request,
      [&](const ApiClient::Head& begun) {
        head = begun;
        return absl::OkStatus();
      },
      [&](std::istream& in) {
        if (head.content_type != "application/x-tar") return SaveBody(in, head.size, *output, id);
        L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Input> tar, OpenTarInput(in));
        return Unpack(*tar, *output);
      }));
  Object::Ptr done = new Object(Poco::JSON_PRESERVE_KEY_ORDER);
  done->set("event", "done");
  done->set("id", id);
  return done;
}

}  // namespace

int RunPut(const Invocation& invocation) {
  int exit_code = kExitDone;
  const std::optional<std::string> receipt_file = invocation.arguments.Value("--receipts");
  if (receipt_file && invocation.arguments.positional().size() > 1) {
    std::cerr << "l2p: put: --receipts is for one file or folder\n";
    return kExitUsage;
  }
  for (const std::string& path : invocation.arguments.positional()) {
    std::vector<std::string> receipts;
    const absl::StatusOr<Object::Ptr> done = PutOne(invocation, path, receipts);
    if (!done.ok()) {
      exit_code = Report(WithContext(done.status(), "put " + path));
      if (exit_code == kExitNoNode) return exit_code;
      continue;
    }
    const std::string shortfall = (*done)->optValue<std::string>("shortfall", "");
    if (!shortfall.empty()) std::cerr << "l2p: put " << path << ": " << shortfall << "\n";
    const std::string safe = (*done)->optValue<std::string>("safe", "");
    if (!safe.empty()) std::cerr << "l2p: put " << path << ": safe to go offline: " << safe << "\n";
    if (receipt_file) {
      const absl::Status written =
          WriteReceipts(*receipt_file, (*done)->getValue<std::string>("id"), receipts);
      if (!written.ok()) exit_code = Report(WithContext(written, "put " + path));
    }
    if (!(*done)->optValue<bool>("complete", true)) exit_code = kExitFailed;
    if (invocation.json) {
      (*done)->stringify(std::cout);
      std::cout << std::endl;
    } else {
      std::cout << (*done)->getValue<std::string>("id") << std::endl;
    }
  }
  return exit_code;
}

int RunGet(const Invocation& invocation) {
  const std::string& id = invocation.arguments.positional()[0];
  const std::string target = invocation.arguments.Value("-o").value_or(DefaultTarget(id));
  const absl::StatusOr<Object::Ptr> done = invocation.api.local()
                                               ? ExportByNode(invocation, id, target)
                                               : Download(invocation, id, target);
  if (!done.ok()) return Report(WithContext(done.status(), "get " + id), /*reads=*/true);
  if (invocation.json) {
    (*done)->stringify(std::cout);
    std::cout << std::endl;
  }
  return kExitDone;
}

int RunCat(const Invocation& invocation) {
  const std::string& id = invocation.arguments.positional()[0];
  ApiClient::Request request;
  request.target = PathTarget("/api/v1/files", id);
  if (const auto range = invocation.arguments.Value("--range")) {
    const size_t dash = range->find('-');
    uint64_t first = 0;
    uint64_t last = 0;
    if (dash == std::string::npos || !absl::SimpleAtoi(range->substr(0, dash), &first) ||
        !absl::SimpleAtoi(range->substr(dash + 1), &last) || last < first) {
      std::cerr << "l2p: cat: --range " << *range << " is not A-B with A <= B, in bytes\n";
      return kExitUsage;
    }
    request.headers["Range"] = absl::StrCat("bytes=", first, "-", last);
  }
  std::optional<uint64_t> size;
  uint64_t sent = 0;
  const absl::Status status = invocation.api.Body(
      request,
      [&](const ApiClient::Head& head) -> absl::Status {
        size = head.size;
        if (head.content_type == "application/x-tar") {
          return absl::InvalidArgumentError("it is a folder; use ls or get");
        }
        return absl::OkStatus();
      },
      [&](std::istream& in) -> absl::Status {
        std::vector<char> buffer(1 << 20);
        while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())),
               in.gcount() > 0) {
          std::cout.write(buffer.data(), in.gcount());
          sent += static_cast<uint64_t>(in.gcount());
          if (!std::cout.good()) return absl::AbortedError("stdout is closed");
        }
        std::cout.flush();
        if (size && sent != *size) {
          return absl::UnavailableError("the rest cannot be had now; the output is cut off");
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return Report(WithContext(status, "cat " + id), /*reads=*/true);
  return kExitDone;
}

}  // namespace l2p
