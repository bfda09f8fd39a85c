// A20: holders that do not have what they say.
#include "auditor.h"

#include <gmock/gmock.h>

#include "keeper_party.h"
#include "l2p/group_record.h"

namespace l2p::keeper {
namespace {

constexpr size_t kBlocks = 100;
constexpr size_t kBlockBytes = 4096;  // One leaf of the hash tree each.

// The auditor and a holder of the same group, of which both have all at first.
class AuditorTest : public testing::Test {
 protected:
  void Run(const std::function<void(Party& auditor, Party& holder)>& body) {
    WithParties(2, [&](auto& parties, auto&, testkit::Simulation& world) {
      simulation_ = &world;
      for (const auto& party : parties) Hold(*party, *parties[0]->identity);
      body(*parties[0], *parties[1]);
    });
  }

  void Hold(Party& party, const Identity& owner) {
    std::vector<Block> blocks;
    Group group;
    for (size_t i = 0; i < kBlocks; ++i) {
      const std::string bytes(kBlockBytes, static_cast<char>(i));
      const ByteView view = AsBytes(bytes);
      blocks.push_back({*Multihash::FromDigest(HashCode::kSha2_256, crypto.Sha256({&view, 1})),
                        Bytes::Copy(bytes)});
      group.leaves.push_back({blocks.back().id, kBlockBytes});
    }
    group.id = blocks[0].id;
    const GroupRecord record{group.id,         Redundancy::Copies(2), {}, {}, {},
                             party.host.Now(), absl::InfiniteFuture()};
    const std::string signed_record = *SignGroupRecord(record, owner);
    party.node.Hold({group.id, owner.peer(), absl::InfiniteFuture(), group.bytes()},
                    {group, signed_record}, blocks);
    share_ = {group.id, kWhole};
    ids_.clear();
    for (const Block& block : blocks) ids_.push_back(block.id);
  }

  Auditor::Result Audit(Party& auditor, Party& holder) {
    return auditor.auditor.Audit(holder.identity->peer(), share_);
  }

  testkit::Simulation* simulation_ = nullptr;
  Share share_;
  std::vector<Multihash> ids_;
};

TEST_F(AuditorTest, PassesAHolderThatHasItAll) {
  Run([&](Party& auditor, Party& holder) {
    for (int i = 0; i < 300; ++i) ASSERT_EQ(Audit(auditor, holder), Auditor::Result::kPassed);
  });
}

TEST_F(AuditorTest, FindsAHolderThatDroppedATenthIn44AuditsInNinetyNineOfAHundredCases) {
  constexpr size_t kCases = 1000;
  constexpr size_t kAudits = 44;
  Run([&](Party& auditor, Party& holder) {
    for (size_t i = 0; i < kBlocks / 10; ++i) holder.node.RemoveBlock(ids_[7 * i + 3]);
    size_t found = 0;
    for (size_t n = 0; n < kCases; ++n) {
      for (size_t i = 0; i < kAudits; ++i) {
        if (Audit(auditor, holder) != Auditor::Result::kFailed) continue;
        ++found;
        break;
      }
    }
    // 990.3 are expected; four standard deviations are 12.
    EXPECT_GE(found, 978u);
  });
}

TEST_F(AuditorTest, FindsAHolderThatKeptOnlyHashesAtOnce) {
  Run([&](Party& auditor, Party& holder) {
    for (const Multihash& id : ids_) holder.node.RemoveBlock(id);
    EXPECT_EQ(Audit(auditor, holder), Auditor::Result::kFailed);
  });
}

TEST_F(AuditorTest, FindsAHolderThatFetchesWhatItIsAskedForFromAnother) {
  Run([&](Party& auditor, Party& holder) {
    holder.before_proof = [&] { simulation_->Sleep(auditor.options.audit_allowance * 1.2); };
    EXPECT_EQ(Audit(auditor, holder), Auditor::Result::kFailed);
    holder.before_proof = [&] { simulation_->Sleep(auditor.options.audit_allowance / 2); };
    EXPECT_EQ(Audit(auditor, holder), Auditor::Result::kPassed);
  });
}

}  // namespace
}  // namespace l2p::keeper
