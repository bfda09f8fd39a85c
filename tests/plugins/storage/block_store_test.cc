// Every store against the contract of its kind, and what stores on disk share.
#include <gtest/gtest.h>

#include "l2p/testkit/block_store_conformance.h"
#include "l2p/testkit/gtest_conformance.h"
#include "plugins/storage/crc32c.h"
#include "plugins/storage/filesystem/filesystem_store.h"
#include "plugins/storage/memory/memory_store.h"
#include "store_world.h"

namespace l2p {
namespace {

testkit::Factory<BlockStore> PackOf(uint64_t segment_bytes) {
  return [segment_bytes](Host& host) {
    return PackStore::Open(host, {.segment_bytes = segment_bytes, .reserve_bytes = 64 * 1024});
  };
}

L2P_TEST_CONFORMANCE(PackWithLargeSegments,
                     testkit::BlockStoreConformance(PackOf(128 << 20), PluginWorlds()));
L2P_TEST_CONFORMANCE(PackWithSmallSegments,
                     testkit::BlockStoreConformance(PackOf(64 << 10), PluginWorlds()));
L2P_TEST_CONFORMANCE(Memory, testkit::BlockStoreConformance(
                                 [](Host&) { return std::make_unique<MemoryStore>(1 << 30); },
                                 PluginWorlds()));
L2P_TEST_CONFORMANCE(Filesystem,
                     testkit::BlockStoreConformance(
                         [](Host& host) { return FilesystemStore::Open(host); }, PluginWorlds()));

TEST(Crc32c, IsThePublishedFunction) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283u);  // RFC 3720's check value.
  EXPECT_EQ(ExtendCrc32cPortably(0, AsBytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstruction) {
  const std::string text = testkit::TestBytes(1, 40'000);
  for (size_t size = 0; size < text.size(); size += 1 + size / 3) {
    const ByteView bytes = AsBytes(text).subspan(size % 5, size);
    EXPECT_EQ(Crc32c(bytes), ExtendCrc32cPortably(0, bytes)) << size;
  }
}

}  // namespace
}  // namespace l2p
