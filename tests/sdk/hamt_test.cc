#include "l2p/hamt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>

#include "format_bytes.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

constexpr std::string_view kFiveFiles =
    "123a0a2401551220e218add142f0c21926f122cb9110700deacbfc072994665cd8e82035b195c08b1210313966696c"
    "652d30303030302e747874180f123a0a240155122056ce6c7c6ecda41e0eef5576a65ebb309b87cd0ce8ac0c3c376c"
    "2b8ef33912031210323766696c652d30303030322e747874180f123a0a2401551220fdd6a355f50f49025fda12e834"
    "acca7f54aa5ebc12c57687d04c2eb8384ebeea1210434466696c652d30303030342e747874180f123a0a2401551220"
    "086975b930e0e9d541911415bcbbbd3c7720f38df6168425c95190d8d00175db1210463766696c652d30303030312e"
    "747874180f123a0a24015512205f770284a974f5c5db043444e37c625b3e3b831600f12ed544b403b798dfb57d1210"
    "464266696c652d30303030332e747874180f0a29080512200880000000002000000000000000000000000000000000"
    "0000000080020000002822308002";
constexpr std::string_view kOneChild =
    "122d0a2401701220ef940b75b9da5b2f66af226d3eba5043370cb5c48730ae007ab5f11431c3e0661202303018a501"
    "0a0a08051201012822308002";
constexpr std::string_view kChild =
    "12330a240155122024507386bef02c6cd7a3899344182ffe43ff3f042930d8231b50d3b77d73668812093645343730"
    "2e747874180812330a24015512208fad66ca58704fac57eb156405fc366af809e0a6e22a0200dfdbeb5f50c5733d12"
    "0946463734322e74787418080a29080512208000000000000000000000000000000000004000000000000000000000"
    "0"
    "000002822308002";

// Shards in the order in which they were stored.
class Shards {
 public:
  StoreShard store() {
    return [this](std::string block) -> absl::StatusOr<Cid> {
      Cid cid = DagPbCidOf(block);
      order.push_back(cid);
      blocks[cid] = std::move(block);
      return cid;
    };
  }

  HamtShard Read(const Cid& cid) const {
    return DecodeHamtShard(DecodeDagPb(AsBytes(blocks.at(cid))).value()).value();
  }

  absl::StatusOr<HamtEntry> Find(const Cid& root, std::string_view name) const {
    HamtLookup lookup(name);
    Cid at = root;
    while (true) {
      L2P_ASSIGN_OR_RETURN(HamtEntry entry, lookup.Step(Read(at)));
      if (!entry.is_shard()) return entry;
      at = entry.cid;
    }
  }

  std::vector<Cid> order;
  std::map<Cid, std::string> blocks;
};

// A file whose content is its name and a newline, as in the vectors.
DagLink File(const std::string& name) { return {RawCidOf(name + "\n"), name, name.size() + 1}; }

std::string Numbered(int number) {
  const std::string digits = std::to_string(number);
  return "file-" + std::string(5 - digits.size(), '0') + digits + ".txt";
}

std::string HashHex(std::string_view name) {
  std::string hex(16, '0');
  uint64_t hash = HamtHash(name);
  for (size_t i = 16; i-- > 0; hash >>= 4) hex[i] = "0123456789abcdef"[hash & 15];
  return hex;
}

TEST(HamtHash, HasTheKnownValues) {
  EXPECT_EQ(HashHex("a.txt"), "59a0c46995547089");
  EXPECT_EQ(HashHex("470.txt"), "006e88df5847e67c");
  EXPECT_EQ(HashHex("742.txt"), "00ff87d129ae5428");
  EXPECT_EQ(HashHex("file-00000.txt"), "19698b1c0fa73e79");
  EXPECT_EQ(HashHex("\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb"), "e1ef06edb087fde9");
  EXPECT_EQ(HashHex(""), "0000000000000000");
}

TEST(HamtHash, MatchesItsSpecificationOnLongInput) {
  // The published test of murmur3 x64 128 with seed 0.
  EXPECT_EQ(HashHex("The quick brown fox jumps over the lazy dog"), "e34bbc7bbc071b6c");
}

TEST(Hamt, BuildsTheKnownShardOfFiveFiles) {
  Shards shards;
  std::vector<DagLink> entries;
  for (int i : {3, 0, 4, 1, 2}) entries.push_back(File(Numbered(i)));
  DagLink root = BuildHamt(entries, shards.store()).value();
  EXPECT_EQ(root.cid.ToString(), "bafybeicotgzls4e4y6ofrsqapnwkq2ndv3yo7asfj56zvxambtqtfakpoy");
  EXPECT_EQ(ToHex(AsBytes(shards.blocks[root.cid])), kFiveFiles);
  EXPECT_EQ(root.tsize, shards.blocks[root.cid].size() + 5 * 15);
  EXPECT_EQ(root.name, "");
}

