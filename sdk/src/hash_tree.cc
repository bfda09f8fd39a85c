#include "l2p/hash_tree.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr uint8_t kLeafMark = 0;
constexpr uint8_t kNodeMark = 1;

Sha256Digest HashOfNode(const Crypto& crypto, const Sha256Digest& left, const Sha256Digest& right) {
  const ByteView parts[] = {ByteView(&kNodeMark, 1), left, right};
  return crypto.Sha256(parts);
}

// Cuts `parts` into leaves; a leaf may be made of several parts.
class LeafCutter {
 public:
  explicit LeafCutter(std::span<const ByteView> parts) : parts_(parts) {}

  // The next leaf, with room for a mark in front; false at the end.
  bool Next(std::vector<ByteView>& leaf) {
    leaf.clear();
    for (size_t missing = kTreeLeaf; missing > 0 && part_ < parts_.size();) {
      const ByteView now =
          parts_[part_].subspan(offset_, std::min(missing, parts_[part_].size() - offset_));
      if (!now.empty()) leaf.push_back(now);
      missing -= now.size();
      offset_ += now.size();
      if (offset_ == parts_[part_].size()) {
        ++part_;
        offset_ = 0;
      }
    }
    return !leaf.empty();
  }

 private:
  const std::span<const ByteView> parts_;
  size_t part_ = 0;
  size_t offset_ = 0;
};

Sha256Digest HashOfLeaf(const Crypto& crypto, std::vector<ByteView>& leaf) {
  leaf.insert(leaf.begin(), ByteView(&kLeafMark, 1));
  return crypto.Sha256(leaf);
}

std::vector<Sha256Digest> LeafHashes(const Crypto& crypto, std::span<const ByteView> parts) {
  std::vector<Sha256Digest> hashes;
  LeafCutter cutter(parts);
  for (std::vector<ByteView> leaf; cutter.Next(leaf);) hashes.push_back(HashOfLeaf(crypto, leaf));
  return hashes;
}

Sha256Digest RootOf(const Crypto& crypto, std::span<const Sha256Digest> leaves) {
  if (leaves.empty()) return crypto.Sha256({});
  if (leaves.size() == 1) return leaves[0];
  const size_t left = std::bit_floor(leaves.size() - 1);
  return HashOfNode(crypto, RootOf(crypto, leaves.first(left)),
                    RootOf(crypto, leaves.subspan(left)));
}

void AppendPath(const Crypto& crypto, std::span<const Sha256Digest> leaves, uint64_t index,
                std::vector<Sha256Digest>& path) {
  if (leaves.size() == 1) return;
  const size_t left = std::bit_floor(leaves.size() - 1);
  if (index < left) {
    AppendPath(crypto, leaves.first(left), index, path);
    path.push_back(RootOf(crypto, leaves.subspan(left)));
  } else {
    AppendPath(crypto, leaves.subspan(left), index - left, path);
    path.push_back(RootOf(crypto, leaves.first(left)));
  }
}

// The root of a tree of `count` leaves that leaf `index` with `hash` leads to, taking the path's
// hashes off its end; false when they are too few.
bool Climb(const Crypto& crypto, uint64_t count, uint64_t index,
           std::span<const Sha256Digest>& path, Sha256Digest& hash) {
  if (count == 1) return true;
  if (path.empty()) return false;
  const Sha256Digest sibling = path.back();
  path = path.first(path.size() - 1);
  const uint64_t left = std::bit_floor(count - 1);
  if (index < left) {
    if (!Climb(crypto, left, index, path, hash)) return false;
    hash = HashOfNode(crypto, hash, sibling);
  } else {
    if (!Climb(crypto, count - left, index - left, path, hash)) return false;
    hash = HashOfNode(crypto, sibling, hash);
  }
  return true;
}

}  // namespace

Sha256Digest TreeRoot(const Crypto& crypto, std::span<const ByteView> parts) {
  return RootOf(crypto, LeafHashes(crypto, parts));
}

Sha256Digest TreeRootOfItems(const Crypto& crypto, std::span<const ByteView> items) {
  std::vector<Sha256Digest> hashes;
  for (const ByteView item : items) {
    std::vector<ByteView> leaf{item};
    hashes.push_back(HashOfLeaf(crypto, leaf));
  }
  return RootOf(crypto, hashes);
}

absl::StatusOr<TreeProof> ProveLeaf(const Crypto& crypto, std::span<const ByteView> parts,
                                    uint64_t index) {
  LeafCutter cutter(parts);
  std::vector<ByteView> leaf;
  for (uint64_t i = 0; i <= index; ++i) {
    if (!cutter.Next(leaf)) {
      return absl::OutOfRangeError(absl::StrCat("leaf ", index, ": there are ", i, " leaves"));
    }
  }
  TreeProof proof;
  std::string bytes;
  for (const ByteView part : leaf) bytes += AsText(part);
  proof.leaf = Bytes::Of(std::move(bytes));
  AppendPath(crypto, LeafHashes(crypto, parts), index, proof.path);
  return proof;
}

absl::Status VerifyLeaf(const Crypto& crypto, const Sha256Digest& root, uint64_t size,
                        uint64_t index, const TreeProof& proof) {
  const uint64_t count = TreeLeaves(size);
  if (index >= count) return absl::DataLossError(absl::StrCat("leaf ", index, " does not exist"));
  const uint64_t expected = std::min<uint64_t>(kTreeLeaf, size - index * kTreeLeaf);
  if (proof.leaf.size() != expected) {
    return absl::DataLossError(
        absl::StrCat("leaf ", index, " has ", proof.leaf.size(), " bytes instead of ", expected));
  }
  std::vector<ByteView> leaf{proof.leaf.view()};
  Sha256Digest hash = HashOfLeaf(crypto, leaf);
  std::span<const Sha256Digest> path = proof.path;
  if (!Climb(crypto, count, index, path, hash) || !path.empty() || hash != root) {
    return absl::DataLossError(absl::StrCat("leaf ", index, " does not lead to the root"));
  }
  return absl::OkStatus();
}

}  // namespace l2p
