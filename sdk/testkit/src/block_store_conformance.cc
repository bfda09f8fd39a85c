#include "l2p/testkit/block_store_conformance.h"

#include <algorithm>
#include <set>

#include "block_store_cases.h"
#include "expect.h"

namespace l2p::testkit {

Block TestBlock(uint64_t seed, size_t size) {
  const std::string digest = TestBytes(~seed, 32);
  return {*Multihash::FromDigest(HashCode::kSha2_256, AsBytes(digest)),
          Bytes::Of(TestBytes(seed, size))};
}

std::vector<Block> TestBlocks(uint64_t first_seed, size_t count, size_t size) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < count; ++i) blocks.push_back(TestBlock(first_seed + i, size));
  return blocks;
}

std::vector<Multihash> IdsOf(std::span<const Block> blocks) {
  std::vector<Multihash> ids;
  for (const Block& block : blocks) ids.push_back(block.id);
  return ids;
}

absl::Status PutAll(BlockStore& store, std::span<const Block> blocks) {
  std::vector<absl::Status> out(blocks.size(), absl::UnknownError("Put left this as it was"));
  store.Put(blocks, out);
  for (const absl::Status& status : out) L2P_RETURN_IF_ERROR(WithContext(status, "Put"));
  return absl::OkStatus();
}

absl::Status DeleteAll(BlockStore& store, std::span<const Multihash> ids) {
  std::vector<absl::Status> out(ids.size(), absl::UnknownError("Delete left this as it was"));
  store.Delete(ids, out);
  for (const absl::Status& status : out) L2P_RETURN_IF_ERROR(WithContext(status, "Delete"));
  return absl::OkStatus();
}

absl::Status ExpectStored(BlockStore& store, const Block& block) {
  const absl::StatusOr<Bytes> found = GetOne(store, block.id);
  L2P_EXPECT(found.ok(), "Get of a stored block of ", block.data.size(),
             " bytes: ", Shown(found.status()));
  L2P_EXPECT(Equal(*found, block.data), "Get gave other bytes than those that were put (",
             found->size(), " of ", block.data.size(), ")");
  int64_t size = -2;
  L2P_RETURN_IF_ERROR(WithContext(store.Has({&block.id, 1}, {&size, 1}), "Has"));
  L2P_EXPECT(size == static_cast<int64_t>(block.data.size()), "Has of a block of ",
             block.data.size(), " bytes says ", size);
  return absl::OkStatus();
}

absl::Status ExpectAbsent(BlockStore& store, const Multihash& id) {
  L2P_RETURN_IF_ERROR(ExpectCode(GetOne(store, id).status(), absl::StatusCode::kNotFound,
                                 "Get of a block that is not there"));
  int64_t size = -2;
  L2P_RETURN_IF_ERROR(WithContext(store.Has({&id, 1}, {&size, 1}), "Has"));
  L2P_EXPECT(size == -1, "Has of a block that is not there says ", size);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Multihash>> ScanAll(BlockStore& store, size_t most) {
  std::vector<Multihash> ids;
  std::string token;
  for (size_t pages = 0; pages < 100000; ++pages) {
    L2P_ASSIGN_OR_RETURN(const BlockStore::Page page, store.Scan(token, most));
    L2P_EXPECT(page.ids.size() <= most, "Scan gave ", page.ids.size(), " ids, asked for ", most);
    ids.insert(ids.end(), page.ids.begin(), page.ids.end());
    if (page.token.empty()) return ids;
    token = page.token;
  }
  return absl::InternalError("Scan does not come to an end");
}

namespace {

absl::Status KeepsBlocksOfEverySize(BlockStore& store) {
  std::vector<Block> blocks;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{15}, size_t{4095}, size_t{4096},
                            size_t{4097}, size_t{65536}, size_t{1} << 20, kMaxBlock}) {
    blocks.push_back(TestBlock(1 + size, size));
    L2P_RETURN_IF_ERROR(PutAll(store, {&blocks.back(), 1}));
  }
  for (const Block& block : blocks) L2P_RETURN_IF_ERROR(ExpectStored(store, block));
  return absl::OkStatus();
}

absl::Status KeepsIdsOfEveryKind(BlockStore& store) {
  std::vector<Block> blocks;
  for (const auto& [code, size] : {std::pair{HashCode::kSha1, 20},
                                   {HashCode::kSha2_256, 32},
                                   {HashCode::kBlake3, 32},
                                   {HashCode::kSha2_512, 64},
                                   {HashCode::kIdentity, 5},
                                   {HashCode::kBlake2b256, 32}}) {
    L2P_ASSIGN_OR_RETURN(Multihash id, Multihash::FromDigest(code, AsBytes(TestBytes(7, size))));
    blocks.push_back({std::move(id), Bytes::Of(TestBytes(100 + blocks.size(), 300))});
  }
  // The same digest under several codes names several blocks.
  L2P_RETURN_IF_ERROR(PutAll(store, blocks));
  for (const Block& block : blocks) L2P_RETURN_IF_ERROR(ExpectStored(store, block));
  return absl::OkStatus();
}

