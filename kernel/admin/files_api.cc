#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kernel/admin/request_input.h"
#include "kernel/admin/routes.h"
#include "kernel/admin/tar.h"
#include "kernel/runtime/path_output.h"
#include "l2p/multibase.h"

namespace l2p {
namespace {

using Poco::JSON::Object;
using Poco::Net::HTTPResponse;

constexpr Duration kReadPatience = absl::Hours(24);

Object Ordered() { return Object(Poco::JSON_PRESERVE_KEY_ORDER); }

Object ProgressJson(const Content::PutProgress& progress) {
  Object line = Ordered();
  line.set("event", "progress");
  line.set("read_bytes", progress.read_bytes);
  if (progress.total_bytes) line.set("total_bytes", *progress.total_bytes);
  line.set("acknowledged_bytes", progress.placement.acknowledged_bytes);
  line.set("wanted_bytes", progress.placement.wanted_bytes);
  line.set("peers", progress.placement.peers);
  line.set("groups", progress.placement.groups);
  line.set("groups_complete", progress.placement.groups_complete);
  line.set("copies", progress.placement.fewest_copies);
  return line;
}

Object ResultJson(const Content::PutResult& result) {
  Object line = Ordered();
  line.set("event", "done");
  line.set("id", result.id.ToString());
  line.set("size", result.size);
  line.set("dag_bytes", result.dag_bytes);
  line.set("complete", !result.degraded);
  line.set("shortfall", result.shortfall);
  line.set("safe", result.safe);
  if (result.outcome) {
    line.set("redundancy", result.outcome->redundancy.ToString());
    line.set("may_leave", result.safe.empty() ? 0 : result.outcome->redundancy.margin());
    line.set("copies_wanted", result.outcome->copies_wanted);
    line.set("copies", result.outcome->fewest_copies);
    line.set("holders", result.outcome->holders);
    Poco::JSON::Array refusals;
    for (const std::string& refusal : result.outcome->refusals) refusals.add(refusal);
    line.set("refusals", refusals);
  }
  return line;
}

absl::StatusOr<Cid> IdOf(AdminCall& call, const std::string& text) {
  absl::StatusOr<Cid> id = Cid::FromString(text);
  if (id.ok()) return id;
  // A name of something that was put here serves as well.
  absl::StatusOr<Root> root = call.node().content().FindRoot(text);
  if (root.ok()) return root->id;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is neither an id (",
                                                 std::string(id.status().message()),
                                                 ") nor the name of a file put here"));
}

// Where segments[3] and the path behind it lead.
absl::StatusOr<Cid> Target(AdminCall& call, BlockSource& source, Time deadline) {
  L2P_ASSIGN_OR_RETURN(const Cid root, IdOf(call, call.segments()[3]));
  if (call.segments().size() == 4) return root;
  const std::string path = absl::StrJoin(call.segments().begin() + 4, call.segments().end(), "/");
  return ResolvePath(source, root, path, deadline);
}

const char* TypeName(Stat::Type type) {
  switch (type) {
    case Stat::Type::kFile:
      return "file";
    case Stat::Type::kFolder:
      return "folder";
    case Stat::Type::kLink:
      return "link";
  }
  return "unknown";
}

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;
};

// A single range of RFC 9110 for `size` bytes; nullopt when there is none or it is of another form
// (then the whole is sent); OutOfRange when it cannot be met.
absl::StatusOr<std::optional<ByteRange>> ParseRange(absl::string_view header, uint64_t size) {
  if (!absl::ConsumePrefix(&header, "bytes=") || header.find(',') != absl::string_view::npos) {
    return std::nullopt;
  }
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(header, absl::MaxSplits('-', 1));
  ByteRange range{0, size == 0 ? 0 : size - 1};
  uint64_t first = 0;
  uint64_t last = 0;
  const bool has_first = absl::SimpleAtoi(ends.first, &first);
  const bool has_last = absl::SimpleAtoi(ends.second, &last);
  if ((!has_first && !ends.first.empty()) || (!has_last && !ends.second.empty()) ||
      (!has_first && !has_last) || (has_first && has_last && first > last)) {
    return std::nullopt;
  }
  if (has_first) {
    range.first = first;
    if (has_last) range.last = std::min(last, range.last);
  } else {
    range.first = last >= size ? 0 : size - last;
  }
  if (size == 0 || range.first >= size || (!has_first && last == 0)) {
    return absl::OutOfRangeError("range");
  }
  return range;
}