TEST(Hamt, BuildsTheKnownChildWhereNamesMeet) {
  Shards shards;
  DagLink root = BuildHamt({File("742.txt"), File("470.txt")}, shards.store()).value();
  EXPECT_EQ(root.cid.ToString(), "bafybeig4umo4xcxzpktvj3pvs56itmn5l3skgjenkodq3iwd6wzjva7zqq");
  EXPECT_EQ(ToHex(AsBytes(shards.blocks[root.cid])), kOneChild);
  ASSERT_EQ(shards.order.size(), 2u);
  EXPECT_EQ(shards.order[0].ToString(),
            "bafybeihpsqfxloo2lmxwnlzcnu7luucdg4gllrehgcxaa6vv6ekddq7amy");
  EXPECT_EQ(ToHex(AsBytes(shards.blocks[shards.order[0]])), kChild);
  HamtShard shard = shards.Read(root.cid);
  ASSERT_EQ(shard.entries.size(), 1u);
  EXPECT_TRUE(shard.entries[0].is_shard());
  EXPECT_EQ(shard.entries[0].tsize, 165u);
}

TEST(Hamt, ReadsTheKnownShard) {
  const std::string block = Unhex(kFiveFiles);
  HamtShard shard = DecodeHamtShard(DecodeDagPb(AsBytes(block)).value()).value();
  EXPECT_EQ(shard.fanout, 256u);
  std::vector<uint32_t> slots;
  for (const HamtEntry& entry : shard.entries) slots.push_back(entry.slot);
  EXPECT_EQ(slots, (std::vector<uint32_t>{0x19, 0x27, 0xCD, 0xF7, 0xFB}));
  EXPECT_EQ(shard.entries[0].name, "file-00000.txt");
  HamtEntry found = HamtLookup("file-00003.txt").Step(shard).value();
  EXPECT_EQ(found.cid, RawCidOf("file-00003.txt\n"));
  EXPECT_TRUE(absl::IsNotFound(HamtLookup("file-00009.txt").Step(shard).status()));
}

TEST(Hamt, FindsEveryNameOfALargeDirectoryAndNoOther) {
  Shards shards;
  std::vector<DagLink> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back(File(Numbered(i)));
  for (const char* name : {"00", "FF", "0A", "7"}) entries.push_back(File(name));
  DagLink root = BuildHamt(entries, shards.store()).value();
  EXPECT_EQ(shards.order.back(), root.cid);
  for (const DagLink& entry : entries) {
    absl::StatusOr<HamtEntry> found = shards.Find(root.cid, entry.name);
    ASSERT_TRUE(found.ok()) << entry.name << found.status();
    EXPECT_EQ(found->cid, entry.cid);
  }
  for (int i = 5000; i < 6000; ++i) {
    EXPECT_TRUE(absl::IsNotFound(shards.Find(root.cid, Numbered(i)).status()));
  }
  uint64_t tsize = 0;
  size_t names = 0;
  for (const auto& [cid, block] : shards.blocks) {
    tsize += block.size();
    for (const HamtEntry& entry : shards.Read(cid).entries) {
      names += entry.is_shard() ? 0 : 1;
      tsize += entry.is_shard() ? 0 : entry.tsize;
    }
  }
  EXPECT_EQ(names, entries.size());
  EXPECT_EQ(root.tsize, tsize);
}

TEST(Hamt, TheOrderOfEntriesDoesNotMatter) {
  std::vector<DagLink> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back(File(Numbered(i)));
  Shards forward;
  Shards backward;
  DagLink root = BuildHamt(entries, forward.store()).value();
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(BuildHamt(entries, backward.store()).value(), root);
  EXPECT_EQ(forward.order, backward.order);
}

TEST(Hamt, AnEmptyDirectoryIsAShardWithoutSlots) {
  Shards shards;
  DagLink root = BuildHamt({}, shards.store()).value();
  EXPECT_TRUE(shards.Read(root.cid).entries.empty());
}

TEST(Hamt, RefusesToBuildWithBadOrRepeatedNames) {
  Shards shards;
  for (std::string name : {"", ".", "..", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(BuildHamt({File(name)}, shards.store()).status())) << name;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      BuildHamt({File("a"), File("b"), File("a")}, shards.store()).status()));
  EXPECT_TRUE(shards.blocks.empty());
}

TEST(Hamt, PassesErrorsOfTheStoreOn) {
  auto full = [](std::string) -> absl::StatusOr<Cid> {
    return absl::ResourceExhaustedError("disk full");
  };
  EXPECT_EQ(BuildHamt({File("a")}, full).status(), absl::ResourceExhaustedError("disk full"));
}

struct Parts {
  std::vector<std::string> names = {"01a", "FFb"};
  std::optional<std::string> bitmap = [] {
    std::string bits(32, '\0');
    bits[0] = '\x80';
    bits[31] = '\x02';
    return bits;
  }();
  std::optional<uint64_t> hash_type = kHamtHashType;
  std::optional<uint64_t> fanout = 256;
  UnixFs::Type type = UnixFs::Type::kHamtShard;
};

absl::StatusOr<HamtShard> Decode(const Parts& parts) {
  UnixFs message;
  message.type = parts.type;
  message.data = parts.bitmap;
  message.hash_type = parts.hash_type;
  message.fanout = parts.fanout;
  DagNode node;
  for (const std::string& name : parts.names) node.links.push_back({RawCidOf(name), name, 1});
  node.data = EncodeUnixFs(message);
  return DecodeHamtShard(node);
}

