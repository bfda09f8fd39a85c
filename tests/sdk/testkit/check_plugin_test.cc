// l2p-check-plugin as an author of plugins runs it: it passes our own plugins, and tells of each
// defective one which line of the contract it breaks.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "l2p/plugin_file.h"
#include "tests/child_process.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

const std::string kBuiltPlugins = L2P_BUILT_PLUGINS;
const std::string kTestPlugins = L2P_TEST_PLUGINS;
const std::string kDefectivePlugins = L2P_DEFECTIVE_PLUGINS;

Finished Check(const std::string& file, std::vector<std::string> options = {}) {
  std::vector<std::string> words = {L2P_CHECK_PLUGIN, "--plugins", kBuiltPlugins};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(file);
  return RunProgram(words);
}

// The names of the cases that failed, and "descriptor".
std::vector<std::string> Failed(const std::string& output) {
  std::vector<std::string> names;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("FAIL  ")) names.push_back(line.substr(6, line.find(':') - 6));
  }
  return names;
}

std::string NameOf(const testing::TestParamInfo<std::string>& file) {
  const fs::path path = file.param;
  return path.parent_path().filename().string() + "_" + path.stem().string();
}

class OurPlugin : public testing::TestWithParam<std::string> {};

TEST_P(OurPlugin, PassesItsSuite) {
  const Finished check = Check(kBuiltPlugins + "/" + GetParam());
  EXPECT_EQ(check.exit_code, 0) << check.output();
  EXPECT_THAT(check.output(), HasSubstr(" cases passed"));
}

INSTANTIATE_TEST_SUITE_P(CheckPlugin, OurPlugin, testing::Values(L2P_OUR_PLUGINS), NameOf);

TEST(CheckPlugin, PassesAServiceThatIsFine) {
  const Finished check = Check(kTestPlugins + "/service/counts.so");
  EXPECT_EQ(check.exit_code, 0) << check.output();
  EXPECT_THAT(check.output(), HasSubstr("5 of 5 cases passed"));
}

struct Defect {
  std::string file;
  std::vector<std::string> cases;  // Those that fail; more may, by chance.
  std::string says;
};

class DefectivePlugin : public testing::TestWithParam<Defect> {};

TEST_P(DefectivePlugin, IsToldWhatItBreaks) {
  const Finished check = Check(kDefectivePlugins + "/" + GetParam().file, {"--limit", "30"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(Failed(check.output()), IsSupersetOf(GetParam().cases)) << check.output();
  EXPECT_THAT(check.output(), HasSubstr(GetParam().says));
}

const Defect kDefects[] = {
    {"chunking/peeks.so",
     {"DependsOnNothingPastTheCut"},
     "a chunk of 1000 bytes ends at 1001 when other bytes follow it"},
    {"crypto/credulous.so",
     {"RefusesWrongEd25519Signatures", "VerifiesRsaSignatures", "VerifiesEcdsaSignatures",
      "SaysThatSecp256k1IsNotThere", "RefusesMalformedPublicKeys"},
     "Verify with another message: wanted DATA_LOSS, found OK"},
    {"hashing/remembers.so",
     {"HashesBatchesLikeSingles", "TreatsEqualLengthsInABatchApart", "GivesTheSameDigestAgain",
      "LetsCallsOverlap"},
     "changed after other calls"},
    {"routing/namesitself.so",
     {"WorksInANetworkOfOne", "FindsEachOtherInANetworkOfTwo", "NeverNamesItself",
      "FindsPeersWithoutThoseThatLeft"},
     "ClosestPeers gave the node itself"},
    {"routing/overruns.so",
     {"KeepsDeadlinesWhenNobodyAnswers"},
     "ClosestPeers with a deadline in 200ms overran it by"},
    {"routing/unasked.so",
     {"FindsPeersWithoutThoseThatLeft"},
     "ClosestPeers gave a peer that does not answer"},
    {"service/clings.so",
     {"StopsAtOnce", "StopsAfterAnHour", "StopsAtOnceOnANodeThatHoldsGroups",
      "StopsAfterTwoDaysOnANodeThatHoldsGroups", "StopsOnANodeThatRefusesEverything"},
     "the service called the node 60 times after Stop"},
    {"service/lingers.so",
     {"StopsAtOnce", "StopsAfterAnHour"},
     "1 tasks of the service still run after Stop"},
    {"storage/flips.so",
     {"KeepsBlocksOfEverySize", "KeepsIdsOfEveryKind", "AnswersEachItemOfABatch",
      "TakesABlockTwice", "ForgetsDeletedBlocks", "LendsBytesThatOutliveTheBlock",
      "LetsCallsOverlap"},
     "Get gave other bytes than those that were put"},
    {"storage/forgets.so",
     {"KeepsSyncedBlocksAcrossARestart", "SurvivesAPowerCutAtAnyPoint", "StaysUsableOnAFullDisk",
      "NeverGivesDamagedBytes", "ReportsAFailingSync"},
     "after a restart: Get of a stored block"},
    {"storage/neversyncs.so",
     {"SurvivesAPowerCutAtAnyPoint", "ReportsAFailingSync"},
     "that was put and synced is lost"},
    {"transport/endsboth.so", {"EndsOneDirectionOnly"}, "EndsOneDirectionOnly: "},
    {"transport/neverwaits.so",
     {"CarriesLargeAmountsBothWays", "StopsOnlyTheStreamThatNobodyReads", "SaysWhenItIsWritable",
      "WakesAWaitingWriteOnReset"},
     "64 MiB were written although the other side reads nothing"},
};

void PrintTo(const Defect& defect, std::ostream* out) { *out << defect.file; }

INSTANTIATE_TEST_SUITE_P(CheckPlugin, DefectivePlugin, testing::ValuesIn(kDefects),
                         [](const testing::TestParamInfo<Defect>& defect) {
                           return NameOf({defect.param.file, defect.index});
                         });

TEST(CheckPlugin, TellsOfACrashWhichCaseItWasAndGoesOn) {
  const Finished check = Check(kDefectivePlugins + "/hashing/crashes.so");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("FAIL  WritesNothingButTheDigests: crashed: Aborted"));
  EXPECT_THAT(check.output(), HasSubstr("pass  AgreesWithAnotherInstance"));
  EXPECT_THAT(check.output(), HasSubstr("8 of 9 cases passed"));
}

TEST(CheckPlugin, TellsOfAFileThatCrashesWhileItIsLoaded) {
  const Finished check = Check(kDefectivePlugins + "/hashing/crashesonload.so");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("FAIL  descriptor: crashed: Aborted"));
}