// Sends the body by the socket itself: Poco's stream would copy it once more.
absl::Status SendBytes(AdminCall& call, BlockSource& source, const Cid& id, ByteRange range,
                       Time deadline) {
  call.response().send().flush();
  auto& socket = static_cast<Poco::Net::HTTPServerRequestImpl&>(call.request()).socket();
  absl::Status status = ReadRange(
      source, id, range.first, range.last,
      [&](const Bytes& data) {
        for (size_t sent = 0; sent < data.size();) {
          const int size = static_cast<int>(std::min<size_t>(data.size() - sent, 1 << 20));
          const int now = socket.sendBytes(data.data() + sent, size);
          if (now <= 0) return absl::AbortedError("the caller has gone");
          sent += static_cast<size_t>(now);
        }
        return absl::OkStatus();
      },
      deadline);
  // A short body tells the caller that it failed; the connection cannot be used again.
  if (!status.ok()) socket.shutdown();
  return absl::OkStatus();
}

absl::Status SendFile(AdminCall& call, BlockSource& source, const Stat& stat, Time deadline) {
  Poco::Net::HTTPServerResponse& response = call.response();
  response.setContentType("application/octet-stream");
  response.set("Accept-Ranges", "bytes");
  ByteRange range{0, stat.size == 0 ? 0 : stat.size - 1};
  const absl::StatusOr<std::optional<ByteRange>> asked =
      ParseRange(av(call.request().get("Range", "")), stat.size);
  if (!asked.ok()) {
    response.set("Content-Range", absl::StrCat("bytes */", stat.size));
    Object body;
    body.set("error", ErrorJson(absl::OutOfRangeError(
                          absl::StrCat("the range lies outside of the ", stat.size, " bytes"))));
    call.Answer(HTTPResponse::HTTP_REQUESTED_RANGE_NOT_SATISFIABLE, body);
    return absl::OkStatus();
  }
  if (*asked) {
    range = **asked;
    response.setStatusAndReason(HTTPResponse::HTTP_PARTIAL_CONTENT);
    response.set("Content-Range",
                 absl::StrCat("bytes ", range.first, "-", range.last, "/", stat.size));
  }
  response.setContentLength64(
      stat.size == 0 ? 0 : static_cast<Poco::Int64>(range.last - range.first + 1));
  if (call.method() == "HEAD" || stat.size == 0) {
    response.send().flush();
    return absl::OkStatus();
  }
  return SendBytes(call, source, stat.id, range, deadline);
}

absl::Status SendFolder(AdminCall& call, BlockSource& source, const Stat& stat, Time deadline) {
  L2P_RETURN_IF_ERROR(LoadTar());
  call.response().setContentType("application/x-tar");
  call.response().setChunkedTransferEncoding(true);
  std::ostream& out = call.response().send();
  if (call.method() == "HEAD") return absl::OkStatus();
  if (!WriteTar(source, stat.id, out, deadline).ok()) {
    // No last chunk: the caller sees that the archive was cut off.
    static_cast<Poco::Net::HTTPServerRequestImpl&>(call.request()).socket().shutdown();
  }
  return absl::OkStatus();
}

Object ServedJson(const Exchange::Served& served) {
  Object item = Ordered();
  item.set("peer", served.peer.ToString());
  item.set("bytes", served.bytes);
  item.set("blocks", served.blocks);
  item.set("bad", served.bad);
  return item;
}

// Counts what an export writes, and says so line by line.
class ReportingOutput : public Output {
 public:
  ReportingOutput(Output& output, AdminCall& call, Exchange::Session& session, uint64_t total)
      : output_(output), call_(call), session_(session), total_(total) {}

