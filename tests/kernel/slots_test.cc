#include "kernel/slots.h"

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "l2p/testkit/test_host.h"

namespace l2p {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::atomic<int> chunkers = 0;  // Instances that live, of all plugins below.

class CountedChunker : public Chunker {
 public:
  explicit CountedChunker(size_t size) : size_(size) { ++chunkers; }
  ~CountedChunker() override { --chunkers; }
  size_t max_chunk() const override { return size_; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override {
    if (window.empty() || ends.empty() || (!at_end && window.size() < size_)) return 0;
    ends[0] = std::min(window.size(), size_);
    return 1;
  }
  std::string Parameters() const override { return "counted"; }

 private:
  const size_t size_;
};

absl::StatusOr<std::unique_ptr<Chunker>> OpenCounted(Host&, const Settings& settings) {
  if (settings.Integer("size") == 13) return absl::InternalError("thirteen");
  return std::make_unique<CountedChunker>(static_cast<size_t>(settings.Integer("size")));
}

class OneByteHasher : public Hasher {
 public:
  explicit OneByteHasher(HashCode code) : code_(code) {}
  HashCode code() const override { return code_; }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::fill_n(digests.begin() + static_cast<ptrdiff_t>(i * 32), 32,
                  static_cast<uint8_t>(inputs[i].size()));
    }
  }

 private:
  const HashCode code_;
};

absl::StatusOr<std::unique_ptr<Hasher>> OpenFirst(Host&, const Settings&) {
  return std::make_unique<OneByteHasher>(HashCode::kSha2_256);
}
absl::StatusOr<std::unique_ptr<Hasher>> OpenSecond(Host&, const Settings&) {
  return std::make_unique<OneByteHasher>(HashCode::kBlake3);
}

constexpr SettingSpec kSize[] = {{"size", SettingType::kSize, "1MiB", "1B..2MiB", "of a chunk"}};

constexpr PluginDescriptor Describe(const char* kind, const char* name,
                                    std::span<const SettingSpec> settings,
                                    absl::Status (*open)(Host&, const Settings&, void**)) {
  return {
      kPluginMagic, sizeof(PluginDescriptor), kSdkMajor,       kSdkMinor, L2P_TOOLCHAIN, kind, name,
      "1.0.0",      settings.data(),          settings.size(), open};
}

constexpr PluginDescriptor kEven =
    Describe("chunking", "even", kSize, &OpenAs<Chunker, &OpenCounted>);
constexpr PluginDescriptor kOdd =
    Describe("chunking", "odd", kSize, &OpenAs<Chunker, &OpenCounted>);
constexpr PluginDescriptor kFirst = Describe("hashing", "first", {}, &OpenAs<Hasher, &OpenFirst>);
constexpr PluginDescriptor kSecond =
    Describe("hashing", "second", {}, &OpenAs<Hasher, &OpenSecond>);

class SlotsTest : public testing::Test {
 protected:
  // A node's start with these lines of settings.
  void Start(std::string file, std::vector<std::string> command_line = {}) {
    slots_ = nullptr;
    hashers_ = std::make_unique<Hashers>();
    slots_ = std::make_unique<Slots>(
        Slots::Parts{runtime_, plugins_, **runtime_.OpenState("kernel"), *hashers_,
                     [this](const std::string&, const std::string&) -> Host& { return host_; }},
        Config(std::move(file), std::move(command_line)));
    ASSERT_EQ(slots_->Open(), absl::OkStatus());
  }

  static NodeConfig Config(std::string file, std::vector<std::string> command_line = {}) {
    const NodeConfig::Source sources[] = {
        {"shipped", "chunking.plugin = even\nhashing.plugin = first"}, {"own", std::move(file)}};
    absl::StatusOr<NodeConfig> config = NodeConfig::Parse(sources, command_line);
    EXPECT_EQ(config.status(), absl::OkStatus());
    return *config;
  }

  // "even 1048576 0" : plugin, size and generation of the chunking slot.
  std::string Live() const {
    for (const Slots::Slot& slot : slots_->List()) {
      if (slot.kind != "chunking") continue;
      return slot.plugin + " " + std::to_string(slots_->chunker()->max_chunk()) + " " +
             std::to_string(slot.generation);
    }
    return "none";
  }

  testkit::Simulation simulation_{1};
  testkit::MemoryDisk disk_;
  testkit::SimRuntime runtime_{simulation_, disk_, "node"};
  testkit::TestHost host_{runtime_};
  PluginRegistry plugins_{
      {.paths = {}, .copies = "", .linked = {&kEven, &kOdd, &kFirst, &kSecond}}};
  std::unique_ptr<Hashers> hashers_;
  std::unique_ptr<Slots> slots_;
};

TEST_F(SlotsTest, ALeaseKeepsTheOldInstanceUntilItIsReleased) {
  simulation_.Run([&] {
    Start("");
    ASSERT_EQ(chunkers, 1);
    std::shared_ptr<Chunker> lease = slots_->chunker();
    ASSERT_EQ(slots_->Swap("chunking", "odd", {{"size", "64KiB"}}).status(), absl::OkStatus());
    EXPECT_EQ(Live(), "odd 65536 1");
    EXPECT_EQ(chunkers, 2);
    EXPECT_EQ(lease->max_chunk(), 1u << 20) << "whoever began with the old one goes on with it";
    lease = nullptr;
    EXPECT_EQ(chunkers, 1);
  });
}

