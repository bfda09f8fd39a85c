// Sixty real nodes on loopback, of which many die or freeze at once.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "node_process.h"
#include "tests/long_form.h"

namespace l2p {
namespace {

constexpr size_t kNodes = 60;
constexpr size_t kEntries = 5;  // The first ones, by which all others join.
constexpr size_t kUploaders = 4;
constexpr size_t kVictims = 12;  // That die or freeze at once, two of the entries among them.
constexpr size_t kVictimEntries = 2;
constexpr size_t kAtOnce = 4;        // Puts or gets.
constexpr size_t kSource = 4 << 20;  // Files are slices of so many bytes.
constexpr absl::Duration kMostDelay = absl::Seconds(3);

// With the shipped 20 every node would know nearly all of the sixty, and no lookup had a way to go.
const Words kSettings = {"routing.kademlia.bucket_size=8"};

constexpr char kMultiHopLookups[] = "l2p_multi_hop_lookups_total";

// Most are small; one in ten has several blocks.
std::vector<size_t> ObjectSizes() {
  std::vector<size_t> sizes;
  for (size_t i = 0; i < 200; ++i) sizes.push_back(i % 10 == 0 ? 2'500'000 : 500 * (i + 1));
  return sizes;
}

// The sum of the series of the metric `name`, whatever their labels.
uint64_t MetricOf(NodeProcess& node, const std::string& name) {
  const Finished page = RunProgram({"curl", "--silent", "--show-error", "--unix-socket",
                                    node.socket(), "http://localhost/metrics"});
  EXPECT_EQ(page.exit_code, 0) << page.err;
  uint64_t sum = 0;
  for (const absl::string_view line : absl::StrSplit(page.out, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    uint64_t value = 0;
    const absl::string_view series = parts.first.substr(0, parts.first.find('{'));
    if (series == name && absl::SimpleAtoi(parts.second, &value)) sum += value;
  }
  return sum;
}

struct Object {
  std::string id;
  std::string bytes;
};

class SixtyProcesses : public ::testing::Test {
 protected:
  void StartNodes(const Words& settings = kSettings) {
    nodes_ = StartSwarm(kNodes, settings, kEntries);
    ASSERT_EQ(nodes_.size(), kNodes);
  }

  // Puts files of these sizes, the first through the first of `through` and so on.
  std::vector<Object> PutAll(const std::vector<NodeProcess*>& through,
                             const std::vector<size_t>& sizes,
                             const std::string& redundancy = "copies:8") {
    const std::string source = SeededBytes(kSource, ++seed_);
    std::vector<Object> objects(sizes.size());
    const auto begin = [&](size_t i) {
      objects[i].bytes = source.substr(i, sizes[i]);
      WriteFile(File("put", i), objects[i].bytes);
      return through[i % through.size()]->BeginL2p(
          {"put", File("put", i), "--redundancy", redundancy, "--strict"}, "/dev/null",
          File("id", i));
    };
    ForAll(sizes.size(), begin, [&](size_t i) {
      objects[i].id = std::string(absl::StripTrailingAsciiWhitespace(ReadFile(File("id", i))));
    });
    return objects;
  }

  // Gets all of `objects` by `reader`, and returns how long that took.
  absl::Duration GetAll(NodeProcess& reader, const std::vector<Object>& objects) {
    const absl::Time begun = absl::Now();
    const auto begin = [&](size_t i) {
      return reader.BeginL2p({"get", objects[i].id, "-o", File("got", i)});
    };
    ForAll(objects.size(), begin, [&](size_t i) {
      EXPECT_TRUE(ReadFile(File("got", i)) == objects[i].bytes) << objects[i].id;
    });
    return absl::Now() - begun;
  }

  absl::Duration GetAllOnANewNode(const std::vector<Object>& objects) {
    NodeProcess reader(ReaderSettings());
    return reader.Start() ? GetAll(reader, objects) : absl::InfiniteDuration();
  }

  Words ReaderSettings() {
    std::string bootstrap;
    for (size_t i = 0; i < kEntries; ++i) {
      absl::StrAppend(&bootstrap, i == 0 ? "" : ",", nodes_[i]->address());
    }
    Words settings = kSettings;
    settings.push_back("network.bootstrap=" + bootstrap);
    return settings;
  }

  // Two entries and ten that follow them: ids are random, so these are anybody.
  std::vector<NodeProcess*> Victims() {
    std::vector<NodeProcess*> victims;
    for (size_t i = kEntries - kVictimEntries; victims.size() < kVictims; ++i) {
      victims.push_back(nodes_[i].get());
    }
    return victims;
  }

  static void KillAll(const std::vector<NodeProcess*>& victims) {
    for (NodeProcess* victim : victims) victim->Signal(SIGKILL);
    for (NodeProcess* victim : victims) EXPECT_EQ(victim->Wait(), 128 + SIGKILL);
  }

  TempFolder folder_;
  std::vector<std::unique_ptr<NodeProcess>> nodes_;

 private:
  std::string File(const char* what, size_t i) const { return folder_ / absl::StrCat(what, i); }

  // Runs `count` programs, kAtOnce at a time; `finish` comes after each, which must have succeeded.
  // Leaves no files.
  void ForAll(size_t count, const std::function<std::unique_ptr<ChildProcess>(size_t)>& begin,
              const std::function<void(size_t)>& finish) {
    std::deque<std::unique_ptr<ChildProcess>> running;
    for (size_t i = 0; i < count + kAtOnce; ++i) {
      if (i < count) running.push_back(begin(i));
      if (i < kAtOnce) continue;
      const size_t ended = i - kAtOnce;
      if (ended >= count) continue;
      EXPECT_EQ(running.front()->Wait(absl::Seconds(60)), 0) << ended;
      running.pop_front();
      finish(ended);
      for (const char* what : {"put", "id", "got"}) std::filesystem::remove(File(what, ended));
    }
  }

  uint64_t seed_ = 60;
};

TEST_F(SixtyProcesses, FilesOutliveTheirUploadersAndComeAlthoughTwelveNodesFreeze) {
  StartNodes();
  std::vector<NodeProcess*> uploaders;
  for (size_t i = kNodes - kUploaders; i < kNodes; ++i) uploaders.push_back(nodes_[i].get());
  std::vector<size_t> sizes;
  for (size_t i = 0; i < 20; ++i) sizes.push_back(i % 5 == 0 ? 3'000'000 : 10'000 * (i + 1));
  const std::vector<Object> objects = PutAll(uploaders, sizes);
  for (NodeProcess* uploader : uploaders) uploader->Kill();

  NodeProcess reader(ReaderSettings());
  ASSERT_TRUE(reader.Start());
  const absl::Duration undisturbed = GetAll(reader, objects);
  uint64_t multi_hop = MetricOf(reader, kMultiHopLookups);
  for (size_t i = 0; i < kNodes - kUploaders; ++i) {
    multi_hop += MetricOf(*nodes_[i], kMultiHopLookups);
  }
  EXPECT_GT(multi_hop, 0u);

  for (NodeProcess* victim : Victims()) victim->Signal(SIGSTOP);
  // One that joins by frozen nodes, too, and one that is connected to some.
  EXPECT_LE(GetAllOnANewNode(objects), undisturbed + kMostDelay);
  EXPECT_LE(GetAll(reader, objects), undisturbed + kMostDelay);
  const std::vector<Object> more = PutAll({&reader}, {100'000, 1'500'000});
  GetAllOnANewNode(more);
}

// Each round has a swarm of its own, with other ids.
TEST_F(SixtyProcesses, TwoHundredObjectsOutliveTheirUploaderAndTwelveOthers) {
  for (int round = 0; round < (IsLongForm() ? 20 : 1); ++round) {
    StartNodes();
    const std::vector<Object> objects = PutAll({nodes_.back().get()}, ObjectSizes());
    nodes_.back()->Kill();
    KillAll(Victims());
    GetAllOnANewNode(objects);
  }
}

// Each group has 40 of the 59 nodes that are not the uploader. Of 18 that die first it has lost 12
// in the mean, which leaves the 28 at which it would be repaired. Twelve more and the uploader die
// at once, before anything is: at least ten of its holders are left, whoever they are, and any
// eight give it back.
TEST_F(SixtyProcesses, TwoHundredObjectsThatWaitForTheirRepairOutliveTwelveMore) {
  constexpr size_t kFirst = kEntries + kVictims;
  constexpr size_t kGoneBefore = 18;
  for (int round = 0; round < (IsLongForm() ? 20 : 1); ++round) {
    StartNodes({});
    const std::vector<Object> objects = PutAll({nodes_.back().get()}, ObjectSizes(), "rs:8/40");
    std::vector<NodeProcess*> gone;
    for (size_t i = kFirst; i < kFirst + kGoneBefore; ++i) gone.push_back(nodes_[i].get());
    KillAll(gone);
    std::vector<NodeProcess*> victims = Victims();
    victims.push_back(nodes_.back().get());
    KillAll(victims);
    GetAllOnANewNode(objects);
  }
}

TEST_F(SixtyProcesses, TwoHundredObjectsComeAlthoughTheirUploaderAndTwelveOthersFreeze) {
  StartNodes();
  const std::vector<Object> objects = PutAll({nodes_.back().get()}, ObjectSizes());
  const absl::Duration undisturbed = GetAllOnANewNode(objects);
  nodes_.back()->Signal(SIGSTOP);
  for (NodeProcess* victim : Victims()) victim->Signal(SIGSTOP);
  EXPECT_LE(GetAllOnANewNode(objects), undisturbed + kMostDelay);
}

}  // namespace
}  // namespace l2p