absl::Status SaysWhatItDoesNotHave(BlockStore& store) {
  L2P_RETURN_IF_ERROR(PutAll(store, TestBlocks(1, 3, 100)));
  return ExpectAbsent(store, TestBlock(99, 0).id);
}

absl::Status AnswersEachItemOfABatch(BlockStore& store) {
  const std::vector<Block> blocks = TestBlocks(1, 40, 777);
  std::vector<Block> odd;
  for (size_t i = 1; i < blocks.size(); i += 2) odd.push_back(blocks[i]);
  L2P_RETURN_IF_ERROR(PutAll(store, odd));
  const std::vector<Multihash> ids = IdsOf(blocks);
  std::vector<absl::StatusOr<Bytes>> got(ids.size(), absl::UnknownError("untouched"));
  store.Get(ids, got);
  std::vector<int64_t> sizes(ids.size(), -2);
  L2P_RETURN_IF_ERROR(WithContext(store.Has(ids, sizes), "Has"));
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool there = i % 2 == 1;
    L2P_EXPECT(got[i].ok() == there && (there || absl::IsNotFound(got[i].status())),
               "Get of a batch, item ", i, ": ", Shown(got[i].status()));
    L2P_EXPECT(!there || Equal(*got[i], blocks[i].data), "item ", i, " has the bytes of another");
    L2P_EXPECT(sizes[i] == (there ? 777 : -1), "Has of a batch, item ", i, ": ", sizes[i]);
  }
  store.Put({}, {});
  store.Get({}, {});
  store.Delete({}, {});
  return WithContext(store.Has({}, {}), "Has of nothing");
}

absl::Status TakesABlockTwice(BlockStore& store) {
  const std::vector<Block> twice = {TestBlock(1, 5000), TestBlock(2, 10), TestBlock(1, 5000)};
  L2P_RETURN_IF_ERROR(PutAll(store, twice));
  L2P_RETURN_IF_ERROR(PutAll(store, twice));
  L2P_RETURN_IF_ERROR(ExpectStored(store, twice[0]));
  const BlockStore::StoreUsage usage = store.Usage();
  L2P_EXPECT(usage.blocks == 2 && usage.bytes == 5010, "two blocks put twice count as ",
             usage.blocks, " of ", usage.bytes, " bytes");
  L2P_ASSIGN_OR_RETURN(const std::vector<Multihash> seen, ScanAll(store, 10));
  L2P_EXPECT(seen.size() == 2, "a Scan sees ", seen.size(), " of two blocks put twice");
  return absl::OkStatus();
}

absl::Status ForgetsDeletedBlocks(BlockStore& store) {
  const std::vector<Block> blocks = TestBlocks(1, 10, 3000);
  L2P_RETURN_IF_ERROR(PutAll(store, blocks));
  std::vector<Multihash> gone = {blocks[2].id, blocks[5].id, TestBlock(77, 0).id, blocks[2].id};
  L2P_RETURN_IF_ERROR(DeleteAll(store, gone));
  for (size_t i = 0; i < blocks.size(); ++i) {
    L2P_RETURN_IF_ERROR(i == 2 || i == 5 ? ExpectAbsent(store, blocks[i].id)
                                         : ExpectStored(store, blocks[i]));
  }
  L2P_RETURN_IF_ERROR(PutAll(store, {&blocks[2], 1}));
  return ExpectStored(store, blocks[2]);
}

absl::Status LendsBytesThatOutliveTheBlock(BlockStore& store) {
  const Block block = TestBlock(1, 100000);
  L2P_RETURN_IF_ERROR(PutAll(store, {&block, 1}));
  L2P_ASSIGN_OR_RETURN(const Bytes bytes, GetOne(store, block.id));
  L2P_RETURN_IF_ERROR(DeleteAll(store, {&block.id, 1}));
  L2P_RETURN_IF_ERROR(PutAll(store, TestBlocks(50, 20, 100000)));
  L2P_RETURN_IF_ERROR(store.Sync());
  L2P_EXPECT(Equal(bytes, block.data), "bytes of Get changed after the block was deleted");
  return absl::OkStatus();
}

