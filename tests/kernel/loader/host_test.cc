#include "kernel/loader/host.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/runtime/real_runtime.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

using testing::HasSubstr;

class PluginHostTest : public testing::Test {
 protected:
  TempFolder temporary_;
  std::unique_ptr<RealRuntime> runtime_ =
      *RealRuntime::Open({.data_dir = temporary_ / "data", .max_tasks = 4});
  Memory memory_{*runtime_, 1 << 20};
  MetricsRegistry metrics_;
  const HostParts parts_{.runtime = *runtime_, .memory = memory_, .metrics = metrics_};
  PluginHost pack_{parts_, "storage", "pack"};
  PluginHost flat_{parts_, "storage", "flat"};
};

TEST_F(PluginHostTest, GivesEachInstanceItsOwnFolder) {
  const auto folder = pack_.folder();
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(*pack_.folder(), *folder);
  ASSERT_TRUE(WriteFileDurably(**folder, "x", AsBytes("1")).ok());
  EXPECT_TRUE(std::filesystem::exists(temporary_ / "data/storage/pack/x"));
  EXPECT_TRUE((*flat_.folder())->List()->empty());
}

TEST_F(PluginHostTest, SaysWhereAnInstancesFolderIs) {
  const auto* const place = static_cast<FolderPath*>(pack_.Query(FolderPath::kAbility));
  ASSERT_NE(place, nullptr);
  EXPECT_EQ(place->path(), temporary_ / "data/storage/pack");
}

TEST_F(PluginHostTest, GivesEachInstanceItsOwnState) {
  const State::Change change{"k", "pack's"};
  ASSERT_TRUE((*pack_.state())->Commit({&change, 1}).ok());
  EXPECT_TRUE(absl::IsNotFound((*flat_.state())->Get("k").status()));
  EXPECT_EQ(*(*runtime_->OpenState("storage/pack"))->Get("k"), "pack's");
}

TEST_F(PluginHostTest, MarksItsLogLinesAndMetrics) {
  testing::internal::CaptureStderr();
  pack_.Log(Severity::kInfo, "hello");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(" info storage.pack: hello\n"));
  pack_.metrics().Gauge("blocks", "").Set(1);
  EXPECT_THAT(metrics_.Render(), HasSubstr("l2p_blocks{kind=\"storage\",plugin=\"pack\"} 1\n"));
}

#ifndef NDEBUG
TEST_F(PluginHostTest, TheCryptoPluginMustNotAskForAnIdentity) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(pack_.identity(), "identity != nullptr");
}
#endif

}  // namespace
}  // namespace l2p
