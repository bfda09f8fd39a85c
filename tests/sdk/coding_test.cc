#include <filesystem>
#include <fstream>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "l2p/block_store.h"
#include "l2p/hash_tree.h"
#include "l2p/redundancy.h"
#include "tests/child_process.h"
#include "tests/sdk/coding_world.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Sidecar Coded(const MadeGroup& made, size_t needed, size_t pieces) {
  const BoringsslCrypto crypto;
  return MakeSidecar({crypto}, made.group(), needed, pieces, made.Read()).value();
}

// Restores all leaves of all stripes from the pieces that `choose` names, and compares.
void ExpectRestored(const MadeGroup& made, const Sidecar& sidecar,
                    const std::function<std::vector<size_t>(size_t stripe)>& choose) {
  const BoringsslCrypto crypto;
  for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
    std::vector<HeldPiece> have;
    for (const size_t i : choose(s)) have.push_back(made.Hold(sidecar, s, i));
    const auto restored = RestoreLeaves({crypto}, sidecar, s, have);
    ASSERT_TRUE(restored.ok()) << restored.status();
    std::set<uint32_t> seen;
    for (const RestoredLeaf& leaf : *restored) {
      EXPECT_EQ(leaf.data.text(), made.BytesOf(made.group().leaves[leaf.leaf].id));
      seen.insert(leaf.leaf);
    }
    const std::vector<size_t> chosen = choose(s);
    for (size_t i = 0; i < sidecar.needed(); ++i) {
      if (sidecar.stripes()[s].sliced ||
          std::find(chosen.begin(), chosen.end(), i) != chosen.end()) {
        continue;
      }
      for (const uint32_t leaf : sidecar.stripes()[s].leaves[i]) EXPECT_TRUE(seen.contains(leaf));
    }
  }
}

uint64_t StoredBytes(const Sidecar& sidecar) {
  uint64_t bytes = 0;
  for (size_t holder = 0; holder < sidecar.pieces(); ++holder) {
    bytes += sidecar.ShareOf(holder).bytes();
  }
  return bytes;
}

TEST(Coding, AnyKOfNPiecesGiveTheLeavesBack) {
  const MadeGroup made({5000, 4000, 3000, 3000, 2000, 900, 7, 0}, {120});
  const Sidecar sidecar = Coded(made, 3, 6);
  for (uint32_t mask = 0; mask < 64; ++mask) {
    if (std::popcount(mask) != 3) continue;
    ExpectRestored(made, sidecar, [&](size_t) {
      std::vector<size_t> chosen;
      for (size_t i = 0; i < 6; ++i) {
        if (mask >> i & 1) chosen.push_back(i);
      }
      return chosen;
    });
  }
}

TEST(Coding, ParityAloneGivesAWholeTreeBack) {
  const MadeGroup made(TreeSizes(200), {3000, 500});
  ExpectRestored(made, Coded(made, 8, 24), [](size_t stripe) {
    std::vector<size_t> chosen(8);
    std::iota(chosen.begin(), chosen.end(), 8 + stripe % 9);
    return chosen;
  });
}