absl::Status CountsWhatItKeeps(BlockStore& store) {
  L2P_EXPECT(store.Usage().blocks == 0 && store.Usage().bytes == 0, "a new store is not empty");
  const std::vector<Block> blocks = TestBlocks(1, 30, 10000);
  L2P_RETURN_IF_ERROR(PutAll(store, blocks));
  BlockStore::StoreUsage usage = store.Usage();
  L2P_EXPECT(usage.blocks == 30 && usage.bytes == 300000, "30 blocks of 10000 bytes count as ",
             usage.blocks, " of ", usage.bytes, " bytes in all");
  L2P_EXPECT(!usage.durable || usage.disk_bytes >= usage.bytes, "disk_bytes ", usage.disk_bytes,
             " is less than the bytes of blocks");
  L2P_RETURN_IF_ERROR(DeleteAll(store, std::vector{blocks[0].id, blocks[1].id}));
  usage = store.Usage();
  L2P_EXPECT(usage.blocks == 28 && usage.bytes == 280000, "after two deletions it counts ",
             usage.blocks, " blocks, ", usage.bytes, " bytes");
  return absl::OkStatus();
}

absl::Status ScansEveryBlockOnce(BlockStore& store) {
  L2P_ASSIGN_OR_RETURN(const BlockStore::Page nothing, store.Scan("", 5));
  L2P_EXPECT(nothing.ids.empty() && nothing.token.empty(), "Scan of an empty store sees blocks");
  const std::vector<Block> blocks = TestBlocks(1, 100, 50);
  L2P_RETURN_IF_ERROR(PutAll(store, blocks));
  std::vector<Multihash> wanted = IdsOf(blocks);
  std::sort(wanted.begin(), wanted.end());
  for (const size_t most : {1u, 7u, 100u, 1000u}) {
    L2P_ASSIGN_OR_RETURN(std::vector<Multihash> seen, ScanAll(store, most));
    std::sort(seen.begin(), seen.end());
    L2P_EXPECT(seen == wanted, "a Scan in pages of ", most, " saw ", seen.size(), " of 100 blocks");
  }
  return absl::OkStatus();
}

absl::Status ScansEveryBlockOnceWhileOthersChange(BlockStore& store) {
  const std::vector<Block> staying = TestBlocks(1, 60, 200);
  std::vector<Block> leaving = TestBlocks(1000, 60, 200);
  L2P_RETURN_IF_ERROR(PutAll(store, staying));
  L2P_RETURN_IF_ERROR(PutAll(store, leaving));
  std::multiset<Multihash> seen;
  std::string token;
  for (uint64_t page_number = 0;; ++page_number) {
    L2P_ASSIGN_OR_RETURN(const BlockStore::Page page, store.Scan(token, 5));
    seen.insert(page.ids.begin(), page.ids.end());
    if (page.token.empty()) break;
    L2P_EXPECT(page_number < 1000, "Scan does not come to an end");
    token = page.token;
    L2P_RETURN_IF_ERROR(PutAll(store, TestBlocks(2000 + 3 * page_number, 3, 200)));
    if (leaving.size() < 4) continue;
    L2P_RETURN_IF_ERROR(DeleteAll(store, IdsOf(std::span(leaving).last(4))));
    leaving.resize(leaving.size() - 4);
  }
  for (const Block& block : staying) {
    L2P_EXPECT(seen.count(block.id) == 1, "a block that was there all the time was seen ",
               seen.count(block.id), " times while others were put and deleted");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> BlockStoreConformance(Factory<BlockStore> factory,
                                                   WorldFactory world) {
  const auto one = [&](const char* name, absl::Status (*check)(BlockStore&)) {
    return CaseOf<BlockStore>(name, factory, world, check);
  };
  std::vector<ConformanceCase> cases = {
      one("KeepsBlocksOfEverySize", KeepsBlocksOfEverySize),
      one("KeepsIdsOfEveryKind", KeepsIdsOfEveryKind),
      one("SaysWhatItDoesNotHave", SaysWhatItDoesNotHave),
      one("AnswersEachItemOfABatch", AnswersEachItemOfABatch),
      one("TakesABlockTwice", TakesABlockTwice),
      one("ForgetsDeletedBlocks", ForgetsDeletedBlocks),
      one("LendsBytesThatOutliveTheBlock", LendsBytesThatOutliveTheBlock),
      one("CountsWhatItKeeps", CountsWhatItKeeps),
      one("ScansEveryBlockOnce", ScansEveryBlockOnce),
      one("ScansEveryBlockOnceWhileOthersChange", ScansEveryBlockOnceWhileOthersChange),
  };
  for (ConformanceCase& other : BlockStoreDurability(factory, world)) {
    cases.push_back(std::move(other));
  }
  return cases;
}

}  // namespace l2p::testkit
