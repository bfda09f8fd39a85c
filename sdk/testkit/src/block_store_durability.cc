#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "block_store_cases.h"
#include "expect.h"
#include "l2p/testkit/memory_disk.h"

namespace l2p::testkit {
namespace {

using Store = std::unique_ptr<BlockStore>;

// One case's world and how to open the store in it.
struct Place {
  World& world;
  const Factory<BlockStore>& factory;

  absl::StatusOr<Store> Open() const {
    absl::StatusOr<Store> store = factory(world.host(0));
    if (!store.ok()) return WithContext(store.status(), "open the store");
    return store;
  }
};

absl::Status BeginsEmptyIfVolatile(const Place& place, const Block& block) {
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  return WithContext(ExpectAbsent(*store, block.id), "a store that says it is not durable");
}

absl::Status KeepsSyncedBlocksAcrossARestart(const Place& place) {
  const std::vector<Block> blocks = TestBlocks(1, 50, 20000);
  bool durable;
  {
    L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
    L2P_RETURN_IF_ERROR(PutAll(*store, blocks));
    L2P_RETURN_IF_ERROR(DeleteAll(*store, {{blocks[3].id}}));
    L2P_RETURN_IF_ERROR(store->Sync());
    durable = store->Usage().durable;
  }
  place.world.Restart(0);
  if (!durable) return BeginsEmptyIfVolatile(place, blocks[0]);
  for (int round = 0; round < 2; ++round) {
    L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
    for (const Block& block : blocks) {
      L2P_RETURN_IF_ERROR(WithContext(
          block.id == blocks[3].id ? ExpectAbsent(*store, block.id) : ExpectStored(*store, block),
          "after a restart"));
    }
    const BlockStore::StoreUsage usage = store->Usage();
    L2P_EXPECT(usage.blocks == 49 && usage.bytes == 49 * 20000,
               "after a restart 49 blocks count as ", usage.blocks, " of ", usage.bytes, " bytes");
    L2P_RETURN_IF_ERROR(store->Sync());
  }
  return absl::OkStatus();
}

// What must and what may be in the store after the power went.
struct Expected {
  std::map<Multihash, Block> all;       // Ever put.
  std::set<Multihash> present, absent;  // As of the last Sync that returned OK.
};

// Puts, deletes and syncs until the disk stops; a call that fails has promised nothing.
void WorkUntilThePowerGoes(BlockStore& store, Expected& expected) {
  std::set<Multihash> present;
  std::set<Multihash> absent;
  std::set<Multihash> unsure;
  for (uint64_t step = 0; step < 12; ++step) {
    const std::vector<Block> blocks = TestBlocks(1 + 100 * step, 3, 100 + 3000 * step);
    for (const Block& block : blocks) expected.all[block.id] = block;
    std::vector<absl::Status> out(blocks.size());
    store.Put(blocks, out);
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (out[i].ok()) present.insert(blocks[i].id);
    }
    if (step % 3 == 1) {
      // From the moment of the call on, its outcome counts only once it has returned OK.
      const Multihash id = TestBlock(1 + 100 * (step - 1), 0).id;
      expected.present.erase(id);
      present.erase(id);
      absl::Status deleted;
      store.Delete({&id, 1}, {&deleted, 1});
      if (deleted.ok()) absent.insert(id);
    }
    if (step % 2 == 1 && store.Sync().ok()) {
      expected.present = present;
      expected.absent = absent;
    }
  }
}

absl::Status CheckAfterThePowerCut(BlockStore& store, const Expected& expected) {
  for (const auto& [id, block] : expected.all) {
    const absl::StatusOr<Bytes> found = GetOne(store, id);
    if (expected.present.count(id) != 0) {
      L2P_EXPECT(found.ok(), "a block of ", block.data.size(),
                 " bytes that was put and synced is lost: ", Shown(found.status()));
    }
    if (expected.absent.count(id) != 0) {
      L2P_EXPECT(absl::IsNotFound(found.status()), "a block that was deleted and synced is back");
    }
    L2P_EXPECT(!found.ok() || Equal(*found, block.data),
               "a block has other bytes than those that were put");
    L2P_EXPECT(
        found.ok() || absl::IsNotFound(found.status()),
        "a block that was never promised is neither there nor absent: ", Shown(found.status()));
  }
  L2P_ASSIGN_OR_RETURN(const std::vector<Multihash> seen, ScanAll(store, 10));
  L2P_EXPECT(std::set(seen.begin(), seen.end()).size() == seen.size(), "Scan sees a block twice");
  for (const Multihash& id : seen) {
    L2P_EXPECT(expected.all.count(id) != 0, "Scan sees an id that was never put");
  }
  const Block fresh = TestBlock(99999, 7000);
  L2P_RETURN_IF_ERROR(WithContext(PutAll(store, {&fresh, 1}), "after the power cut"));
  L2P_RETURN_IF_ERROR(WithContext(store.Sync(), "after the power cut: Sync"));
  return ExpectStored(store, fresh);
}

// One power cut at the `nth` change of the disk; sets `reached` unless all was done before it.
absl::Status CutThePowerAt(const Place& place, uint64_t nth, bool& reached) {
  MemoryDisk& disk = *place.world.disk(0);
  Expected expected;
  disk.StopAt(nth);
  {
    absl::StatusOr<Store> store = place.Open();
    if (store.ok() && !(*store)->Usage().durable) return absl::OkStatus();
    if (store.ok()) WorkUntilThePowerGoes(**store, expected);
    reached = disk.stopped();
  }
  disk.Crash(nth);
  place.world.Restart(0);
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  return CheckAfterThePowerCut(*store, expected);
}

ConformanceCase SurvivesAPowerCutAtAnyPoint(const Factory<BlockStore>& factory,
                                            const WorldFactory& world) {
  return {"SurvivesAPowerCutAtAnyPoint", [factory, world]() -> absl::Status {
            bool reached = true;
            for (uint64_t nth = 1; reached && nth < 1000; ++nth) {
              reached = false;
              const std::unique_ptr<World> place = world();
              if (place->disk(0) == nullptr) return absl::OkStatus();
              L2P_RETURN_IF_ERROR(
                  WithContext(place->Run([&] {
                    return CutThePowerAt({*place, factory}, nth, reached);
                  }),
                              absl::StrCat("power cut at change ", nth, " of the disk")));
            }
            return absl::OkStatus();
          }};
}

absl::Status StaysUsableOnAFullDisk(const Place& place) {
  MemoryDisk* const disk = place.world.disk(0);
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  if (disk == nullptr || !store->Usage().durable) return absl::OkStatus();
  const std::vector<Block> before = TestBlocks(1, 10, 50000);
  L2P_RETURN_IF_ERROR(PutAll(*store, before));
  L2P_RETURN_IF_ERROR(store->Sync());
  disk->SetCapacity(disk->used() + 200000);
  const std::vector<Block> more = TestBlocks(100, 40, 50000);
  std::vector<absl::Status> out(more.size());
  store->Put(more, out);
  size_t refused = 0;
  for (size_t i = 0; i < more.size(); ++i) {
    L2P_EXPECT(out[i].ok() || absl::IsResourceExhausted(out[i]),
               "Put on a full disk: wanted ResourceExhausted, found ", Shown(out[i]));
    refused += !out[i].ok();
    L2P_RETURN_IF_ERROR(out[i].ok() ? ExpectStored(*store, more[i])
                                    : ExpectAbsent(*store, more[i].id));
  }
  L2P_EXPECT(refused > 0, "2 MB were put on a disk with 200 kB left");
  for (const Block& block : before) L2P_RETURN_IF_ERROR(ExpectStored(*store, block));
  disk->SetCapacity(uint64_t{1} << 40);
  L2P_RETURN_IF_ERROR(WithContext(PutAll(*store, more), "with space again"));
  L2P_RETURN_IF_ERROR(WithContext(store->Sync(), "with space again: Sync"));
  for (const Block& block : more) L2P_RETURN_IF_ERROR(ExpectStored(*store, block));
  return absl::OkStatus();
}

// Flips one bit wherever `needle` lies in a file of `folder`; returns how often.
absl::StatusOr<int> Damage(Folder& folder, const std::string& needle) {
  int places = 0;
  L2P_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.List());
  for (const std::string& name : names) {
    const absl::StatusOr<std::unique_ptr<File>> file = folder.Open(name, Folder::Mode::kWrite);
    if (!file.ok()) {
      L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> inner, folder.OpenFolder(name));
      L2P_ASSIGN_OR_RETURN(const int there, Damage(*inner, needle));
      places += there;
      continue;
    }
    L2P_ASSIGN_OR_RETURN(const std::string content, ReadFile(folder, name, 1 << 30));
    const size_t at = content.find(needle);
    if (at == std::string::npos) continue;
    const uint8_t flipped = static_cast<uint8_t>(content[at]) ^ 0x10;
    const ByteView part(&flipped, 1);
    L2P_RETURN_IF_ERROR((*file)->Write(at, {&part, 1}));
    ++places;
  }
  return places;
}

