// l2p-simulate as its users run it, with small networks of the shipped scenarios.
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/child_process.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using Poco::JSON::Object;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kScenarios = L2P_SCENARIOS;
constexpr absl::Duration kLimit = absl::Minutes(10);  // The test's own limit is what ends it.

Finished Simulate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), L2P_SIMULATE);
  return RunProgram(arguments, "", {}, kLimit);
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class SimulateTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = (fs::path(folder_.path()) / name).string();
    std::ofstream(path) << text;
    return path;
  }

  // The shipped scenario with few lookups and a short wait.
  std::string Shortened(const std::string& name) {
    const std::string text = ReadFile(kScenarios + "/" + name + ".scenario");
    EXPECT_NE(text, "");
    return Write(name + ".scenario",
                 absl::StrCat(absl::StrReplaceAll(text, {{"get = 2000", "get = 20"},
                                                         {"settle = 1h", "settle = 5m"},
                                                         {"settle = 30m", "settle = 5m"}}),
                              "find = 20\nplace = 20\nidle = 15m\n",
                              text.find("settle") == std::string::npos ? "settle = 5m\n" : ""));
  }

  TempFolder folder_;
};

Object::Ptr Parsed(const std::string& json) {
  return Poco::JSON::Parser().parse(json).extract<Object::Ptr>();
}

class ShippedScenario : public SimulateTest, public testing::WithParamInterface<const char*> {};