  absl::Status Folder(std::string_view path) override { return output_.Folder(path); }
  absl::Status Link(std::string_view path, std::string_view target) override {
    return output_.Link(path, target);
  }
  absl::Status BeginFile(std::string_view path, uint64_t size) override {
    return output_.BeginFile(path, size);
  }
  absl::Status Write(uint64_t offset, const Bytes& data) override {
    L2P_RETURN_IF_ERROR(output_.Write(offset, data));
    written_ += data.size();
    const Time now = call_.node().runtime().Now();
    if (now < next_report_) return absl::OkStatus();
    next_report_ = now + absl::Milliseconds(200);
    Object line = Ordered();
    line.set("event", "progress");
    line.set("written_bytes", written_);
    line.set("total_bytes", total_);
    line.set("peers", session_.served().size());
    return call_.WriteLine(line) ? absl::OkStatus() : absl::AbortedError("the caller has gone");
  }
  absl::StatusOr<size_t> ReadBack(uint64_t offset, MutableByteView into) override {
    return output_.ReadBack(offset, into);
  }
  absl::Status EndFile() override { return output_.EndFile(); }

  uint64_t written() const { return written_; }

 private:
  Output& output_;
  AdminCall& call_;
  Exchange::Session& session_;
  const uint64_t total_;
  uint64_t written_ = 0;
  Time next_report_ = absl::InfinitePast();
};

}  // namespace

absl::Status PutFiles(AdminCall& call) {
  Content::PutOptions options;
  options.only_hash = call.Flag("only_hash");
  options.local = call.Flag("local");
  options.strict = call.Flag("strict");
  options.receipts = call.Flag("receipts");
  options.name = call.Query("name").value_or("");
  options.profile = call.Query("profile");
  options.chunker = call.Query("chunker");
  options.hasher = call.Query("hasher");
  options.redundancy = call.Query("redundancy");
  options.lease = call.Query("lease");
  const bool from_body = !call.Query("path").has_value();
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Input> opened, OpenInput(call));
  std::atomic<bool> gone = false;  // The put reads in tasks of its own.
  CancellableInput input(*opened, gone, from_body ? &call : nullptr);
  bool begun = false;
  const auto report = [&](const Content::PutProgress& progress) {
    // A caller that is still sending its body does not read yet.
    if (from_body && (!progress.total_bytes || progress.read_bytes < *progress.total_bytes)) return;
    if (!begun) call.BeginLines();
    begun = true;
    gone = gone || !call.WriteLine(ProgressJson(progress));
  };
  L2P_ASSIGN_OR_RETURN(const Content::PutResult result,
                       call.node().content().Put(input, options, report));
  if (!begun) call.BeginLines();
  if (result.outcome) {
    for (const std::string& receipt : result.outcome->receipts) {
      Object line = Ordered();
      line.set("event", "receipt");
      line.set("receipt", EncodeMultibase('u', AsBytes(receipt)));
      call.WriteLine(line);
    }
  }
  call.WriteLine(ResultJson(result));
  return absl::OkStatus();
}

absl::Status ChangeRedundancy(AdminCall& call) {
  L2P_RETURN_IF_ERROR(call.node().content().ChangeRedundancy(
      call.segments()[3], call.Query("redundancy").value_or("")));
  Object body = Ordered();
  body.set("started", true);
  call.Answer(HTTPResponse::HTTP_ACCEPTED, body);
  return absl::OkStatus();
}

absl::Status ListFiles(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Root> roots, call.node().content().Files());
  Poco::JSON::Array files;
  for (const Root& root : roots) {
    Object item = Ordered();
    item.set("id", root.id.ToString());
    item.set("name", root.name);
    item.set("size", root.size);
    item.set("added", absl::FormatTime(absl::RFC3339_sec, root.added, absl::UTCTimeZone()));
    item.set("redundancy", root.local_only ? "local" : root.redundancy);
    files.add(item);
  }
  Object body;
  body.set("files", files);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetFile(AdminCall& call) {
  const Time deadline = call.node().runtime().Now() + kReadPatience;
  const auto session = call.node().content().NewSession(call.Flag("offline"));
  L2P_ASSIGN_OR_RETURN(const Cid id, Target(call, *session, deadline));
  const std::string etag = absl::StrCat("\"", id.ToString(), "\"");
  for (const absl::string_view tag :
       absl::StrSplit(av(call.request().get("If-None-Match", "")), ',')) {
    const absl::string_view bare = absl::StripPrefix(absl::StripAsciiWhitespace(tag), "W/");
    if (bare == etag || bare == "*") {
      call.response().set("ETag", etag);
      call.response().setStatusAndReason(HTTPResponse::HTTP_NOT_MODIFIED);
      call.response().send().flush();
      return absl::OkStatus();
    }
  }
  L2P_ASSIGN_OR_RETURN(const Stat stat, StatOf(*session, id, deadline));
  call.response().set("ETag", etag);
  switch (stat.type) {
    case Stat::Type::kFile:
      return SendFile(call, *session, stat, deadline);
    case Stat::Type::kFolder:
      return SendFolder(call, *session, stat, deadline);
    case Stat::Type::kLink:
      return absl::InvalidArgumentError(
          absl::StrCat(id.ToString(), " is a link to '", stat.target, "', not a file"));
  }
  return absl::InternalError("unknown type");
}