absl::Status NeverGivesDamagedBytes(const Place& place) {
  MemoryDisk* const disk = place.world.disk(0);
  const std::vector<Block> blocks = TestBlocks(1, 9, 6000);
  const auto check = [&](BlockStore& store, std::string_view when) -> absl::Status {
    const absl::StatusOr<Bytes> found = GetOne(store, blocks[4].id);
    L2P_EXPECT(found.ok() ? Equal(*found, blocks[4].data)
                          : absl::IsDataLoss(found.status()) || absl::IsNotFound(found.status()),
               "Get of a block whose bytes on disk are damaged, ", av(when),
               ": wanted DataLoss, found ",
               found.ok() ? "the damaged bytes" : Shown(found.status()));
    return absl::OkStatus();
  };
  {
    L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
    if (disk == nullptr || !store->Usage().durable) return absl::OkStatus();
    L2P_RETURN_IF_ERROR(PutAll(*store, blocks));
    L2P_RETURN_IF_ERROR(store->Sync());
    const std::string needle(blocks[4].data.text().substr(3000, 32));
    L2P_ASSIGN_OR_RETURN(const int places, Damage(disk->root(), needle));
    L2P_EXPECT(places > 0, "the bytes of a synced block are in no file of the store's folder");
    L2P_RETURN_IF_ERROR(check(*store, "in the running store"));
    for (const size_t i : {0u, 8u}) L2P_RETURN_IF_ERROR(ExpectStored(*store, blocks[i]));
  }
  place.world.Restart(0);
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  return check(*store, "after a restart");
}

