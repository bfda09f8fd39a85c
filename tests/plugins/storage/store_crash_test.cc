// Power cuts under a store that puts, deletes and, if it is a pack, compacts.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "plugins/storage/filesystem/filesystem_store.h"
#include "store_world.h"

namespace l2p {
namespace {

// A store, and how many changes of its disk a run takes at least, most of the time.
struct Subject {
  std::function<absl::StatusOr<std::unique_ptr<BlockStore>>(Host&)> open;
  uint64_t changes;
  bool counts_its_files;  // disk_bytes is the files' size, to the byte.
};

const Subject kTinyPack = {[](Host& host) -> absl::StatusOr<std::unique_ptr<BlockStore>> {
                             return PackStore::Open(host,
                                                    {.segment_bytes = 4096, .reserve_bytes = 4096});
                           },
                           160, true};
const Subject kFilesystem = {[](Host& host) -> absl::StatusOr<std::unique_ptr<BlockStore>> {
                               return FilesystemStore::Open(host);
                             },
                             250, false};

constexpr size_t kBlocks = 12;
constexpr size_t kSteps = 30;

// What may be found of a block after a power cut.
struct Fate {
  bool now = false;  // Present, by the answers so far.
  bool may_be_present = false;
  bool may_be_absent = true;

  void Change(bool present) {
    now = present;
    (present ? may_be_present : may_be_absent) = true;
  }
  void Settle() {
    may_be_present = now;
    may_be_absent = !now;
  }
};

class PowerCut {
 public:
  PowerCut(const Subject& subject, uint64_t seed)
      : subject_(subject), seed_(seed), random_(seed), world_(PluginWorlds(seed)()) {
    for (size_t i = 0; i < kBlocks; ++i) blocks_.push_back(MakeBlock(i, 50 + random_() % 1500));
  }

  absl::Status Run() {
    L2P_RETURN_IF_ERROR(world_->Run([this] { return Live(); }));
    world_->disk(0)->Crash(seed_);
    world_->Restart(0);
    L2P_RETURN_IF_ERROR(world_->Run([this] { return Check(); }));
    world_->Restart(0);
    return world_->Run([this] { return Check(); });
  }

 private:
  absl::Status Live() {
    Host& host = world_->host(0);
    // Nearly always within the run, at times after it.
    world_->disk(0)->StopAt(1 + random_() % subject_.changes);
    auto store = subject_.open(host);
    for (size_t step = 0; store.ok() && step < kSteps; ++step) {
      if (!Step(host, **store).ok()) break;
    }
    return absl::OkStatus();
  }

  absl::Status Step(Host& host, BlockStore& store) {
    const size_t first = random_() % kBlocks;
    const size_t count = 1 + random_() % std::min<size_t>(4, kBlocks - first);
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return Put(store, first, count);
      case 3:
      case 4:
      case 5:
        return Delete(store, first, count);
      case 6:
        Pause(host, absl::Milliseconds(100));
        return absl::OkStatus();
      default:
        L2P_RETURN_IF_ERROR(store.Sync());
        for (Fate& fate : fates_) fate.Settle();
        return absl::OkStatus();
    }
  }

  absl::Status Put(BlockStore& store, size_t first, size_t count) {
    std::vector<absl::Status> out(count);
    store.Put(std::span(blocks_).subspan(first, count), out);
    absl::Status worst;
    for (size_t i = 0; i < count; ++i) {
      fates_[first + i].may_be_present = true;
      if (out[i].ok()) fates_[first + i].Change(true);
      worst.Update(out[i]);
    }
    return worst;
  }

  absl::Status Delete(BlockStore& store, size_t first, size_t count) {
    std::vector<Multihash> ids;
    for (size_t i = 0; i < count; ++i) ids.push_back(blocks_[first + i].id);
    std::vector<absl::Status> out(count);
    store.Delete(ids, out);
    absl::Status worst;
    for (size_t i = 0; i < count; ++i) {
      fates_[first + i].may_be_absent = true;
      if (out[i].ok()) fates_[first + i].Change(false);
      worst.Update(out[i]);
    }
    return worst;
  }

  absl::Status Check() {
    Host& host = world_->host(0);
    L2P_ASSIGN_OR_RETURN(auto store, subject_.open(host));
    std::set<Multihash> present;
    uint64_t bytes = 0;
    for (size_t i = 0; i < kBlocks; ++i) {
      const absl::StatusOr<Bytes> got = GetOne(*store, blocks_[i].id);
      const int64_t size = SizeOf(*store, blocks_[i].id);
      if (got.ok()) {
        present.insert(blocks_[i].id);
        bytes += got->size();
        if (!Equal(*got, blocks_[i].data)) return absl::InternalError("other bytes");
        if (!fates_[i].may_be_present) return absl::InternalError("a deleted block is back");
      } else {
        if (!absl::IsNotFound(got.status())) return got.status();
        if (!fates_[i].may_be_absent) return absl::InternalError("a synced block is gone");
      }
      if ((size >= 0) != got.ok()) return absl::InternalError("Has and Get differ");
      fates_[i].now = got.ok();
    }
    L2P_ASSIGN_OR_RETURN(const BlockStore::Page page, store->Scan("", 100));
    if (std::set<Multihash>(page.ids.begin(), page.ids.end()) != present ||
        page.ids.size() != present.size()) {
      return absl::InternalError("a scan shows other blocks");
    }
    const BlockStore::StoreUsage usage = store->Usage();
    if (usage.blocks != present.size() || usage.bytes != bytes) {
      return absl::InternalError("usage counts other blocks");
    }
    L2P_RETURN_IF_ERROR(CheckAfterwards(host, *store));
    for (Fate& fate : fates_) fate.Settle();
    return absl::OkStatus();
  }

  // The store works on: a block goes in, compaction ends, and the files are what usage says.
  absl::Status CheckAfterwards(Host& host, BlockStore& store) {
    const Block fresh = MakeBlock(100 + random_() % 1000, 300);
    L2P_RETURN_IF_ERROR(PutOne(store, fresh));
    L2P_RETURN_IF_ERROR(DeleteOne(store, fresh.id));
    L2P_RETURN_IF_ERROR(store.Sync());
    Pause(host, absl::Seconds(2));
    if (subject_.counts_its_files && store.Usage().disk_bytes != BytesOf(host)) {
      return absl::InternalError("files take other bytes than usage says");
    }
    return absl::OkStatus();
  }

  const Subject& subject_;
  const uint64_t seed_;
  std::mt19937_64 random_;
  std::unique_ptr<testkit::World> world_;
  std::vector<Block> blocks_;
  std::array<Fate, kBlocks> fates_;
};

void ExpectWholeAfterPowerCuts(const Subject& subject, uint64_t points) {
  for (uint64_t seed = 1; seed <= points; ++seed) {
    const absl::Status status = PowerCut(subject, seed).Run();
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
  }
}

TEST(PackAtAPowerCut, KeepsWhatWasSyncedAtTenThousandPoints) {
  ExpectWholeAfterPowerCuts(kTinyPack, 10'000);
}

TEST(FilesystemAtAPowerCut, KeepsWhatWasSyncedAtTenThousandPoints) {
  ExpectWholeAfterPowerCuts(kFilesystem, 10'000);
}

}  // namespace
}  // namespace l2p
