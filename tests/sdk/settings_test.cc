#include "l2p/settings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace l2p {
namespace {

using testing::ElementsAre;

constexpr SettingSpec kSchema[] = {
    {"size", SettingType::kSize, "256KiB", "1KiB..2MiB", "bytes of a chunk"},
    {"workers", SettingType::kInteger, "4", "1..", "tasks at once"},
    {"age", SettingType::kDuration, "48h", "1m..30d", "how long a record lasts"},
    {"mode", SettingType::kText, "server", "client|server|auto", "who answers"},
    {"name", SettingType::kText, "", "", "anything"},
    {"sync", SettingType::kBoolean, "true", "", "wait for the disk"},
    {"listen", SettingType::kList, "a, b", "", "addresses"},
};

TEST(Settings, FillsInTheDefaults) {
  const auto settings = Settings::Make(kSchema, {});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->Integer("size"), 256 << 10);
  EXPECT_EQ(settings->Integer("workers"), 4);
  EXPECT_EQ(settings->GetDuration("age"), absl::Hours(48));
  EXPECT_EQ(settings->Text("mode"), "server");
  EXPECT_EQ(settings->Text("name"), "");
  EXPECT_TRUE(settings->Boolean("sync"));
  EXPECT_THAT(settings->List("listen"), ElementsAre("a", "b"));
  EXPECT_EQ(settings->values().size(), 7u);
}

TEST(Settings, TakesValuesInsteadOfDefaults) {
  const auto settings = Settings::Make(kSchema, {{"size", "1MiB"}, {"sync", "false"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->Integer("size"), 1 << 20);
  EXPECT_FALSE(settings->Boolean("sync"));
  EXPECT_EQ(settings->Integer("workers"), 4);
}

TEST(Settings, NamesAKeyThatTheSchemaDoesNotHave) {
  const absl::Status status = Settings::Make(kSchema, {{"sise", "1MiB"}}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), "there is no setting \"sise\"");
}

TEST(Settings, SaysWhichValueIsWrongAndWhatIsAllowed) {
  const auto message = [](std::string name, std::string text) {
    const absl::Status status = Settings::Make(kSchema, {{name, text}}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  EXPECT_EQ(message("size", "512"), "size: \"512\" is not within 1KiB..2MiB");
  EXPECT_EQ(message("size", "3MiB"), "size: \"3MiB\" is not within 1KiB..2MiB");
  EXPECT_EQ(message("size", "1MB"), "size: \"1MB\" is not a size like 512KiB, 64MiB or 10GiB");
  EXPECT_EQ(message("workers", "0"), "workers: \"0\" is not within 1..");
  EXPECT_EQ(message("workers", "many"), "workers: \"many\" is not a whole number");
  EXPECT_EQ(message("age", "31d"), "age: \"31d\" is not within 1m..30d");
  EXPECT_EQ(message("age", "soon"), "age: \"soon\" is not a duration like 250ms, 10m, 48h or 30d");
  EXPECT_EQ(message("mode", "serve"), "mode: \"serve\" is not one of client|server|auto");
  EXPECT_EQ(message("sync", "yes"), "sync: \"yes\" is not one of true|false");
}

TEST(ParseSize, KnowsEveryUnit) {
  EXPECT_EQ(*ParseSize("0"), 0);
  EXPECT_EQ(*ParseSize("17"), 17);
  EXPECT_EQ(*ParseSize("17B"), 17);
  EXPECT_EQ(*ParseSize("3KiB"), 3 << 10);
  EXPECT_EQ(*ParseSize("3 MiB"), 3 << 20);
  EXPECT_EQ(*ParseSize("5GiB"), int64_t{5} << 30);
  EXPECT_EQ(*ParseSize("2TiB"), int64_t{2} << 40);
  EXPECT_EQ(*ParseSize("8388607TiB"), int64_t{8388607} << 40);
}

TEST(ParseSize, RefusesEverythingElse) {
  for (const char* text : {"", "KiB", "-1", "1.5GiB", "1kb", "1K", "GiB1", "8388608TiB",
                           "99999999999999999999", "1 0", "0x10"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(ParseDuration, KnowsDaysAndAbseilsForm) {
  EXPECT_EQ(*ParseDuration("0"), absl::ZeroDuration());
  EXPECT_EQ(*ParseDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("30d"), absl::Hours(720));
  for (const char* text : {"", "d", "5", "-5s", "-1d", "1.5d", "5 parsecs"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(ParseList, DropsBlanksAndEmptyItems) {
  EXPECT_THAT(ParseList(" a,b c ,, d,"), ElementsAre("a", "b c", "d"));
  EXPECT_THAT(ParseList(""), ElementsAre());
  EXPECT_THAT(ParseList(" , "), ElementsAre());
}

TEST(CheckSetting, ChecksEveryItemOfAList) {
  const SettingSpec spec{"kinds", SettingType::kList, "", "one|two", ""};
  EXPECT_TRUE(CheckSetting(spec, "two, one").ok());
  EXPECT_TRUE(CheckSetting(spec, "").ok());
  EXPECT_FALSE(CheckSetting(spec, "two,three").ok());
}

}  // namespace
}  // namespace l2p
