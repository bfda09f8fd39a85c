// Garbage collection and the pack store at a million blocks, beside a limit: prints each figure as
// measured, limit, PASS or FAIL. usage: gc_bench FOLDER [BLOCKS] [MIB]
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bare_host.h"
#include "kernel/content/garbage_collector.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/plugin_file.h"
#include "l2p/testkit/worlds.h"

namespace l2p {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kGroupBlocks = 1000;
constexpr size_t kSmall = 200;
constexpr size_t kWritten = 64 * 1024;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Print(const char* what, double measured, double limit, const char* unit) {
  std::printf("%-52s %10.2f %-4s limit %8.2f  %s\n", what, measured, unit, limit,
              measured <= limit ? "PASS" : "FAIL");
  std::fflush(stdout);
}

double ResidentMib() {
  std::ifstream in("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576;
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "gc_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

template <typename Kind>
std::unique_ptr<Kind> Make(const std::string& file, Host& host) {
  const auto plugin = OpenPluginFile(L2P_BUILT_PLUGINS + file);
  Check(plugin.status());
  auto made = testkit::FactoryOf<Kind>(**plugin)(host);
  Check(made.status());
  return *std::move(made);
}

// One node's blocks: the built pack plugin in a real folder, under the kernel's own accounting.
class Bench {
 public:
  explicit Bench(const std::string& folder) : folder_(folder) {
    RealRuntime::Options options;
    options.data_dir = folder;
    options.log_level = Severity::kError;
    auto opened = RealRuntime::Open(options);
    Check(opened.status());
    runtime_ = *std::move(opened);
    crypto_host_ = testkit::BareHosts(nullptr)(*runtime_, 0);
    crypto_ = Make<Crypto>("/crypto/boringssl.so", *crypto_host_);
    host_ = testkit::BareHosts(crypto_)(*runtime_, 1);
    hashers_.Add("sha256", Make<Hasher>("/hashing/sha256.so", *host_));
    OpenStore();
    blocks_ = std::make_unique<BlockService>(*runtime_, slot_, hashers_, uint64_t{1} << 40);
    holdings_ = std::make_unique<Holdings>(
        *runtime_, **runtime_->OpenState("kernel"), *blocks_, PeerId(),
        ShareLimits{uint64_t{1} << 40, uint64_t{1} << 40, 1 << 30, absl::InfiniteDuration()});
    Check(holdings_->Open());
  }

  // A million small blocks, half of them promised: how writers fare while the others are freed.
  void Collect(size_t count) {
    const PeerId owner = host_->identity().peer();
    for (size_t first = 0; first < count; first += 2 * kGroupBlocks) {
      Promise(first, kGroupBlocks, owner);
      Store(Numbered(first + kGroupBlocks, kGroupBlocks, kSmall));
    }
    Check(blocks_->Sync());
    const double calm = WriteUntil([start = Clock::now()] { return SecondsSince(start) > 10; });
    std::atomic<bool> done = false;
    GarbageCollector collector(*runtime_, *blocks_, *holdings_);
    GarbageCollector::Freed freed;
    const Clock::time_point start = Clock::now();
    Check(runtime_->tasks().Start("gc", [&] {
      auto collected = collector.Collect();
      Check(collected.status());
      freed = *collected;
      done = true;
    }));
    const double busy = WriteUntil([&done] { return done.load(); });
    std::printf("gc: %llu blocks freed in %.1f s\n", static_cast<unsigned long long>(freed.blocks),
                SecondsSince(start));
    Print("p99 of a put of 64 KiB during gc / undisturbed", busy / calm, 1.2, "x");
  }

  void Open(size_t count) {
    for (size_t first = 0; blocks_->Usage().blocks < count; first += kGroupBlocks) {
      Store(Numbered((size_t{1} << 32) + first, kGroupBlocks, kSmall));
    }
    Check(blocks_->Sync());
    slot_.Swap(nullptr);
    malloc_trim(0);
    const double before = ResidentMib();
    const Clock::time_point start = Clock::now();
    OpenStore();
    const double took = SecondsSince(start);
    std::printf("pack: %llu blocks\n",
                static_cast<unsigned long long>(slot_.Get()->Usage().blocks));
    Print("pack opens", took * 1e3, 300, "ms");
    Print("and takes, in memory", ResidentMib() - before, 40, "MiB");
  }

  // Blocks of 1 MiB, of which every tenth stays.
  void Shrink(size_t mib) {
    std::vector<Multihash> all;
    for (size_t i = 0; i < mib; i += 16) {
      const std::vector<Block> some = Numbered((size_t{1} << 48) + i, 16, 1 << 20);
      Store(some);
      for (const Block& block : some) all.push_back(block.id);
    }
    Check(blocks_->Sync());
    std::vector<Multihash> dead;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i % 10 != 0) dead.push_back(all[i]);
    }
    Check(blocks_->Reclaim(dead));
    const double live = static_cast<double>(blocks_->Usage().bytes);
    const Clock::time_point start = Clock::now();
    double ratio = DiskBytes() / live;
    while (ratio > 1.3 && SecondsSince(start) < 120) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      ratio = DiskBytes() / live;
    }
    Print("du / live, 90 % deleted", ratio, 1.3, "x");
    Print("until then", SecondsSince(start), 60, "s");
  }

