#include <gtest/gtest.h>

#include <map>

#include "../storage/store_world.h"
#include "l2p/testkit/chunker_conformance.h"
#include "l2p/testkit/gtest_conformance.h"
#include "plugins/chunking/fastcdc/fastcdc_chunker.h"
#include "plugins/chunking/fixed/fixed_chunker.h"
#include "plugins/chunking/nibblecdc/nibble_cdc_chunker.h"

namespace l2p {
namespace {

L2P_TEST_CONFORMANCE(Fixed, testkit::ChunkerConformance(
                                [](Host&) { return std::make_unique<FixedChunker>(1 << 20); },
                                PluginWorlds()));
L2P_TEST_CONFORMANCE(FastCdc, testkit::ChunkerConformance(
                                  [](Host& host) {
                                    return std::make_unique<FastCdcChunker>(
                                        host.crypto(), 256 << 10, 1 << 20, 2 << 20);
                                  },
                                  PluginWorlds()));

L2P_TEST_CONFORMANCE(NibbleCdc, testkit::ChunkerConformance(
                                    [](Host& host) {
                                      return std::make_unique<NibbleCdcChunker>(
                                          host.crypto(), 64 << 10, 256 << 10, 1 << 20);
                                    },
                                    PluginWorlds()));
L2P_TEST_CONFORMANCE(NibbleCdcByOne, testkit::ChunkerConformance(
                                         [](Host& host) {
                                           return std::make_unique<NibbleCdcChunker>(
                                               host.crypto(), 64 << 10, 256 << 10, 1 << 20,
                                               NibbleGear::Lanes::kOne);
                                         },
                                         PluginWorlds()));

// Xorshift64 from 1, a byte (the lowest) a step.
std::string Xorshift(size_t size) {
  std::string out;
  for (uint64_t x = 1; out.size() < size; out.push_back(static_cast<char>(x))) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return out;
}

std::vector<size_t> CutAll(const Chunker& chunker, std::string_view text) {
  std::vector<size_t> ends(text.size() + 1);
  ends.resize(chunker.Cut(AsBytes(text), true, ends));
  return ends;
}

// The definition in fastcdc_chunker.h, a byte at a time.
std::vector<size_t> CutByDefinition(std::string_view text, size_t min, size_t average, size_t max,
                                    uint64_t small_mask, uint64_t large_mask) {
  std::array<uint64_t, 256> gear;
  for (size_t i = 0; i < 256; ++i) {
    const uint8_t byte = static_cast<uint8_t>(i);
    const ByteView part(&byte, 1);
    const Sha256Digest digest = BoringsslCrypto().Sha256({&part, 1});
    gear[i] = 0;
    for (size_t k = 0; k < 8; ++k) gear[i] = gear[i] << 8 | digest[k];
  }
  std::vector<size_t> ends;
  uint64_t hash = 0;
  size_t start = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t length = at + 1 - start;
    if (length > min) hash = (hash << 1) + gear[static_cast<uint8_t>(text[at])];
    const uint64_t mask = length <= average ? small_mask : large_mask;
    if ((length > min && (hash & mask) == 0) || length == max || at + 1 == text.size()) {
      ends.push_back(at + 1);
      start = at + 1;
      hash = 0;
    }
  }
  return ends;
}

uint64_t MaskOf(int ones) {
  uint64_t mask = 0;
  for (int k = 0; k < ones; ++k) mask |= uint64_t{1} << (16 + k * 46 / (ones - 1));
  return mask;
}

TEST(FastCdcChunker, CutsWhereItsDefinitionSays) {
  const std::string text = Xorshift(1 << 20);
  for (const auto& [min, average, max] :
       {std::array<size_t, 3>{64, 1024, 4096}, {257, 2048, 8191}, {4096, 16384, 65536}}) {
    const int bits = std::bit_width(average) - 1;
    EXPECT_EQ(CutAll(FastCdcChunker(BoringsslCrypto(), min, average, max), text),
              CutByDefinition(text, min, average, max, MaskOf(bits + 2), MaskOf(bits - 2)));
  }
}

TEST(FastCdcChunker, CutsForEverWhereItFirstDid) {
  const FastCdcChunker chunker(BoringsslCrypto(), 4096, 16384, 65536);
  EXPECT_EQ(chunker.Parameters(), "fastcdc-v1-4096-16384-65536");
  EXPECT_EQ(CutAll(chunker, Xorshift(100'000)),
            (std::vector<size_t>{30696, 47566, 67358, 84295, 100000}));
  EXPECT_EQ(CutAll(chunker, std::string(150'000, '\0')),
            (std::vector<size_t>{65536, 131072, 150000}));
}

// The definition in nibble_cdc_chunker.h, word by word.
std::vector<size_t> CutByNibbles(std::string_view text, size_t min, size_t average, size_t max) {
  std::array<uint32_t, 16> gear{};
  for (size_t i = 0; i < 16; ++i) {
    const uint8_t byte = static_cast<uint8_t>(i);
    const ByteView part(&byte, 1);
    const Sha256Digest digest = BoringsslCrypto().Sha256({&part, 1});
    for (size_t k = 0; k < 4; ++k) gear[i] = gear[i] << 8 | digest[k];
  }
  const auto hash = [&](size_t end) {
    uint32_t sum = 0;
    for (size_t j = 0; j < 64; ++j) {
      const uint8_t byte = static_cast<uint8_t>(text[end - 1 - j]);
      sum += gear[(byte ^ byte / 8 ^ byte / 16) % 16] << (j % 32);
    }
    return sum;
  };
  const int bits = std::bit_width(average) - 1;
  std::vector<size_t> ends;
  for (size_t start = 0; start < text.size(); start = ends.back()) {
    size_t length = std::min(min, text.size() - start);
    for (bool found = false; !found && length < std::min(max, text.size() - start);) {
      ++length;
      const uint64_t limit = uint64_t{1} << (32 - (length <= average ? bits + 2 : bits - 2));
      found = hash(start + length) < limit;
    }
    ends.push_back(start + length);
  }
  return ends;
}

constexpr NibbleGear::Lanes kBothLanes[] = {NibbleGear::Lanes::kOne, NibbleGear::Lanes::kSixteen};

bool ThisProcessorHas(NibbleGear::Lanes lanes) {
  return lanes == NibbleGear::Lanes::kOne || lanes == NibbleGear::MostLanes();
}

TEST(NibbleCdcChunker, CutsWhereItsDefinitionSays) {
  const std::string text = Xorshift(1 << 20);
  for (const NibbleGear::Lanes lanes : kBothLanes) {
    if (!ThisProcessorHas(lanes)) continue;
    for (const auto& [min, average, max] : {std::array<size_t, 3>{64, 1024, 4096},
                                            {257, 2048, 8191},
                                            {4096, 16384, 65536},
                                            {65536, 262144, 1048576}}) {
      EXPECT_EQ(CutAll(NibbleCdcChunker(BoringsslCrypto(), min, average, max, lanes), text),
                CutByNibbles(text, min, average, max));
    }
  }
}

// Whatever the first end's place in the lanes and whatever is left for fewer of them.
TEST(NibbleCdcChunker, FindsTheSameEndByOneAndBySixteen) {
  if (!ThisProcessorHas(NibbleGear::Lanes::kSixteen)) GTEST_SKIP() << "no AVX-512";
  const BoringsslCrypto crypto;
  const NibbleGear one(crypto, NibbleGear::Lanes::kOne);
  const NibbleGear sixteen(crypto, NibbleGear::Lanes::kSixteen);
  const std::string text = Xorshift(200'000);
  const uint8_t* const data = AsBytes(text).data();
  for (size_t from = NibbleGear::kWindow; from < text.size(); from += 1 + from / 7) {
    for (size_t to = from; to < text.size(); to += 1 + (to - from) / 3) {
      for (const int ones : {8, 12, 16, 22}) {
        const uint32_t limit = uint32_t{1} << (32 - ones);
        ASSERT_EQ(sixteen.FirstBelow(data, from, to, limit), one.FirstBelow(data, from, to, limit))
            << from << " to " << to << ", limit " << limit;
      }
    }
  }
}

TEST(NibbleCdcChunker, CutsForEverWhereItFirstDid) {
  for (const NibbleGear::Lanes lanes : kBothLanes) {
    if (!ThisProcessorHas(lanes)) continue;
    const NibbleCdcChunker chunker(BoringsslCrypto(), 4096, 16384, 65536, lanes);
    EXPECT_EQ(chunker.Parameters(), "nibblecdc-v3-4096-16384-65536");
    EXPECT_EQ(CutAll(chunker, Xorshift(100'000)),
              (std::vector<size_t>{21726, 39482, 67110, 80888, 100000}));
    EXPECT_EQ(CutAll(chunker, std::string(150'000, '\0')),
              (std::vector<size_t>{65536, 131072, 150000}));
  }
}

// Each of 16 values, as in an image of 16 greys, or text of one case: were they one nibble, there
// would be no cuts.
TEST(NibbleCdcChunker, CutsWhatHasFewDifferentBytes) {
  const NibbleCdcChunker chunker(BoringsslCrypto(), 4096, 16384, 65536);
  const std::string random = Xorshift(1 << 20);
  const auto mean_over = [&](auto value_of) {
    std::string text = random;
    for (char& c : text) c = static_cast<char>(value_of(static_cast<uint8_t>(c) % 16));
    return text.size() / CutAll(chunker, text).size();
  };
  EXPECT_LT(mean_over([](int i) { return i; }), 24'000u);
  EXPECT_LT(mean_over([](int i) { return i * 16; }), 24'000u);
  EXPECT_LT(mean_over([](int i) { return i * 17; }), 24'000u);
  EXPECT_LT(mean_over([](int i) { return 'a' + i; }), 24'000u);
  EXPECT_LT(mean_over([](int i) { return i < 10 ? '0' + i : 'a' + i - 10; }), 24'000u);
  EXPECT_LT(mean_over([](int i) { return i % 2 == 0 ? 0 : 255; }), 24'000u);
}

void ExpectTheOldCutsAgainAfterAnInsertion(const Chunker& chunker) {
  const std::string text = Xorshift(1 << 20);
  const std::vector<size_t> before = CutAll(chunker, text);
  std::vector<size_t> after = CutAll(chunker, "seven b" + text);
  for (size_t& end : after) end -= 7;
  std::vector<size_t> both;
  std::set_intersection(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(both));
  EXPECT_GE(both.size() + 5, before.size());
}

TEST(FastCdcChunker, FindsTheOldCutsAgainAfterAnInsertion) {
  ExpectTheOldCutsAgainAfterAnInsertion(FastCdcChunker(BoringsslCrypto(), 4096, 16384, 65536));
}

TEST(NibbleCdcChunker, FindsTheOldCutsAgainAfterAnInsertion) {
  ExpectTheOldCutsAgainAfterAnInsertion(NibbleCdcChunker(BoringsslCrypto(), 4096, 16384, 65536));
}

TEST(FixedChunker, NamesItsSize) { EXPECT_EQ(FixedChunker(1048576).Parameters(), "fixed-1048576"); }

}  // namespace
}  // namespace l2p