TEST_F(SlotsTest, ASwapHoldsAcrossRestartsUntilItsSettingsAreEdited) {
  simulation_.Run([&] {
    Start("chunking.even.size = 1KiB");
    EXPECT_EQ(Live(), "even 1024 0");
    ASSERT_TRUE(slots_->Swap("chunking", "odd", {{"size", "2KiB"}}).ok());
    Start("chunking.even.size = 1KiB");
    EXPECT_EQ(Live(), "odd 2048 1");
    Start("chunking.even.size = 1KiB\nnode.tasks = 20");
    EXPECT_EQ(Live(), "odd 2048 1") << "other settings do not matter";
    Start("chunking.even.size = 3KiB");
    EXPECT_EQ(Live(), "even 3072 1");
    Start("chunking.even.size = 1KiB");
    EXPECT_EQ(Live(), "even 1024 1") << "the swap was forgotten with the edit";
  });
}

TEST_F(SlotsTest, TheCommandLineBeatsASwapForItsRun) {
  simulation_.Run([&] {
    Start("");
    ASSERT_TRUE(slots_->Swap("chunking", "odd", {{"size", "2KiB"}}).ok());
    Start("", {"chunking.plugin=even"});
    EXPECT_EQ(Live(), "even 1048576 1");
    Start("");
    EXPECT_EQ(Live(), "odd 2048 1");
  });
}

TEST_F(SlotsTest, EditedSettingsAreFollowed) {
  simulation_.Run([&] {
    Start("");
    ASSERT_EQ(slots_->Follow(Config("")), absl::OkStatus());
    EXPECT_EQ(Live(), "even 1048576 0") << "nothing was edited";
    ASSERT_EQ(slots_->Follow(Config("chunking.plugin = odd\nchunking.odd.size = 5KiB")),
              absl::OkStatus());
    EXPECT_EQ(Live(), "odd 5120 1");
    ASSERT_TRUE(slots_->Swap("chunking", "even", {{"size", "7KiB"}}).ok());
    ASSERT_EQ(slots_->Follow(Config("chunking.plugin = odd\nchunking.odd.size = 5KiB")),
              absl::OkStatus());
    EXPECT_EQ(Live(), "even 7168 2") << "a swap beats settings that are as they were";
    ASSERT_EQ(slots_->Follow(Config("chunking.plugin = odd\nchunking.odd.size = 6KiB")),
              absl::OkStatus());
    EXPECT_EQ(Live(), "odd 6144 3");
  });
}

TEST_F(SlotsTest, AFailedSwapLeavesTheOldInstanceLive) {
  simulation_.Run([&] {
    Start("");
    EXPECT_THAT(std::string(slots_->Swap("chunking", "od", {}).status().message()),
                AllOf(HasSubstr("no chunking plugin 'od'"), HasSubstr("did you mean 'odd'")));
    EXPECT_THAT(std::string(slots_->Swap("chunking", "odd", {{"size", "3MiB"}}).status().message()),
                HasSubstr("size"));
    EXPECT_THAT(std::string(slots_->Swap("chunking", "odd", {{"sise", "3KiB"}}).status().message()),
                HasSubstr("sise"));
    EXPECT_THAT(std::string(slots_->Swap("chunking", "odd", {{"size", "13B"}}).status().message()),
                HasSubstr("thirteen"));
    EXPECT_TRUE(absl::IsNotFound(slots_->Swap("chunkin", "odd", {}).status()));
    EXPECT_EQ(Live(), "even 1048576 0");
    EXPECT_EQ(chunkers, 1);
  });
}

TEST_F(SlotsTest, OtherKindsNeedARestart) {
  simulation_.Run([&] {
    Start("");
    for (const std::string kind : {"storage", "routing", "transport"}) {
      const absl::Status status = slots_->Swap(kind, "x", {}).status();
      EXPECT_TRUE(absl::IsUnimplemented(status));
      EXPECT_EQ(status.message(), "not yet: restart with " + kind + ".plugin=x");
    }
  });
}

TEST_F(SlotsTest, AfterASwapOfHashersBothVerify) {
  simulation_.Run([&] {
    Start("");
    EXPECT_EQ(slots_->hasher().Get()->code(), HashCode::kSha2_256);
    ASSERT_TRUE(slots_->Swap("hashing", "second", {}).ok());
    EXPECT_EQ(slots_->hasher().Get()->code(), HashCode::kBlake3);
    EXPECT_TRUE(hashers_->Knows(HashCode::kSha2_256));
    ASSERT_EQ(slots_->Verifying().size(), 1u);
    EXPECT_EQ(slots_->Verifying()[0].plugin, "first");
    Start("");
    EXPECT_EQ(slots_->hasher().Get()->code(), HashCode::kBlake3);
    EXPECT_TRUE(hashers_->Knows(HashCode::kSha2_256));
  });
}

TEST_F(SlotsTest, AChunkerCanBeMadeByNameForOnePut) {
  simulation_.Run([&] {
    Start("chunking.odd.size = 9KiB");
    EXPECT_EQ((*slots_->MakeChunker("", std::nullopt))->max_chunk(), 1u << 20);
    EXPECT_EQ((*slots_->MakeChunker("odd", std::nullopt))->max_chunk(), 9u << 10);
    EXPECT_EQ((*slots_->MakeChunker("odd", 100))->max_chunk(), 100u);
    EXPECT_EQ((*slots_->MakeChunker("", 200))->max_chunk(), 200u);
    EXPECT_EQ(chunkers, 1) << "they live as long as their users";
  });
}

}  // namespace
}  // namespace l2p
