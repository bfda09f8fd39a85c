#include "l2p/car.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "format_bytes.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

// What a whole file holds, or the error that ended reading.
struct Read {
  std::vector<Cid> roots;
  std::vector<CarBlock> blocks;
};

CarReader::Source SourceOf(const std::string& file, size_t step) {
  return [&file, step, at = size_t{0}](MutableByteView into) mutable -> absl::StatusOr<size_t> {
    const size_t size = std::min({step, into.size(), file.size() - at});
    std::copy_n(file.data() + at, size, into.data());
    at += size;
    return size;
  };
}

absl::StatusOr<Read> ReadAll(const std::string& file, size_t step = 1 << 20) {
  CarReader reader(SourceOf(file, step));
  Read read;
  L2P_ASSIGN_OR_RETURN(read.roots, reader.ReadRoots());
  while (true) {
    L2P_ASSIGN_OR_RETURN(std::optional<CarBlock> block, reader.Next());
    if (!block) return read;
    read.blocks.push_back(*std::move(block));
  }
}

std::string Section(const Cid& cid, std::string_view block) {
  return CarSectionHead(cid, block.size()) + std::string(block);
}

std::string Sized(std::string_view header_hex) {
  const std::string header = Unhex(header_hex);
  std::string out;
  AppendVarint(header.size(), out);
  return out + header;
}

const std::string kRootHex = "d82a58250001551220" + std::string(64, 'a');
const std::string kVersion = "6776657273696f6e";
const std::string kRoots = "65726f6f7473";

TEST(Car, WritesTheKnownFile) {
  const std::string file = EncodeCarHeader(RawCidOf("")) + Section(RawCidOf(""), "");
  EXPECT_EQ(ToHex(AsBytes(file)),
            "3aa265726f6f747381d82a58250001551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca4"
            "95991b7852b8556776657273696f6e012401551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
            "934ca495991b7852b855");
  EXPECT_EQ(file.size(), 96u);
}

TEST(Car, HeaderOfAVersionZeroRootIsTwoBytesShorter) {
  const std::string header = EncodeCarHeader(Cid::V0(Sha256Of("x")).value());
  EXPECT_EQ(header.size(), 57u);
  EXPECT_EQ(header[0], '\x38');
  EXPECT_EQ(ReadAll(header).value().roots[0], Cid::V0(Sha256Of("x")).value());
}

TEST(Car, ReadsWhatItWroteHoweverItArrives) {
  const std::string big(kMaxBlockBytes, 'b');
  std::string file = EncodeCarHeader(RawCidOf("root"));
  for (std::string_view block : {std::string_view("root"), std::string_view(big),
                                 std::string_view(""), std::string_view("last")}) {
    file += Section(RawCidOf(block), block);
  }
  for (size_t step : {size_t{1}, size_t{7}, size_t{65536}, size_t{1} << 30}) {
    Read read = ReadAll(file, step).value();
    EXPECT_EQ(read.roots, std::vector<Cid>{RawCidOf("root")});
    ASSERT_EQ(read.blocks.size(), 4u);
    for (const CarBlock& block : read.blocks) EXPECT_EQ(RawCidOf(block.data.text()), block.cid);
    EXPECT_EQ(read.blocks[3].data.text(), "last");
  }
}

TEST(Car, AcceptsNoneAndSeveralRootsInEitherOrderOfKeys) {
  EXPECT_TRUE(ReadAll(Sized("a2" + kRoots + "80" + kVersion + "01")).value().roots.empty());
  EXPECT_EQ(ReadAll(Sized("a2" + kVersion + "01" + kRoots + "82" + kRootHex + kRootHex))
                .value()
                .roots.size(),
            2u);
}