absl::Status ReportsAFailingSync(const Place& place) {
  MemoryDisk* const disk = place.world.disk(0);
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  if (disk == nullptr || !store->Usage().durable) return absl::OkStatus();
  L2P_RETURN_IF_ERROR(PutAll(*store, TestBlocks(1, 3, 10000)));
  disk->FailNth(DiskOp::kSync, 1, absl::UnavailableError("input/output error"));
  L2P_EXPECT(!store->Sync().ok(), "Sync is OK although the disk could not sync");
  return absl::OkStatus();
}

// Tasks put, read, delete and scan at once; on threads where the World is real.
absl::Status LetsCallsOverlap(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const Store store, place.Open());
  constexpr size_t kTasks = 6;
  std::vector<absl::Status> results(kTasks);
  {
    TaskGroup group(place.world.host(0).tasks(), place.world.host(0).NewEvent());
    for (size_t task = 0; task < kTasks; ++task) {
      L2P_RETURN_IF_ERROR(group.Start("conformance", [&, task] {
        results[task] = [&]() -> absl::Status {
          for (uint64_t round = 0; round < 10; ++round) {
            const std::vector<Block> mine = TestBlocks(1 + 1000 * task + 10 * round, 4, 5000);
            L2P_RETURN_IF_ERROR(PutAll(*store, mine));
            for (const Block& block : mine) L2P_RETURN_IF_ERROR(ExpectStored(*store, block));
            L2P_RETURN_IF_ERROR(DeleteAll(*store, {{mine[1].id}}));
            L2P_RETURN_IF_ERROR(ExpectAbsent(*store, mine[1].id));
            L2P_RETURN_IF_ERROR(store->Sync());
            L2P_RETURN_IF_ERROR(ScanAll(*store, 20).status());
          }
          return absl::OkStatus();
        }();
      }));
    }
  }
  for (const absl::Status& result : results) L2P_RETURN_IF_ERROR(result);
  L2P_EXPECT(store->Usage().blocks == kTasks * 30, "after overlapping calls ",
             store->Usage().blocks, " blocks are there, not ", kTasks * 30);
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> BlockStoreDurability(const Factory<BlockStore>& factory,
                                                  const WorldFactory& world) {
  const auto one = [&](const char* name, absl::Status (*check)(const Place&)) {
    return ConformanceCase{name, [factory, world, check] {
                             const std::unique_ptr<World> place = world();
                             return place->Run([&] { return check({*place, factory}); });
                           }};
  };
  return {
      one("KeepsSyncedBlocksAcrossARestart", KeepsSyncedBlocksAcrossARestart),
      SurvivesAPowerCutAtAnyPoint(factory, world),
      one("StaysUsableOnAFullDisk", StaysUsableOnAFullDisk),
      one("NeverGivesDamagedBytes", NeverGivesDamagedBytes),
      one("ReportsAFailingSync", ReportsAFailingSync),
      one("LetsCallsOverlap", LetsCallsOverlap),
  };
}

}  // namespace l2p::testkit
