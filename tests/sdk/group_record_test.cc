#include "l2p/group_record.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sdk/coding_world.h"

namespace l2p {
namespace {

std::unique_ptr<Identity> Key(char seed) {
  const BoringsslCrypto crypto;
  const std::string key = crypto.NewPrivateKey(AsBytes(std::string(32, seed))).value();
  return crypto.OpenIdentity(AsBytes(key)).value();
}

GroupRecord ARecord() {
  GroupRecord record;
  record.group = Sha256Of("group");
  record.spec = Redundancy::ReedSolomon(8, 24);
  record.sidecar = Sha256Of("sidecar");
  record.holders = {Key(1)->peer(), PeerId(), Key(2)->peer()};
  record.issued = absl::FromUnixSeconds(1'790'000'000);
  record.until = absl::FromUnixSeconds(1'800'000'000);
  return record;
}

Receipt AReceipt(const Group& share) {
  Receipt receipt;
  receipt.group = share.id;
  receipt.list_root = ListRoot(BoringsslCrypto(), share);
  receipt.blocks = share.nodes.size() + share.leaves.size();
  receipt.bytes = share.bytes();
  receipt.issued = absl::FromUnixSeconds(1'790'000'000);
  return receipt;
}

template <typename Open>
void ExpectEveryChangedBitRefused(const std::string& bytes, const Open& open) {
  EXPECT_TRUE(open(bytes));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(open(changed)) << "bit " << bit;
  }
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(open(bytes.substr(0, cut)));
}

TEST(GroupRecord, IsReadBack) {
  const std::string bytes = SignGroupRecord(ARecord(), *Key(3)).value();
  const absl::StatusOr<GroupRecord> record = OpenGroupRecord(BoringsslCrypto(), AsBytes(bytes));
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->group, ARecord().group);
  EXPECT_EQ(record->spec.ToString(), "rs:8/24");
  EXPECT_EQ(record->sidecar, ARecord().sidecar);
  EXPECT_EQ(record->holders, ARecord().holders);
  EXPECT_EQ(AsBytes(record->owner_key).size(), Key(3)->public_key().size());
  EXPECT_EQ(record->until, ARecord().until);
  EXPECT_EQ(PeerId::OfPublicKey(AsBytes(record->owner_key)).value(), Key(3)->peer());
}

TEST(GroupRecord, WithoutASidecarMeansCopies) {
  GroupRecord record = ARecord();
  EXPECT_EQ(record.ForGroup(), Redundancy::ReedSolomon(8, 24));
  record.sidecar = Multihash();
  EXPECT_EQ(record.ForGroup(), Redundancy::Copies(17));
}

TEST(GroupRecord, IsRefusedWithAnyBitChanged) {
  const BoringsslCrypto crypto;
  ExpectEveryChangedBitRefused(
      SignGroupRecord(ARecord(), *Key(3)).value(),
      [&](const std::string& bytes) { return OpenGroupRecord(crypto, AsBytes(bytes)).ok(); });
}

TEST(GroupRecord, HostileOnesAreRefused) {
  const BoringsslCrypto crypto;
  const auto refused = [&](const GroupRecord& record) {
    return !OpenGroupRecord(crypto, AsBytes(SignGroupRecord(record, *Key(3)).value())).ok();
  };
  GroupRecord record = ARecord();
  record.holders.resize(Redundancy::kMaxHolders + 1);
  EXPECT_TRUE(refused(record));
  record = ARecord();
  record.spec = Redundancy();
  EXPECT_TRUE(refused(record));
  record.spec = Redundancy::Copies(3);
  EXPECT_TRUE(refused(record));
  record.sidecar = Multihash();
  EXPECT_FALSE(refused(record));
  record.group = Multihash();
  EXPECT_TRUE(refused(record));
  const std::string right = SignGroupRecord(ARecord(), *Key(3)).value();
  EXPECT_EQ(Mutate(right, 5000,
                   [&](const std::string& bytes) {
                     return bytes != right && OpenGroupRecord(crypto, AsBytes(bytes)).ok();
                   }),
            0);
}

TEST(Receipt, SaysWhatItsHolderKeeps) {
  const BoringsslCrypto crypto;
  const MadeGroup made({100, 200}, {50});
  const std::string bytes = SignReceipt(AReceipt(made.group()), *Key(5)).value();
  const absl::StatusOr<Receipt> receipt = OpenReceipt(crypto, AsBytes(bytes));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->holder().value(), Key(5)->peer());
  EXPECT_EQ(receipt->list_root, ListRoot(crypto, made.group()));
  EXPECT_EQ(receipt->bytes, 350u);
  EXPECT_EQ(receipt->until, absl::InfiniteFuture());
  Group less = made.group();
  less.leaves.pop_back();
  EXPECT_NE(receipt->list_root, ListRoot(crypto, less));
}

TEST(Receipt, IsRefusedWithAnyBitChanged) {
  const BoringsslCrypto crypto;
  const MadeGroup made({100, 200}, {50});
  ExpectEveryChangedBitRefused(
      SignReceipt(AReceipt(made.group()), *Key(5)).value(),
      [&](const std::string& bytes) { return OpenReceipt(crypto, AsBytes(bytes)).ok(); });
}

TEST(Receipt, ARecordIsNoReceipt) {
  const BoringsslCrypto crypto;
  const std::string record = SignGroupRecord(ARecord(), *Key(3)).value();
  EXPECT_FALSE(OpenReceipt(crypto, AsBytes(record)).ok());
}

TEST(Receipt, AFileIsRefusedWithAnyBitChanged) {
  const BoringsslCrypto crypto;
  const MadeGroup made({100}, {});
  ReceiptFile file{RawCidOf("content"), {}};
  for (const char seed : {1, 2}) {
    file.receipts.push_back(SignReceipt(AReceipt(made.group()), *Key(seed)).value());
  }
  const std::string text = EncodeReceiptFile(crypto, file);
  const absl::StatusOr<ReceiptFile> read = ParseReceiptFile(crypto, text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, file.id);
  EXPECT_EQ(read->receipts, file.receipts);
  ExpectEveryChangedBitRefused(
      text, [&](const std::string& copy) { return ParseReceiptFile(crypto, copy).ok(); });
}

}  // namespace
}  // namespace l2p