TEST(Car, RefusesBadHeaders) {
  for (const std::string& hex : {
           std::string(""),
           "80" + kVersion,                         // No map.
           "a1" + kRoots + "80",                    // No version.
           "a1" + kVersion + "01",                  // No roots.
           "a2" + kRoots + "80" + kVersion + "00",  // Versions.
           "a2" + kRoots + "80" + kVersion + "02",
           "a2" + kRoots + "80" + kVersion + "03",
           "a2" + kRoots + "80" + kVersion + "1801",       // Not in shortest form.
           "a2" + kRoots + "80" + kVersion + "20",         // -1
           "a2" + kRoots + "80" + kVersion + "01" + "00",  // Trailing.
           "a2" + kRoots + "9fff" + kVersion + "01",       // Indefinite length.
           "bf" + kRoots + "80" + kVersion + "01ff",
           "a2" + kRoots + "80" + kRoots + "80",  // A key twice.
           "a2" + kVersion + "01" + kVersion + "01",
           "a3" + kRoots + "80" + kVersion + "01" + "616101",            // Another key.
           "a2" + kRoots + "81" + kRootHex.substr(4) + kVersion + "01",  // A root without tag 42.
           "a2" + kRoots + "81" + "d82b" + kRootHex.substr(4) + kVersion + "01",
           "a2" + kRoots + "81" + "d82a40" + kVersion + "01",  // Empty, no multibase byte.
           "a2" + kRoots + "81" + "d82a4101" + kVersion + "01",
           "a2" + kRoots + "81" + "d82a430001ff" + kVersion + "01",
           "a2" + kRoots + "82" + kRootHex + kVersion + "01",  // Fewer roots than told.
           "a2" + kRoots + "9bffffffffffffffff" + kVersion + "01",
           "a2" + kRoots + "817bffffffffffffffff" + kVersion + "01",
       }) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadAll(Sized(hex)).status())) << hex;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ReadAll("").status()));
}

TEST(Car, RefusesHugeLengthsBeforeAllocating) {
  for (std::string_view hex : {"8080808080808080808001", "ffffffffffffffff7f", "80808080808020",
                               "81804000", "ffffffffffffffffff01"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadAll(Unhex(hex)).status())) << hex;
    const std::string file = EncodeCarHeader(RawCidOf("")) + Unhex(hex);
    size_t asked = 0;
    CarReader reader(SourceOf(file, 1 << 20), [&asked](size_t bytes) {
      asked += bytes;
      return Buffer::Unbudgeted(bytes);
    });
    ASSERT_TRUE(reader.ReadRoots().ok());
    EXPECT_TRUE(absl::IsInvalidArgument(reader.Next().status())) << hex;
    EXPECT_EQ(asked, 0u);
  }
}

TEST(Car, AsksForNoMemoryUntilTheFirstBytesOfABlockAreThere) {
  const std::string file =
      EncodeCarHeader(RawCidOf("")) + CarSectionHead(RawCidOf("x"), kMaxBlockBytes) + "few";
  bool asked = false;
  CarReader reader(SourceOf(file, 1 << 20), [&asked](size_t bytes) {
    asked = true;
    return Buffer::Unbudgeted(bytes);
  });
  ASSERT_TRUE(reader.ReadRoots().ok());
  EXPECT_TRUE(absl::IsInvalidArgument(reader.Next().status()));
  EXPECT_FALSE(asked);
}

TEST(Car, RefusesBadSections) {
  const std::string header = EncodeCarHeader(RawCidOf(""));
  const std::string cid = RawCidOf("").ToBinary();
  for (const std::string& section : {
           Unhex("00"),  // Padding.
           Unhex("01") + cid,
           Unhex("10") + cid,  // Ends inside its cid.
           Unhex("25") + cid,  // The file ends inside a section.
           Unhex("24") + cid.substr(1),
           Unhex("240255") + cid.substr(2),
           Unhex("80"),
           Unhex("8000"),
           Section(RawCidOf("x"), std::string(kMaxBlockBytes + 1, 'x')),
           Section(RawCidOf("x"), std::string(kMaxCarSectionBytes, 'x')),
       }) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadAll(header + section).status()))
        << ToHex(AsBytes(section.substr(0, 60)));
  }
}

