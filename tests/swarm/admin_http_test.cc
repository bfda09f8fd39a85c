// The admin endpoint as curl sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "node_process.h"

namespace l2p {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class AdminHttp : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    std::string head;  // In small letters.
    std::string body;
  };

  AdminHttp() {
    EXPECT_TRUE(node_.Start());
    bytes_ = SeededBytes(3'000'000, 41);
    WriteFile(folder_ / "file", bytes_);
  }

  Answer Curl(const std::string& target, const Words& options = {}) {
    Words words = {"curl",         "-sS", "-D", folder_ / "head", "-o", folder_ / "body", "-w",
                   "%{http_code}", "-m",  "30"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(node_.url() + target);
    std::filesystem::remove(folder_ / "body");
    const Finished done = RunProgram(words);
    Answer answer{.status = std::atoi(done.out.c_str()),
                  .head = ReadFile(folder_ / "head"),
                  .body = ReadFile(folder_ / "body")};
    for (char& c : answer.head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return answer;
  }

  Answer Call(const std::string& target, const Words& options = {}) {
    Words words = {"-H", "Authorization: Bearer " + node_.token()};
    words.insert(words.end(), options.begin(), options.end());
    return Curl(target, words);
  }

  TempFolder folder_;
  NodeProcess node_;
  std::string bytes_;
};

TEST_F(AdminHttp, ACallNeedsTheToken) {
  const Answer none = Curl("/api/v1/status");
  EXPECT_EQ(none.status, 401);
  EXPECT_THAT(none.head, HasSubstr("www-authenticate: bearer"));
  EXPECT_THAT(none.body, HasSubstr("\"unauthenticated\""));
  EXPECT_EQ(Curl("/api/v1/status", {"-H", "Authorization: Bearer 00"}).status, 401);
  EXPECT_EQ(Curl("/api/v1/status", {"-H", "Authorization: Basic " + node_.token()}).status, 401);
  EXPECT_EQ(Curl("/metrics").status, 401);
  EXPECT_EQ(Curl("/api/v1/shutdown", {"-X", "POST"}).status, 401);
  EXPECT_EQ(Curl("/healthz").status, 200);
  EXPECT_EQ(Call("/api/v1/status").status, 200);
  EXPECT_EQ(std::filesystem::status(node_.data_dir() + "/admin.token").permissions(),
            std::filesystem::perms(0600));
  EXPECT_EQ(std::filesystem::status(node_.socket()).permissions(), std::filesystem::perms(0600));
}

TEST_F(AdminHttp, PagesOfOtherSitesAreRefused) {
  EXPECT_EQ(Call("/api/v1/status", {"-H", "Host: evil.example"}).status, 421);
  EXPECT_EQ(Call("/api/v1/status", {"-H", "Origin: http://evil.example"}).status, 403);
  EXPECT_EQ(Call("/api/v1/status", {"-H", "Origin: null"}).status, 403);
  EXPECT_EQ(Call("/api/v1/status", {"-H", "Origin: " + node_.url()}).status, 200);
  EXPECT_EQ(Curl("/healthz", {"-H", "Host: evil.example"}).status, 421);
}

TEST_F(AdminHttp, WhatIsNotThereAndWhatIsNotAllowedDiffer) {
  EXPECT_EQ(Call("/api/v1/nothing").status, 404);
  EXPECT_EQ(Call("/index.html").status, 404);
  const Answer wrong = Call("/api/v1/status", {"-X", "DELETE"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_THAT(wrong.head, HasSubstr("allow: get"));
  EXPECT_EQ(Call("/api/v1/shutdown").status, 405) << "no changing call is a GET";
  EXPECT_EQ(Call("/api/v1/files/nonsense").status, 400);
  EXPECT_EQ(Call("/api/v1/files/%zz").status, 400);
  EXPECT_EQ(Call("/api/v1/files/nonsense", {"-X", "DELETE"}).status, 404);
  EXPECT_EQ(Call("/api/v1/peers", {"-d", "{"}).status, 415) << "as a form sends it";
  EXPECT_EQ(Call("/api/v1/peers", {"-H", "Content-Type: application/json", "-d", "[]"}).status,
            400);
  EXPECT_EQ(Call("/api/v1/peers", {"-H", "Content-Type: application/json", "-d", "{"}).status, 400);
  EXPECT_EQ(Call("/api/v1/files?path=/etc/passwd", {"-X", "POST"}).status, 403)
      << "paths are for the socket";
  EXPECT_EQ(Call("/healthz").status, 200);
}

TEST_F(AdminHttp, ThePageMayLoadNothingFromElsewhere) {
  const Answer page = Call("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.head, AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                               HasSubstr("nosniff")));
  EXPECT_THAT(page.body, HasSubstr("<script src=\"dashboard.js\""));
  EXPECT_THAT(page.body, ::testing::Not(HasSubstr("//")));
}

TEST_F(AdminHttp, AFileIsReadAsAWholeInPartsOrNotAtAll) {
  const std::string id = node_.Put(folder_ / "file", {"--local"});
  const std::string target = "/api/v1/files/" + id;
  const Answer whole = Call(target);
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.body == bytes_);
  EXPECT_THAT(whole.head,
              AllOf(HasSubstr("etag: \"" + id + "\""), HasSubstr("accept-ranges: bytes"),
                    HasSubstr("content-length: 3000000")));

  const Answer head = Call(target, {"-I"});
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, HasSubstr("content-length: 3000000"));

  const Answer part = Call(target, {"-H", "Range: bytes=1000-1999"});
  EXPECT_EQ(part.status, 206);
  EXPECT_TRUE(part.body == bytes_.substr(1000, 1000));
  EXPECT_THAT(part.head, HasSubstr("content-range: bytes 1000-1999/3000000"));
  EXPECT_TRUE(Call(target, {"-H", "Range: bytes=-10"}).body == bytes_.substr(2'999'990));
  EXPECT_TRUE(Call(target, {"-H", "Range: bytes=2999990-"}).body == bytes_.substr(2'999'990));
  const Answer outside = Call(target, {"-H", "Range: bytes=3000000-"});
  EXPECT_EQ(outside.status, 416);
  EXPECT_THAT(outside.head, HasSubstr("content-range: bytes */3000000"));
  EXPECT_EQ(Call(target, {"-H", "Range: lines=1-2"}).status, 200);

  const Answer same = Call(target, {"-H", "If-None-Match: \"" + id + "\""});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(Call(target, {"-H", "If-None-Match: \"other\""}).status, 200);
  EXPECT_EQ(Call(target, {"-X", "DELETE"}).status, 200);
  EXPECT_EQ(Call(target + "?offline=1").status, 404);
}

TEST_F(AdminHttp, AFolderComesAsTar) {
  std::filesystem::create_directories(folder_ / "tree/below");
  WriteFile(folder_ / "tree/below/file", bytes_);
  const std::string id = node_.Put(folder_ / "tree", {"--local"});
  const Answer tar = Call("/api/v1/files/" + id);
  EXPECT_EQ(tar.status, 200);
  EXPECT_THAT(tar.head, HasSubstr("content-type: application/x-tar"));
  std::filesystem::create_directory(folder_ / "out");
  EXPECT_EQ(RunProgram({"tar", "-C", folder_ / "out", "-xf", folder_ / "body"}).exit_code, 0);
  EXPECT_TRUE(ReadFile(folder_ / "out/below/file") == bytes_);
  const Answer file = Call(absl::StrCat("/api/v1/files/", id, "/below/file"));
  EXPECT_TRUE(file.body == bytes_);
}

TEST_F(AdminHttp, APutByBodyReportsItsProgress) {
  const Answer put = Call("/api/v1/files?local=1&name=upload",
                          {"--data-binary", "@" + (folder_ / "file"), "-H", "Expect:"});
  EXPECT_EQ(put.status, 200);
  EXPECT_THAT(put.head, HasSubstr("content-type: application/x-ndjson"));
  const std::string id = node_.Put(folder_ / "file", {"--only-hash"});
  EXPECT_THAT(put.body, AllOf(HasSubstr("\"event\":\"done\""), HasSubstr(id)));
  EXPECT_TRUE(absl::EndsWith(put.body, "}\n"));
  EXPECT_THAT(node_.L2p({"files"}).out, HasSubstr("upload"));

  const Answer chunked = Call("/api/v1/files?local=1", {"-T", folder_ / "file", "-X", "POST", "-H",
                                                        "Transfer-Encoding: chunked"});
  EXPECT_EQ(chunked.status, 200);
  EXPECT_THAT(chunked.body, HasSubstr(id));
  EXPECT_EQ(Call("/api/v1/files", {"-X", "POST"}).status, 400) << "neither body nor path";
  EXPECT_EQ(Call("/api/v1/files?profile=none", {"--data-binary", "x"}).status, 400);
}

TEST_F(AdminHttp, MetricsAreInPrometheusForm) {
  const Answer metrics = Call("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.head, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, AllOf(HasSubstr("# TYPE "), HasSubstr("# HELP ")));
}

}  // namespace
}  // namespace l2p