 private:
  void OpenStore() {
    slot_.Swap(std::shared_ptr<BlockStore>(Make<BlockStore>("/storage/pack.so", *host_)));
  }

  Multihash IdOf(ByteView bytes) const {
    const Sha256Digest digest = crypto_->Sha256({&bytes, 1});
    return *Multihash::FromDigest(HashCode::kSha2_256, digest);
  }

  std::vector<Block> Numbered(size_t first, size_t count, size_t size) const {
    std::vector<Block> made;
    for (size_t i = 0; i < count; ++i) {
      std::string text = absl::StrCat("block ", first + i, " ");
      text.resize(size, static_cast<char>(first + i));
      made.push_back({IdOf(AsBytes(text)), Bytes::Copy(text)});
    }
    return made;
  }

  void Store(const std::vector<Block>& some) { Check(BlockService::Operation(*blocks_).Put(some)); }

  void Promise(size_t first, size_t count, const PeerId& owner) {
    const std::vector<Block> some = Numbered(first, count, kSmall);
    BlockService::Operation operation(*blocks_);
    Check(operation.Put(some));
    Group group;
    group.id = some.front().id;
    for (const Block& block : some) group.leaves.push_back({block.id, kSmall});
    Check(holdings_->Commit(group, {owner}));
  }

  // Writes one block after another; the 99th percentile of a put, in milliseconds.
  double WriteUntil(const std::function<bool()>& over) {
    std::vector<double> took;
    BlockService::Operation operation(*blocks_);
    while (took.size() < 1000 || !over()) {
      const std::vector<Block> one = Numbered(next_written_++, 1, kWritten);
      const Clock::time_point start = Clock::now();
      Check(operation.Put(one));
      took.push_back(SecondsSince(start) * 1e3);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::sort(took.begin(), took.end());
    Check(holdings_->ReclaimUnneeded(operation.ForgetAll()));
    return took[took.size() * 99 / 100];
  }

  double DiskBytes() const {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      const std::string extension = entry.path().extension();
      if (extension != ".segment" && extension != ".index") continue;
      struct stat info;
      if (stat(entry.path().c_str(), &info) == 0)
        bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    }
    return static_cast<double>(bytes);
  }

  const std::string folder_;
  std::unique_ptr<RealRuntime> runtime_;
  std::unique_ptr<Host> crypto_host_;
  std::shared_ptr<const Crypto> crypto_;
  std::unique_ptr<Host> host_;
  PluginSlot<BlockStore> slot_;
  Hashers hashers_;
  std::unique_ptr<BlockService> blocks_;
  std::unique_ptr<Holdings> holdings_;
  size_t next_written_ = size_t{1} << 40;
};

int Main(int argc, char** argv) {
  size_t count = 1'000'000;
  size_t mib = 4096;
  if (argc < 2 || (argc > 2 && !absl::SimpleAtoi(argv[2], &count)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &mib))) {
    std::fprintf(stderr, "usage: gc_bench FOLDER [BLOCKS] [MIB]\n");
    return 2;
  }
  const std::string folder = argv[1];
  std::printf("bench: %zu blocks of %zu bytes; %zu MiB\n", count, kSmall, mib);
  {
    Bench bench(folder + "/small");
    bench.Collect(count);
    bench.Open(count);
  }
  Bench(folder + "/large").Shrink(mib);
  return 0;
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) { return l2p::Main(argc, argv); }