TEST_P(ShippedScenario, RunsAndFindsNearlyAll) {
  const Finished run = Simulate({Shortened(GetParam()), "--nodes", "60", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.output();
  const Object::Ptr report = Parsed(run.out);
  EXPECT_EQ(report->getValue<std::string>("scenario"), GetParam());
  EXPECT_TRUE(report->has("machine"));
  const Object::Ptr plugin = report->getArray("plugins")->getObject(0);
  EXPECT_EQ(plugin->getValue<std::string>("sha256").size(), 64u);
  EXPECT_GT(plugin->getObject("tables_before")->getValue<double>("mean_size"), 5);
  EXPECT_GT(plugin->getObject("idle")->getValue<double>("bytes"), 0);
  const auto rows = plugin->getArray("rows");
  for (size_t i = 0; i < rows->size(); ++i) {
    const Object::Ptr row = rows->getObject(i);
    EXPECT_GT(row->getValue<int>("lookups"), 10) << run.output();
    EXPECT_GT(row->getValue<double>("success"), 0.8) << run.output();
    EXPECT_GT(row->getValue<double>("requests"), 0) << run.output();
  }
}

INSTANTIATE_TEST_SUITE_P(Simulate, ShippedScenario,
                         testing::Values("home", "churn", "datacentre", "dead20", "liars20",
                                         "flash", "partition", "growth"));

TEST_F(SimulateTest, AColdLookupPaysForDialsAndAWarmOneDoesNot) {
  const std::string scenario = Write("few.scenario",
                                     "nodes = 60\nfind = 40\nplace = 0\nidle = 0s\n"
                                     "measure = 1h\nsettle = 5m\n");
  const Finished run = Simulate({scenario, "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.output();
  const auto rows = Parsed(run.out)->getArray("plugins")->getObject(0)->getArray("rows");
  ASSERT_EQ(rows->size(), 2u);
  const Object::Ptr warm = rows->getObject(0);
  const Object::Ptr cold = rows->getObject(1);
  EXPECT_EQ(warm->getValue<std::string>("mode"), "warm");
  EXPECT_EQ(cold->getValue<std::string>("mode"), "cold");
  EXPECT_GT(cold->getValue<double>("p50_ms"), 2 * warm->getValue<double>("p50_ms"));
  EXPECT_GT(cold->getValue<double>("bytes"), warm->getValue<double>("bytes"));
}

TEST_F(SimulateTest, EqualSeedsGiveEqualFiguresInTwoProcessesAndOthersDoNot) {
  const std::string scenario =
      Write("busy.scenario",
            "nodes = 40\nsession = 5m\nsettle = 5m\nidle = 2m\nmeasure = 1m\n"
            "find = 20\nplace = 20\nget = 20\nannounce = 50\nliars_percent = 20\n");
  const auto figures = [&](const char* seed) {
    const Finished run = Simulate({scenario, "--json", "--seed", seed});
    EXPECT_EQ(run.exit_code, 0) << run.output();
    Object::Ptr report = Parsed(run.out);
    report->remove("machine");
    std::ostringstream text;
    report->stringify(text);
    return text.str();
  };
  const std::string first = figures("7");
  EXPECT_EQ(first, figures("7"));
  EXPECT_NE(first, figures("8"));
}

TEST_F(SimulateTest, ComparesPluginsAndDrawsThem) {
  const std::string scenario = Write("tiny.scenario",
                                     "nodes = 20\nsettle = 1m\nidle = 1m\nmeasure = 1m\nfind = 10\n"
                                     "place = 10\n");
  const std::string plugin = std::string(L2P_BUILT_PLUGINS) + "/routing/kademlia.so";
  const std::string svg = (fs::path(folder_.path()) / "latency.svg").string();
  const Finished run = Simulate({scenario, "--routing", plugin, "--routing", plugin, "--svg", svg});
  ASSERT_EQ(run.exit_code, 0) << run.output();
  EXPECT_THAT(run.output(), HasSubstr("find  cold"));
  EXPECT_THAT(run.output(), HasSubstr("plugin sha256 "));
  const std::string drawing = ReadFile(svg);
  EXPECT_THAT(drawing, StartsWith("<svg "));
  EXPECT_THAT(drawing, HasSubstr("place, cold: half within"));
}

TEST_F(SimulateTest, SaysWhatIsWrongWithItsArguments) {
  const auto fails = [](const std::vector<std::string>& arguments, int exit_code, const char* why) {
    const Finished run = Simulate(arguments);
    EXPECT_EQ(run.exit_code, exit_code) << run.output();
    EXPECT_THAT(run.output(), HasSubstr(why));
  };
  fails({}, 2, "no scenario given");
  fails({"home", "--speed", "3"}, 2, "unknown argument --speed");
  fails({"home", "--nodes"}, 2, "--nodes: a value is missing");
  fails({"home", "--nodes", "many"}, 2, "nodes");
  fails({"home", "--seed", "many"}, 2, "--seed many: no number");
  fails({"mars"}, 2, "churn, datacentre, dead20, flash, growth, home, liars20, partition");
  fails({Write("typo.scenario", "nodes = 50\n\nsesion = 5m\n")}, 2,
        "typo.scenario:3: unknown key 'sesion', did you mean 'session'?");
  fails({Write("number.scenario", "nodes = few\n")}, 2, "number.scenario:1: ");
  fails({Write("plugin.scenario", "routing.kademlia = 4\n")}, 2,
        "plugin.scenario:1: expected routing.<plugin>.<key>");
  fails({"home", "--routing", "/nowhere.so"}, 1, "/nowhere.so");
  fails({"home", "--routing", std::string(L2P_BUILT_PLUGINS) + "/storage/memory.so"}, 1,
        "a plugin for storage, not for routing");
}

TEST_F(SimulateTest, PassesSettingsToThePluginSoNamed) {
  const std::string common =
      "nodes = 40\nsettle = 1m\nidle = 0s\nmeasure = 1m\nfind = 5\nplace = 0\n";
  const Finished run =
      Simulate({Write("wrong.scenario", common + "routing.kademlia.alpha = 1000\n")});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.output(), HasSubstr("alpha"));
  const Finished other =
      Simulate({Write("other.scenario", common + "routing.other.alpha = 1000\n")});
  EXPECT_EQ(other.exit_code, 0) << other.output();
}

}  // namespace
}  // namespace l2p