absl::Status ExportFile(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const std::string path, call.NamedPath());
  const Time deadline = call.node().runtime().Now() + kReadPatience;
  const auto session = call.node().content().NewSession(false);
  L2P_ASSIGN_OR_RETURN(Cid id, IdOf(call, call.segments()[3]));
  if (const std::optional<std::string> below = call.Query("below")) {
    L2P_ASSIGN_OR_RETURN(id, ResolvePath(*session, id, *below, deadline));
  }
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<PathOutput> target, PathOutput::Open(path));
  L2P_ASSIGN_OR_RETURN(const Stat stat, StatOf(*session, id, deadline));
  call.BeginLines();
  ReportingOutput output(*target, call, *session, stat.size);
  L2P_RETURN_IF_ERROR(
      Export(*session, id, output, ExportLimits{}, deadline, &call.node().hashers()));
  L2P_RETURN_IF_ERROR(target->Commit());
  if (call.Flag("keep")) {
    L2P_RETURN_IF_ERROR(call.node().content().Keep(id, call.Query("name").value_or("")));
  }
  Object line = Ordered();
  line.set("event", "done");
  line.set("id", id.ToString());
  line.set("written_bytes", output.written());
  Poco::JSON::Array served;
  for (const Exchange::Served& peer : session->served()) served.add(ServedJson(peer));
  line.set("served", served);
  call.WriteLine(line);
  return absl::OkStatus();
}

absl::Status DeleteFile(AdminCall& call) {
  L2P_RETURN_IF_ERROR(call.node().content().Remove(call.segments()[3]));
  call.Answer(HTTPResponse::HTTP_OK, Object());
  return absl::OkStatus();
}

absl::Status StatFile(AdminCall& call) {
  const Time deadline = call.node().runtime().Now() + kReadPatience;
  const auto session = call.node().content().NewSession(call.Flag("offline"));
  L2P_ASSIGN_OR_RETURN(const Cid id, Target(call, *session, deadline));
  L2P_ASSIGN_OR_RETURN(const Stat stat, StatOf(*session, id, deadline));
  Object body = Ordered();
  body.set("id", stat.id.ToString());
  body.set("type", TypeName(stat.type));
  body.set("size", stat.size);
  if (stat.type == Stat::Type::kLink) body.set("target", stat.target);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status ListFolder(AdminCall& call) {
  const Time deadline = call.node().runtime().Now() + kReadPatience;
  const auto session = call.node().content().NewSession(call.Flag("offline"));
  L2P_ASSIGN_OR_RETURN(const Cid id, Target(call, *session, deadline));
  // Lines, not one document: a folder can have millions of entries.
  bool begun = false;
  L2P_RETURN_IF_ERROR(List(
      *session, id,
      [&](const ListedEntry& entry) {
        if (!begun) call.BeginLines();
        begun = true;
        Object line = Ordered();
        line.set("name", entry.name);
        line.set("id", entry.id.ToString());
        line.set("dag_bytes", entry.tsize);
        return call.WriteLine(line) ? absl::OkStatus() : absl::AbortedError("the caller has gone");
      },
      deadline));
  if (!begun) call.BeginLines();
  return absl::OkStatus();
}

}  // namespace l2p