TEST(Car, ComparesIdentityBlocksWithTheirId) {
  const std::string header = EncodeCarHeader(RawCidOf(""));
  const Cid cid = Cid::FromString("bafkqac3imvwgy3zao5xxe3de").value();
  EXPECT_TRUE(ReadAll(header + Section(cid, "hello world")).ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadAll(header + Section(cid, "hello worle")).status()));
}

TEST(Car, PassesErrorsOfItsSourceAndOfMemoryOn) {
  CarReader broken([](MutableByteView) { return absl::UnavailableError("peer left"); });
  EXPECT_EQ(broken.ReadRoots().status(), absl::UnavailableError("peer left"));
  const std::string file = EncodeCarHeader(RawCidOf("")) + Section(RawCidOf("x"), "x");
  CarReader full(SourceOf(file, 100),
                 [](size_t) { return absl::ResourceExhaustedError("no memory"); });
  ASSERT_TRUE(full.ReadRoots().ok());
  EXPECT_EQ(full.Next().status(), absl::ResourceExhaustedError("no memory"));
}

std::string LittleEndian64(uint64_t value) {
  std::string out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string Version2(const std::string& inner, uint64_t offset, uint64_t size) {
  return Unhex("0aa1" + kVersion + "02") + std::string(16, '\0') + LittleEndian64(offset) +
         LittleEndian64(size) + LittleEndian64(0) +
         std::string(offset > 51 && offset < 1000000 ? offset - 51 : 0, '\0') + inner;
}

TEST(Car, ReadsVersionOneInsideVersionTwo) {
  const std::string inner = EncodeCarHeader(RawCidOf("x")) + Section(RawCidOf("x"), "x");
  for (uint64_t offset : {51u, 52u, 100000u}) {
    for (size_t step : {1, 64, 1 << 20}) {
      const std::string file = Version2(inner, offset, inner.size()) + "index, not a section";
      absl::StatusOr<Read> read = ReadAll(file, step);
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_EQ(read->blocks.size(), 1u);
      EXPECT_EQ(read->blocks[0].data.text(), "x");
    }
  }
}

TEST(Car, RefusesBadVersionTwo) {
  const std::string inner = EncodeCarHeader(RawCidOf("x")) + Section(RawCidOf("x"), "x");
  EXPECT_FALSE(ReadAll(Version2(inner, 50, inner.size())).ok());
  EXPECT_FALSE(ReadAll(Version2(inner, 0, inner.size())).ok());
  EXPECT_FALSE(ReadAll(Version2(inner, ~uint64_t{0}, inner.size())).ok());
  EXPECT_FALSE(ReadAll(Version2(inner, 51, inner.size() - 1)).ok());
  EXPECT_FALSE(ReadAll(Version2(inner, 51, 0)).ok());
  EXPECT_FALSE(ReadAll(Version2(Version2(inner, 51, inner.size()), 51, 1000)).ok());
}

TEST(Car, RefusesEveryTruncationButAtTheEndOfASection) {
  const std::string header = EncodeCarHeader(RawCidOf("a"));
  const std::string first = Section(RawCidOf("a"), "a");
  const std::string file = header + first + Section(RawCidOf("b"), "b");
  for (size_t size = 0; size < file.size(); ++size) {
    const bool whole = size == header.size() || size == header.size() + first.size();
    EXPECT_EQ(ReadAll(file.substr(0, size)).ok(), whole) << size;
  }
}

TEST(Car, SurvivesMutation) {
  const std::string file = EncodeCarHeader(RawCidOf("a")) + Section(RawCidOf("a"), "a") +
                           Section(Cid::V0(Sha256Of("b")).value(), "b");
  auto parse = [](const std::string& bytes) { return ReadAll(bytes, 50).ok(); };
  EXPECT_GT(Mutate(file, 10000, parse), 0);
  Mutate(Version2(file, 60, file.size()), 10000, parse);
}

}  // namespace
}  // namespace l2p
