// What the built files are linked to, what they export, and what their sources must not name.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/child_process.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kBuild = L2P_BUILD;

std::vector<fs::path> Plugins() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kBuild + "/plugins")) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  EXPECT_FALSE(files.empty());
  return files;
}

std::string Read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A plugin on BoringSSL and another's on OpenSSL can only live in a process that has neither.
TEST(Linkage, KernelSdkAndCommandLineLinkNoTlsLibrary) {
  for (const char* file :
       {"/bin/l2pkernel", "/bin/l2p", "/bin/l2p-check-plugin", "/lib/libl2p-sdk.so"}) {
    const Finished ldd = RunProgram({"ldd", kBuild + file});
    ASSERT_EQ(ldd.exit_code, 0) << ldd.output();
    EXPECT_THAT(ldd.output(), HasSubstr("libabsl_"));
    EXPECT_THAT(ldd.output(), Not(HasSubstr("libssl"))) << file;
    EXPECT_THAT(ldd.output(), Not(HasSubstr("libcrypto"))) << file;
    EXPECT_THAT(ldd.output(), Not(HasSubstr("not found"))) << file;
  }
}

TEST(Linkage, APluginExportsItsDescriptorAlone) {
  for (const fs::path& plugin : Plugins()) {
    const Finished nm = RunProgram({"nm", "-D", "--defined-only", plugin});
    ASSERT_EQ(nm.exit_code, 0) << nm.output();
    std::vector<std::string> symbols;
    std::istringstream words(nm.output());
    for (std::string address, type, name; words >> address >> type >> name;)
      symbols.push_back(name);
    EXPECT_THAT(symbols, ElementsAre("l2p_plugin")) << plugin;
  }
}

TEST(Linkage, TheKernelNamesNoPlugin) {
  std::string names;
  for (const fs::path& plugin : Plugins()) {
    names += (names.empty() ? "" : "|") + plugin.stem().string();
  }
  // As a whole literal, or as part of a setting's key or of a path.
  const std::regex naming("\"(" + names +
                          ")\"|(transport|routing|chunking|hashing|storage|crypto)[./](" + names +
                          ")\\b|plugins/[a-z]+/");
  size_t sources = 0;
  for (const auto& entry : fs::recursive_directory_iterator(L2P_SOURCE "/kernel")) {
    const std::string extension = entry.path().extension();
    if (extension != ".cc" && extension != ".h") continue;
    ++sources;
    std::istringstream lines(Read(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_FALSE(std::regex_search(line, naming)) << entry.path() << ": " << line;
    }
  }
  EXPECT_GT(sources, 50u);
}

}  // namespace
}  // namespace l2p