TEST(Coding, FewerLeavesThanPiecesAreSliced) {
  for (const std::vector<size_t>& sizes :
       {std::vector<size_t>{20'000}, {20'000, 30'000}, {65'537, 1, 1, 40'000, 3}}) {
    const MadeGroup made(sizes, {});
    const Sidecar sidecar = Coded(made, 8, 24);
    ASSERT_EQ(sidecar.stripes().size(), 1u);
    EXPECT_TRUE(sidecar.stripes()[0].sliced);
    ExpectRestored(made, sidecar,
                   [](size_t) { return std::vector<size_t>{0, 1, 2, 3, 4, 5, 6, 7}; });
    ExpectRestored(made, sidecar,
                   [](size_t) { return std::vector<size_t>{23, 1, 20, 3, 9, 5, 15, 7}; });
  }
}

TEST(Coding, BlocksOfOneLengthAreStripedInTheirOrder) {
  const MadeGroup made(std::vector<size_t>(16, 1000), {});
  const std::vector<Stripe> stripes = LayOut(made.group().leaves, 8);
  // Both fit in one: pieces of two leaves each are shorter than a full piece.
  ASSERT_EQ(stripes.size(), 1u);
  EXPECT_EQ(stripes[0].leaves[0], (std::vector<uint32_t>{0, 8}));
  std::vector<BlockRef> full;
  for (BlockRef leaf : made.group().leaves) full.push_back({leaf.id, 1 << 20});
  const std::vector<Stripe> two = LayOut(full, 8);
  ASSERT_EQ(two.size(), 2u);
  for (size_t s = 0; s < 2; ++s) {
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(two[s].leaves[i], std::vector<uint32_t>{static_cast<uint32_t>(8 * s + i)});
    }
  }
}

TEST(Coding, EveryLeafIsInOneStripeAndNoPieceIsLongerThanItsStripe) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    std::vector<BlockRef> leaves;
    for (size_t i = 0; i < 1 + random() % 1024; ++i) {
      const uint32_t scale = 1u << (random() % 22);
      leaves.push_back({Sha256Of(std::to_string(i)), static_cast<uint32_t>(random() % scale)});
    }
    const size_t needed = 2 + random() % 12;
    std::vector<int> seen(leaves.size());
    const std::vector<Stripe> stripes = LayOut(leaves, needed);
    for (const Stripe& stripe : stripes) {
      EXPECT_LE(stripe.length, kMaxBlock);
      EXPECT_EQ(stripe.leaves.size(), stripe.sliced ? 1 : needed);
      EXPECT_TRUE(!stripe.sliced || &stripe == &stripes.back());
      for (const std::vector<uint32_t>& piece : stripe.leaves) {
        uint64_t bytes = 0;
        for (const uint32_t leaf : piece) {
          ++seen[leaf];
          bytes += leaves[leaf].size;
        }
        EXPECT_LE(bytes, uint64_t{stripe.length} * (stripe.sliced ? needed : 1));
      }
    }
    for (size_t i = 0; i < leaves.size(); ++i) EXPECT_EQ(seen[i], leaves[i].size > 0 ? 1 : 0);
  }
}

TEST(Coding, PaddingOfASourceTreeIsSmall) {
  const MadeGroup made(TreeSizes(1024), {});
  const Sidecar sidecar = Coded(made, 8, 24);
  uint64_t data = 0;
  for (const BlockRef& leaf : made.group().leaves) data += leaf.size;
  EXPECT_LE(StoredBytes(sidecar), 3 * data * 101 / 100);
  // Few long pieces, so that what names them is small, too.
  EXPECT_LE(sidecar.stripes().size(), 8u);
}

TEST(Coding, OneLongLeafAmongShortOnesCostsNoMore) {
  std::vector<size_t> sizes(400, 3000);
  sizes[77] = 2 << 20;
  const MadeGroup made(sizes, {});
  uint64_t data = made.group().bytes();
  EXPECT_LE(StoredBytes(Coded(made, 8, 24)), 3 * data * 103 / 100);
}