TEST(HamtShard, RefusesBogusFanouts) {
  ASSERT_TRUE(Decode(Parts()).ok());
  for (uint64_t fanout : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{4}, uint64_t{24},
                          uint64_t{255}, uint64_t{257}, uint64_t{2048}, uint64_t{1} << 31,
                          uint64_t{1} << 32, (uint64_t{1} << 32) + 256, uint64_t{1} << 63}) {
    Parts parts;
    parts.fanout = fanout;
    EXPECT_TRUE(absl::IsInvalidArgument(Decode(parts).status())) << fanout;
    parts.names.clear();
    parts.bitmap = "";
    EXPECT_FALSE(Decode(parts).ok()) << fanout;
  }
  Parts missing;
  missing.fanout = std::nullopt;
  EXPECT_FALSE(Decode(missing).ok());
}

TEST(HamtShard, RefusesOtherHashesAndTypes) {
  Parts parts;
  parts.hash_type = 0x23;
  EXPECT_FALSE(Decode(parts).ok());
  parts.hash_type = std::nullopt;
  EXPECT_FALSE(Decode(parts).ok());
  Parts directory;
  directory.type = UnixFs::Type::kDirectory;
  EXPECT_FALSE(Decode(directory).ok());
}

TEST(HamtShard, RefusesBitmapsThatDoNotSayWhichSlotsAreUsed) {
  Parts parts;
  const std::string good = *parts.bitmap;
  for (std::string bitmap : {std::string(), good.substr(1), std::string(1, '\0') + good,
                             std::string(32, '\xff'), std::string(32, '\0'), good + good}) {
    parts.bitmap = bitmap;
    EXPECT_FALSE(Decode(parts).ok()) << ToHex(AsBytes(bitmap));
  }
  parts.bitmap = std::nullopt;
  EXPECT_FALSE(Decode(parts).ok());
  Parts padded;
  padded.names = {"01a"};
  padded.bitmap = std::string(31, '\0') + '\x02';
  EXPECT_TRUE(Decode(padded).ok());
}

TEST(HamtShard, RefusesLinkNamesWithoutASlot) {
  for (std::string first : {"", "0", "1a", "0ab", "0Ga", "-1a", "FFa"}) {
    Parts parts;
    parts.names[0] = first;
    EXPECT_FALSE(Decode(parts).ok()) << first;
  }
  Parts lower;
  lower.names[1] = "ffb";
  EXPECT_FALSE(Decode(lower).ok());
  Parts unordered;
  std::swap(unordered.names[0], unordered.names[1]);
  EXPECT_FALSE(Decode(unordered).ok());
  Parts many;
  many.names.assign(257, "01a");
  EXPECT_FALSE(Decode(many).ok());
}

TEST(HamtShard, ReadsOtherFanouts) {
  Parts narrow;
  narrow.fanout = 16;
  narrow.names = {"1a", "F"};
  narrow.bitmap = "\x80\x02";
  HamtShard shard = Decode(narrow).value();
  EXPECT_EQ(shard.entries[0].name, "a");
  EXPECT_TRUE(shard.entries[1].is_shard());
  Parts wide;
  wide.fanout = 1024;
  wide.names = {"001a", "3FFb"};
  wide.bitmap = '\x80' + std::string(126, '\0') + '\x02';
  EXPECT_EQ(Decode(wide).value().entries[1].slot, 1023u);
  wide.names[1] = "400b";
  EXPECT_FALSE(Decode(wide).ok());
}

TEST(HamtLookup, EndsInAChainOfShardsThatNeverEnds) {
  for (uint32_t fanout : {8u, 256u, 1024u}) {
    HamtShard everywhere{fanout, {}};
    for (uint32_t slot = 0; slot < fanout; ++slot) {
      everywhere.entries.push_back({slot, "", RawCidOf("self"), 1});
    }
    HamtLookup lookup("name");
    int steps = 0;
    while (lookup.Step(everywhere).ok()) ++steps;
    EXPECT_EQ(steps, 64 / std::countr_zero(fanout));
    EXPECT_TRUE(absl::IsInvalidArgument(lookup.Step(everywhere).status()));
  }
}

TEST(HamtShard, SurvivesMutationAndTruncation) {
  const std::string block = Unhex(kFiveFiles);
  auto parse = [](const std::string& bytes) {
    absl::StatusOr<DagNode> node = DecodeDagPb(AsBytes(bytes));
    if (!node.ok()) return false;
    absl::StatusOr<HamtShard> shard = DecodeHamtShard(*node);
    if (!shard.ok()) return false;
    EXPECT_LE(shard->entries.size(), shard->fanout);
    EXPECT_NE(HamtLookup("file-00001.txt").Step(*shard).status().code(),
              absl::StatusCode::kInvalidArgument);
    return true;
  };
  EXPECT_GT(Mutate(block, 40000, parse), 0);
  for (size_t size = 0; size < block.size(); ++size) EXPECT_FALSE(parse(block.substr(0, size)));
}

}  // namespace
}  // namespace l2p
