#include "l2p/unixfs.h"

#include <gtest/gtest.h>

#include "format_bytes.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

using Type = UnixFs::Type;

absl::StatusOr<UnixFs> Decode(std::string_view hex) {
  const std::string bytes = Unhex(hex);
  return DecodeUnixFs(AsBytes(bytes));
}

std::string EncodedHex(const UnixFs& message) { return ToHex(AsBytes(EncodeUnixFs(message))); }

DagNode Node(const UnixFs& message, size_t links = 0) {
  DagNode node;
  node.data = EncodeUnixFs(message);
  for (size_t i = 0; i < links; ++i) node.links.push_back({RawCidOf(std::to_string(i)), "", 1});
  return node;
}

UnixFs File(uint64_t size, std::vector<uint64_t> block_sizes) {
  UnixFs file;
  file.file_size = size;
  file.block_sizes = std::move(block_sizes);
  return file;
}

TEST(UnixFs, HasTheKnownForms) {
  UnixFs file;
  file.data = "hello world";
  file.file_size = 11;
  const std::string block = EncodeDagPb({{}, EncodeUnixFs(file)});
  EXPECT_EQ(ToHex(AsBytes(block)), "0a110802120b68656c6c6f20776f726c64180b");
  EXPECT_EQ(Cid::V0(Sha256Of(block)).value().ToString(),
            "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
  file.data = "hello world\n";
  file.file_size = 12;
  EXPECT_EQ(Cid::V0(Sha256Of(EncodeDagPb({{}, EncodeUnixFs(file)}))).value().ToString(),
            "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o");
  EXPECT_EQ(EncodedHex(UnixFs()), "08021800");
  UnixFs directory;
  directory.type = Type::kDirectory;
  EXPECT_EQ(EncodedHex(directory), "0801");
  EXPECT_EQ(EncodedHex(File(262145, {262144, 1})), "080218818010208080102001");
}

TEST(UnixFs, ReadsBackEverythingItWrites) {
  UnixFs message;
  message.type = Type::kHamtShard;
  message.data = std::string("\x01\x00", 2);
  message.file_size = 7;
  message.block_sizes = {0, 1, uint64_t{1} << 60};
  message.hash_type = 0x22;
  message.fanout = 256;
  message.mode = 0100644;
  message.mtime = UnixFs::Mtime{-1, 999999999};
  EXPECT_EQ(DecodeUnixFs(AsBytes(EncodeUnixFs(message))).value(), message);
  message.mtime = UnixFs::Mtime{1700000000, std::nullopt};
  EXPECT_EQ(DecodeUnixFs(AsBytes(EncodeUnixFs(message))).value(), message);
}

TEST(UnixFs, ReadsPackedBlockSizesAnyOrderAndUnknownFields) {
  EXPECT_EQ(Decode("0802"
                   "1803"
                   "2203010203")
                .value()
                .block_sizes,
            (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(Decode("1800"
                   "0802")
                .value(),
            Decode("08021800").value());
  EXPECT_EQ(Decode("0801"
                   "4a00"
                   "5001")
                .value()
                .type,
            Type::kDirectory);
}

TEST(UnixFs, RefusesMalformedMessages) {
  for (std::string_view hex : {
           "",
           "1800",
           "0806",
           "08ffffffffffffffffff01",  // No type, or an unknown one.
           "0802"
           "0802",
           "0802"
           "1800"
           "1800",
           "0802"
           "12001200",  // Fields twice.
           "0a00",
           "0802"
           "1001",
           "0802"
           "1a00",
           "0802"
           "4001",  // Wrong kinds.
           "0802"
           "1d00000000",
           "0802"
           "38ffffffff1f",
           "0802"
           "220180",
           "0802"
           "12",
           "0802"
           "1205aa",  // Truncated.
           "0802"
           "4200",
           "0802"
           "4202"
           "0880",  // An mtime without seconds.
           "0802"
           "4207"
           "08011500000000",  // No nanoseconds, yet told.
           "0802"
           "4207"
           "080115"
           "00ca9a3b",  // 10^9 of them.
       }) {
    EXPECT_TRUE(absl::IsInvalidArgument(Decode(hex).status())) << hex;
  }
  EXPECT_TRUE(Decode("08024207080115ffc99a3b").ok());
}

TEST(UnixFs, CapsBlockSizes) {
  UnixFs file = File(0, std::vector<uint64_t>(kMaxDagLinks, 0));
  EXPECT_TRUE(DecodeUnixFs(AsBytes(EncodeUnixFs(file))).ok());
  file.block_sizes.push_back(0);
  EXPECT_FALSE(DecodeUnixFs(AsBytes(EncodeUnixFs(file))).ok());
  std::string packed = Unhex("0802");
  AppendWireBytes(4, std::string(kMaxDagLinks + 1, '\1'), packed);
  EXPECT_FALSE(DecodeUnixFs(AsBytes(packed)).ok());
}

TEST(UnixFsOf, AcceptsFilesWhoseSizesAddUp) {
  EXPECT_TRUE(UnixFsOf(Node(File(3, {1, 2}), 2)).ok());
  UnixFs with_data = File(6, {1, 2});
  with_data.data = "abc";
  EXPECT_TRUE(UnixFsOf(Node(with_data, 2)).ok());
  const DagNode without_size{{}, Unhex("08021203616263")};
  EXPECT_EQ(UnixFsOf(without_size).value().file_size, 3u);
}

TEST(UnixFsOf, RefusesFilesWhoseSizesDoNot) {
  EXPECT_FALSE(UnixFsOf(Node(File(3, {1, 2}), 1)).ok());
  EXPECT_FALSE(UnixFsOf(Node(File(3, {1, 2}), 3)).ok());
  EXPECT_FALSE(UnixFsOf(Node(File(0, {}), 1)).ok());
  EXPECT_FALSE(UnixFsOf(Node(File(4, {1, 2}), 2)).ok());
  EXPECT_FALSE(UnixFsOf(Node(File(1, {~uint64_t{0}, 2}), 2)).ok());
  EXPECT_FALSE(
      UnixFsOf(Node(File(uint64_t{1} << 63, {uint64_t{1} << 62, uint64_t{1} << 62}), 2)).ok());
}

TEST(UnixFsOf, ChecksDirectoriesAndSymlinks) {
  UnixFs message;
  message.type = Type::kDirectory;
  EXPECT_TRUE(UnixFsOf(Node(message, 3)).ok());
  message.block_sizes = {1};
  EXPECT_FALSE(UnixFsOf(Node(message, 1)).ok());
  UnixFs symlink;
  symlink.type = Type::kSymlink;
  EXPECT_FALSE(UnixFsOf(Node(symlink)).ok());
  symlink.data = "../target";
  EXPECT_TRUE(UnixFsOf(Node(symlink)).ok());
  EXPECT_FALSE(UnixFsOf(Node(symlink, 1)).ok());
  UnixFs metadata;
  metadata.type = Type::kMetadata;
  EXPECT_FALSE(UnixFsOf(Node(metadata)).ok());
  EXPECT_FALSE(UnixFsOf(DagNode()).ok());
}

TEST(CheckEntryName, RefusesWhatNoDirectoryMayHold) {
  for (std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("a/b"), std::string_view("/"), std::string_view("a\0b", 3)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckEntryName(name))) << name;
  }
  for (std::string_view name : {"...", ".a", "a b", "\xc3\xa9", "\\", "e\xcc\x81"}) {
    EXPECT_TRUE(CheckEntryName(name).ok()) << name;
  }
}

TEST(UnixFs, AcceptedMutationsSurviveARoundTrip) {
  UnixFs message = File(262145, {262144, 1});
  message.mode = 0644;
  message.mtime = UnixFs::Mtime{1700000000, 5};
  const int accepted = Mutate(EncodeUnixFs(message), 40000, [](const std::string& bytes) {
    absl::StatusOr<UnixFs> changed = DecodeUnixFs(AsBytes(bytes));
    if (!changed.ok()) return false;
    const std::string encoded = EncodeUnixFs(*changed);
    EXPECT_EQ(EncodeUnixFs(DecodeUnixFs(AsBytes(encoded)).value()), encoded);
    return true;
  });
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace l2p