TEST(CheckPlugin, EndsACaseThatHangs) {
  const Finished check = Check(kDefectivePlugins + "/hashing/hangs.so", {"--limit", "2"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(),
              HasSubstr("FAIL  WritesNothingButTheDigests: hangs: no end after 2 s"));
  EXPECT_THAT(check.output(), HasSubstr("8 of 9 cases passed"));
}

struct Refusal {
  std::string file;
  std::string says;
};

class RefusedPlugin : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedPlugin, IsToldWhatWasWantedAndFound) {
  const Finished check = Check(kTestPlugins + "/hashing/" + GetParam().file + ".so");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("FAIL  descriptor: " + GetParam().says));
  EXPECT_THAT(check.output(), Not(HasSubstr("pass")));
}

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.file; }

const Refusal kRefusals[] = {
    {"wrongmajor", "plugin wrongmajor: SDK major version: wanted 1, found 2"},
    {"newerminor", "plugin newerminor: SDK minor version: wanted at most 0, found 1"},
    {"wrongtoolchain", "plugin wrongtoolchain: toolchain: wanted \"" L2P_TOOLCHAIN
                       "\", found \"another C++ library\""},
    {"unknownkind",
     "plugin unknownkind: kind: wanted one of transport routing chunking hashing storage service "
     "crypto, found \"painting\""},
    {"nextgood",
     "plugin nextgood: name: wanted \"nextgood\", as the file is called, found \"good\""},
    {"nosymbol", "open plugin " + kTestPlugins +
                     "/hashing/nosymbol.so: it exports no l2p_plugin (see L2P_PLUGIN)"},
};

INSTANTIATE_TEST_SUITE_P(CheckPlugin, RefusedPlugin, testing::ValuesIn(kRefusals),
                         [](const testing::TestParamInfo<Refusal>& refusal) {
                           return refusal.param.file;
                         });

TEST(CheckPlugin, RefusesAFileThatIsNoPlugin) {
  const TempFolder folder;
  const std::string file = folder / "text.so";
  std::ofstream(file) << "this is text, and more of it than an ELF header has in its 64 bytes";
  const Finished check = Check(file);
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_EQ(check.output(), "FAIL  descriptor: open plugin " + file + ": not an ELF file\n");
}

TEST(CheckPlugin, RefusesAFileThatIsNotThere) {
  const Finished check = Check("/nowhere/at/all.so");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("/nowhere/at/all.so: no such file or directory"));
}

TEST(CheckPlugin, RefusesAFileThatEveryoneMayWrite) {
  const TempFolder folder;
  const std::string file = folder / "good.so";
  fs::copy_file(kTestPlugins + "/hashing/good.so", file);
  ASSERT_EQ(chmod(file.c_str(), 0777), 0);
  const Finished check = Check(file);
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("refused: everyone may write the file"));
}

TEST(CheckPlugin, TellsOfAFactoryThatThrowsInEveryCase) {
  const Finished check = Check(kTestPlugins + "/hashing/throws.so");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(),
              HasSubstr("FAIL  SaysWhatItMakes: make an instance: the factory threw: no luck"));
  EXPECT_THAT(check.output(), HasSubstr("0 of 9 cases passed"));
}

TEST(CheckPlugin, SaysWhereItLookedForACryptoPlugin) {
  const Finished check =
      RunProgram({L2P_CHECK_PLUGIN, "--plugins", "/nowhere", kBuiltPlugins + "/chunking/fixed.so"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.output(), HasSubstr("no crypto plugin in /nowhere/crypto"));
}

TEST(CheckPlugin, ShowsItsUsageWhenItIsCalledWrongly) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{L2P_CHECK_PLUGIN}, {L2P_CHECK_PLUGIN, "--sideways", "x.so"}}) {
    const Finished check = RunProgram(words);
    EXPECT_EQ(check.exit_code, 2);
    EXPECT_THAT(check.output(), HasSubstr("usage: l2p-check-plugin"));
  }
}

}  // namespace
}  // namespace l2p
