#include "kernel/runtime/sqlite_state.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

using testing::ElementsAre;

std::vector<std::string> KeysOf(const absl::StatusOr<std::vector<State::Row>>& rows) {
  EXPECT_TRUE(rows.ok()) << rows.status();
  std::vector<std::string> keys;
  if (rows.ok()) {
    for (const State::Row& row : *rows) keys.push_back(row.key);
  }
  return keys;
}

absl::Status Set(State& state, std::string key, std::optional<std::string> value) {
  const State::Change change{std::move(key), std::move(value)};
  return state.Commit({&change, 1});
}

class SqliteStateTest : public testing::Test {
 protected:
  void Reopen() {
    file_.reset();
    file_ = *StateFile::Open(temporary_ / "state.db");
    state_ = *file_->OpenTable("kernel");
  }

  TempFolder temporary_;
  std::unique_ptr<StateFile> file_ = *StateFile::Open(temporary_ / "state.db");
  State* state_ = *file_->OpenTable("kernel");
};

TEST_F(SqliteStateTest, KeepsAnyBytesAcrossAReopen) {
  const std::string key("k\0\xff'", 4), value("\0v\0", 3);
  ASSERT_TRUE(Set(*state_, key, value).ok());
  ASSERT_TRUE(Set(*state_, "empty", "").ok());
  Reopen();
  EXPECT_EQ(*state_->Get(key), value);
  EXPECT_EQ(*state_->Get("empty"), "");
  EXPECT_TRUE(absl::IsNotFound(state_->Get("other").status()));
  EXPECT_TRUE(absl::IsNotFound(state_->Get("k").status()));
}

TEST_F(SqliteStateTest, ForEachRowVisitsAllOfAPrefixInOrderWhateverItTakesAtOnce) {
  for (const char* key : {"a/1", "a/2", "a/3", "a/4", "b/1"}) {
    ASSERT_TRUE(Set(*state_, key, "x").ok());
  }
  for (const size_t at_once : {1, 2, 3, 4, 5}) {
    std::vector<std::string> keys;
    ASSERT_TRUE(ForEachRow(*state_, "a/", at_once, [&](const State::Row& row) {
                  keys.push_back(row.key);
                  return absl::OkStatus();
                }).ok());
    EXPECT_THAT(keys, ElementsAre("a/1", "a/2", "a/3", "a/4")) << at_once;
  }
}

TEST_F(SqliteStateTest, ForEachRowEndsWithTheFirstErrorOfItsVisitor) {
  ASSERT_TRUE(Set(*state_, "a/1", "x").ok());
  ASSERT_TRUE(Set(*state_, "a/2", "x").ok());
  int visits = 0;
  const absl::Status status = ForEachRow(*state_, "a/", 1, [&](const State::Row&) {
    ++visits;
    return absl::DataLossError("damaged");
  });
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(visits, 1);
}

TEST_F(SqliteStateTest, OfTwoChangesToOneKeyTheLaterWins) {
  const State::Change changes[] = {{"a", "1"}, {"a", "2"}, {"b", "3"}, {"b", std::nullopt}};
  ASSERT_TRUE(state_->Commit(changes).ok());
  EXPECT_EQ(*state_->Get("a"), "2");
  EXPECT_TRUE(absl::IsNotFound(state_->Get("b").status()));
  EXPECT_TRUE(Set(*state_, "missing", std::nullopt).ok());
  EXPECT_TRUE(state_->Commit({}).ok());
}

TEST_F(SqliteStateTest, ScansAPrefixInBytewiseOrderPageByPage) {
  for (const std::string key : {"a", "b", "b/1", "b/2", "b/\xff", "b/\xff\xff", "c"}) {
    ASSERT_TRUE(Set(*state_, key, key).ok());
  }
  EXPECT_THAT(KeysOf(state_->Scan("b/", "", 10)),
              ElementsAre("b/1", "b/2", "b/\xff", "b/\xff\xff"));
  EXPECT_THAT(KeysOf(state_->Scan("b/", "", 2)), ElementsAre("b/1", "b/2"));
  EXPECT_THAT(KeysOf(state_->Scan("b/", "b/2", 10)), ElementsAre("b/\xff", "b/\xff\xff"));
  EXPECT_THAT(KeysOf(state_->Scan("b/\xff", "", 10)), ElementsAre("b/\xff", "b/\xff\xff"));
  EXPECT_THAT(KeysOf(state_->Scan("", "b/2", 2)), ElementsAre("b/\xff", "b/\xff\xff"));
  EXPECT_THAT(KeysOf(state_->Scan("", "", 10)).size(), 7u);
  EXPECT_THAT(KeysOf(state_->Scan("\xff", "", 10)), ElementsAre());
  EXPECT_THAT(KeysOf(state_->Scan("b/", "c", 10)), ElementsAre());
}

TEST_F(SqliteStateTest, TablesAreApartAndTheSameNameIsTheSameTable) {
  State* const other = *file_->OpenTable("routing/x");
  ASSERT_TRUE(Set(*state_, "k", "kernel's").ok());
  ASSERT_TRUE(Set(*other, "k", "other").ok());
  EXPECT_EQ(*state_->Get("k"), "kernel's");
  EXPECT_THAT(KeysOf(other->Scan("", "", 10)), ElementsAre("k"));
  EXPECT_EQ(*file_->OpenTable("routing/x"), other);
}

TEST_F(SqliteStateTest, RefusesWhatIsOverTheLimitsAndKeepsNothingOfIt) {
  const State::Change changes[] = {{"fine", "x"}, {std::string(1025, 'k'), "x"}};
  EXPECT_TRUE(absl::IsInvalidArgument(state_->Commit(changes)));
  EXPECT_TRUE(absl::IsInvalidArgument(Set(*state_, "k", std::string((1 << 20) + 1, 'v'))));
  EXPECT_TRUE(absl::IsNotFound(state_->Get("fine").status()));
  EXPECT_TRUE(Set(*state_, std::string(1024, 'k'), std::string(1 << 20, 'v')).ok());
}

TEST_F(SqliteStateTest, ManyThreadsCommitAtOnceAndEachReadsItsOwn) {
  constexpr int kThreads = 8, kEach = 20;
  std::atomic<int> bad = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = absl::StrCat(t, "/", i);
        if (!Set(*state_, key, key).ok() || state_->Get(key).value_or("") != key) ++bad;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  Reopen();
  EXPECT_EQ(KeysOf(state_->Scan("", "", 1000)).size(), size_t{kThreads * kEach});
}

TEST_F(SqliteStateTest, SaysSoWhenTheFileIsNoDatabase) {
  std::string path = temporary_ / "text.db";
  FILE* const text = fopen(path.c_str(), "w");
  for (int i = 0; i < 1000; ++i) fputs("this is no database\n", text);
  fclose(text);
  const absl::Status status = StateFile::Open(path).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(path));
}

}  // namespace
}  // namespace l2p