TEST(Coding, AHolderHasAtMostOnePieceOfAStripeAndAllOfTheNodes) {
  const MadeGroup made(std::vector<size_t>(40, 400'000), {200, 100});
  const Sidecar sidecar = Coded(made, 4, 12);
  ASSERT_GT(sidecar.stripes().size(), 2u);
  for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
    std::set<size_t> holders;
    for (size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(sidecar.PieceAt(s, sidecar.HolderOf(s, i)), i);
      holders.insert(sidecar.HolderOf(s, i));
    }
    EXPECT_EQ(holders.size(), 12u);
    EXPECT_EQ(sidecar.HolderOf(s, 0), s % 12);
  }
  for (size_t holder = 0; holder < 12; ++holder) {
    EXPECT_EQ(sidecar.ShareOf(holder).nodes, made.group().nodes);
  }
}

TEST(Coding, RestoredPiecesAreThoseThatWereMade) {
  const MadeGroup made(TreeSizes(60), {});
  const Sidecar sidecar = Coded(made, 3, 9);
  const BoringsslCrypto crypto;
  for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
    std::vector<HeldPiece> have;
    for (const size_t i : {1, 4, 8}) have.push_back(made.Hold(sidecar, s, i));
    const std::vector<size_t> wanted = {3, 5, 7};
    const auto restored = RestorePieces({crypto}, sidecar, s, have, wanted).value();
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(Sha256Of(restored[i].text()), sidecar.BlocksOf(s, wanted[i])[0].id);
    }
  }
}

TEST(Coding, WrongPiecesAreRefusedOrGiveWrongLeaves) {
  const MadeGroup made({9000, 9000, 9000, 9000}, {});
  const Sidecar sidecar = Coded(made, 2, 4);
  const BoringsslCrypto crypto;
  const HeldPiece one = made.Hold(sidecar, 0, 1);
  HeldPiece two = made.Hold(sidecar, 0, 2);
  const auto restore = [&](std::vector<HeldPiece> have) {
    return RestoreLeaves({crypto}, sidecar, 0, have);
  };
  EXPECT_TRUE(restore({one, two}).ok());
  EXPECT_FALSE(restore({one}).ok());
  EXPECT_FALSE(restore({one, one}).ok());
  EXPECT_FALSE(restore({one, {4, two.blocks}}).ok());
  EXPECT_FALSE(restore({one, {2, {}}}).ok());
  EXPECT_FALSE(restore({one, {2, {two.blocks[0].Slice(0, 8999)}}}).ok());
  std::string changed(two.blocks[0].text());
  changed[100] ^= 1;
  two.blocks[0] = Bytes::Of(changed);
  const auto leaves = restore({one, two}).value();
  EXPECT_NE(Sha256Of(leaves[0].data.text()), made.group().leaves[leaves[0].leaf].id);
}

TEST(Coding, AGroupThatHasNothingToCodeIsRefused) {
  const MadeGroup empty({0}, {});
  EXPECT_FALSE(Sidecar::ForGroup(empty.group(), 8, 24).ok());
  const MadeGroup made({1, 2}, {});
  for (const auto& [needed, pieces] : std::vector<std::pair<size_t, size_t>>{
           {1, 3}, {3, 3}, {4, 3}, {0, 0}, {2, Redundancy::kMaxHolders + 1}}) {
    EXPECT_FALSE(Sidecar::ForGroup(made.group(), needed, pieces).ok());
  }
  Group many = made.group();
  many.leaves.resize(kMaxGroupLeaves + 1, many.leaves[0]);
  EXPECT_FALSE(Sidecar::ForGroup(many, 2, 3).ok());
}

TEST(Coding, ASidecarIsReadBack) {
  const MadeGroup made(TreeSizes(100), {40, 30});
  const Sidecar sidecar = Coded(made, 8, 24);
  const std::string bytes = sidecar.Encode();
  const absl::StatusOr<Sidecar> read = Sidecar::Parse(AsBytes(bytes));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Encode(), bytes);
  EXPECT_EQ(read->group().leaves, made.group().leaves);
  EXPECT_EQ(read->ShareOf(5).leaves, sidecar.ShareOf(5).leaves);
  EXPECT_EQ(read->StripeOf(made.group().leaves[3].id), sidecar.StripeOf(made.group().leaves[3].id));
  EXPECT_EQ(read->StripeOf(Sha256Of("stranger")), std::nullopt);
}

TEST(Coding, AHostileSidecarIsRefusedOrWhole) {
  const MadeGroup made({3000, 2000, 1000, 500, 0, 3}, {40});
  const std::string bytes = Coded(made, 2, 4).Encode();
  const auto parse = [](const std::string& copy) {
    const absl::StatusOr<Sidecar> sidecar = Sidecar::Parse(AsBytes(copy));
    // What is taken is taken as it is, and can be used.
    if (sidecar.ok()) {
      EXPECT_EQ(sidecar->Encode(), copy);
      for (size_t holder = 0; holder < sidecar->pieces(); ++holder) sidecar->ShareOf(holder);
    }
    return sidecar.ok();
  };
  Mutate(bytes, 20'000, parse);
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(parse(bytes.substr(0, cut)));
  EXPECT_FALSE(parse(bytes + bytes));
  EXPECT_FALSE(parse(std::string(Sidecar::kMaxBytes + 1, '\x0a')));
}

TEST(Coding, TheBytesOfASidecarAreFrozen) {
  const MadeGroup made({4096, 4000, 100, 100, 100}, {50}, 20261122);
  const std::string bytes = Coded(made, 2, 4).Encode();
  EXPECT_EQ(ToHex(Sha256Of(bytes).digest()),
            "4cb10539f2ac5d2c10b93f08db5f4b83df7e690747b1176e3237add1ea0c635e");
}

// tests/sdk/coding_reference.py shares no code with the SDK.
TEST(Coding, IsDecodedByAnIndependentImplementation) {
  for (const std::vector<size_t>& sizes : {TreeSizes(90), {70'000}, std::vector<size_t>(9, 5000)}) {
    const MadeGroup made(sizes, {120});
    const Sidecar sidecar = Coded(made, 5, 12);
    const fs::path folder = fs::path(testing::TempDir()) / "l2p-coding";
    fs::remove_all(folder);
    fs::create_directory(folder);
    const auto write = [&](const std::string& name, std::string_view bytes) {
      std::ofstream(folder / name, std::ios::binary) << bytes;
    };
    write("sidecar", sidecar.Encode());
    size_t absent = 0;
    // Five of the twelve holders are left.
    for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
      for (size_t i = 0; i < 12; ++i) {
        const HeldPiece held = made.Hold(sidecar, s, i);
        const std::vector<BlockRef> blocks = sidecar.BlocksOf(s, i);
        const bool left = sidecar.HolderOf(s, i) >= 7;
        if (!left && !sidecar.IsBlock(s, i)) absent += blocks.size();
        for (size_t b = 0; left && b < blocks.size(); ++b) {
          write(ToHex(blocks[b].id.digest()), held.blocks[b].text());
        }
      }
      if (sidecar.stripes()[s].sliced) absent += sidecar.stripes()[s].leaves[0].size();
    }
    const Finished run = RunProgram({"python3", L2P_CODING_REFERENCE, folder.string()});
    EXPECT_EQ(run.exit_code, 0) << run.output();
    EXPECT_EQ(run.out, std::to_string(absent) + "\n");
    EXPECT_GT(absent, 0u);
    fs::remove_all(folder);
  }
}

TEST(Coding, ALeafIsProvedAgainstTheSidecar) {
  const MadeGroup made(std::vector<size_t>(20, 50'001), {});
  const Sidecar sidecar = Coded(made, 4, 8);
  const BoringsslCrypto crypto;
  for (const size_t index : {0, 3, 4, 7}) {
    const HeldPiece held = made.Hold(sidecar, 0, index);
    std::vector<ByteView> parts;
    for (const Bytes& block : held.blocks) parts.push_back(block.view());
    const uint64_t bytes = sidecar.StoredBytes(0, index);
    const Sha256Digest& root = sidecar.TreeRootOf(0, index);
    for (uint64_t leaf = 0; leaf < TreeLeaves(bytes); ++leaf) {
      TreeProof proof = ProveLeaf(crypto, parts, leaf).value();
      EXPECT_TRUE(VerifyLeaf(crypto, root, bytes, leaf, proof).ok());
      EXPECT_FALSE(VerifyLeaf(crypto, root, bytes, leaf + 1, proof).ok());
      std::string changed(proof.leaf.text());
      changed[changed.size() / 2] ^= 4;
      TreeProof wrong{Bytes::Of(changed), proof.path};
      EXPECT_FALSE(VerifyLeaf(crypto, root, bytes, leaf, wrong).ok());
      wrong = proof;
      wrong.path.push_back(root);
      EXPECT_FALSE(VerifyLeaf(crypto, root, bytes, leaf, wrong).ok());
      wrong = proof;
      wrong.path.pop_back();
      EXPECT_FALSE(VerifyLeaf(crypto, root, bytes, leaf, wrong).ok());
    }
    EXPECT_FALSE(ProveLeaf(crypto, parts, TreeLeaves(bytes)).ok());
  }
}

TEST(HashTree, HasTheRootsOfRfc9162) {
  const BoringsslCrypto crypto;
  EXPECT_EQ(ToHex(TreeRoot(crypto, {})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // The test vectors of Certificate Transparency's reference implementation.
  const std::string items[] = {
      "", Unhex("00"), Unhex("10"), Unhex("2021"), Unhex("3031"), Unhex("40414243")};
  std::vector<ByteView> views;
  for (const std::string& item : items) views.push_back(AsBytes(item));
  EXPECT_EQ(ToHex(TreeRootOfItems(crypto, std::span(views).first(1))),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(ToHex(TreeRootOfItems(crypto, std::span(views).first(6))),
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef");
}

TEST(Redundancy, IsReadAndPrinted) {
  for (const char* text : {"auto", "copies:1", "copies:40", "rs:2/3", "rs:8/24", "rs:39/40"}) {
    EXPECT_EQ(Redundancy::Parse(text).value().ToString(), text);
  }
  for (const char* text : {"", "Auto", "copies:", "copies:0", "copies:41", "copies:+3", "copies:03",
                           "copies:3 ", "rs:1/3", "rs:3/3", "rs:4/3", "rs:8", "rs:8/", "rs:/24",
                           "rs:8/41", "rs:8/24/2", "rs:-8/24", "copies:99999999999999999999"}) {
    const absl::StatusOr<Redundancy> spec = Redundancy::Parse(text);
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(spec.status().message()), HasSubstr("rs:K/N"));
  }
}

TEST(Redundancy, AutoSuitsTheSwarm) {
  const auto resolved = [](size_t usable) { return Redundancy().Resolve(usable).ToString(); };
  EXPECT_EQ(resolved(0), "copies:1");
  EXPECT_EQ(resolved(2), "copies:2");
  EXPECT_EQ(resolved(5), "copies:3");
  EXPECT_EQ(resolved(6), "rs:2/6");
  EXPECT_EQ(resolved(11), "rs:3/9");
  EXPECT_EQ(resolved(23), "rs:7/21");
  EXPECT_EQ(resolved(24), "rs:8/24");
  EXPECT_EQ(resolved(1000), "rs:8/24");
  EXPECT_EQ(Redundancy::Copies(5).Resolve(2), Redundancy::Copies(5));
}

TEST(Redundancy, TinyGroupsAreCopiedWhole) {
  const Redundancy spec = Redundancy::ReedSolomon(8, 24);
  EXPECT_EQ(spec.ForGroup(MadeGroup({16 * 1024}, {}).group()), Redundancy::Copies(17));
  EXPECT_EQ(spec.ForGroup(MadeGroup({16 * 1024 + 1}, {}).group()), spec);
  EXPECT_EQ(spec.ForGroup(MadeGroup({}, {50'000}).group()), Redundancy::Copies(17));
  EXPECT_EQ(Redundancy::Copies(3).ForGroup(MadeGroup({1}, {}).group()), Redundancy::Copies(3));
}

}  // namespace
}  // namespace l2p
