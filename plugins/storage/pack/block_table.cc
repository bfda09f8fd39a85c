#include "block_table.h"

#include <algorithm>

namespace l2p::pack {
namespace {

// A leaf is moved within a few cache lines' time, and there are few enough of them that inserting
// one among a million leaves stays cheap.
constexpr size_t kFullLeaf = 256;
constexpr size_t kAppendedLeaf = 224;  // Leaves room for a few insertions before the first split.
constexpr size_t kGrowth = 32;

constexpr uint32_t kDamaged = 0x80000000;  // A live entry is never a delete: the bit is free.

}  // namespace

BlockTable::Entry BlockTable::Pack(const Key& key, const Location& location) {
  const uint32_t what = location.shape.what() | (location.damaged ? kDamaged : 0);
  return {key, location.segment, location.unit, what};
}

Location BlockTable::Unpack(const Entry& entry) {
  return {entry.segment, entry.unit, RecordShape(entry.what & ~kDamaged),
          (entry.what & kDamaged) != 0};
}

size_t BlockTable::LeafOf(const Key& key) const {
  const auto next = std::upper_bound(leaves_.begin(), leaves_.end(), key,
                                     [](const Key& k, const Leaf& leaf) { return k < leaf.low; });
  return next == leaves_.begin() ? 0 : next - leaves_.begin() - 1;
}

namespace {

template <typename Entries>
auto LowerBound(Entries& entries, const Key& key) {
  return std::lower_bound(entries.begin(), entries.end(), key,
                          [](const auto& entry, const Key& k) { return entry.key < k; });
}

}  // namespace

bool BlockTable::Find(const Key& key, Location& out) const {
  if (leaves_.empty()) return false;
  const std::vector<Entry>& entries = leaves_[LeafOf(key)].entries;
  const auto found = LowerBound(entries, key);
  if (found == entries.end() || found->key != key) return false;
  out = Unpack(*found);
  return true;
}

void BlockTable::Set(const Key& key, const Location& location) {
  if (leaves_.empty()) return Append(key, location);
  const size_t leaf = LeafOf(key);
  std::vector<Entry>& entries = leaves_[leaf].entries;
  const auto at = LowerBound(entries, key);
  if (at != entries.end() && at->key == key) {
    *at = Pack(key, location);
    return;
  }
  const size_t place = at - entries.begin();
  // Not the vector's own doubling: half of a million leaves would be empty room.
  if (entries.size() == entries.capacity()) entries.reserve(entries.size() + kGrowth);
  entries.insert(entries.begin() + place, Pack(key, location));
  ++size_;
  if (entries.size() >= kFullLeaf) Split(leaf);
}

void BlockTable::Split(size_t leaf) {
  std::vector<Entry>& entries = leaves_[leaf].entries;
  const size_t half = entries.size() / 2;
  Leaf upper{entries[half].key, std::vector<Entry>(entries.begin() + half, entries.end())};
  entries.resize(half);
  entries.shrink_to_fit();
  leaves_.insert(leaves_.begin() + leaf + 1, std::move(upper));
}

void BlockTable::Erase(const Key& key) {
  if (leaves_.empty()) return;
  const size_t leaf = LeafOf(key);
  std::vector<Entry>& entries = leaves_[leaf].entries;
  const auto found = LowerBound(entries, key);
  if (found == entries.end() || found->key != key) return;
  entries.erase(found);
  --size_;
  if (entries.empty()) {
    leaves_.erase(leaves_.begin() + leaf);
  } else if (entries.capacity() > entries.size() + 2 * kGrowth) {
    entries.shrink_to_fit();
  }
}

void BlockTable::Append(const Key& key, const Location& location) {
  if (leaves_.empty() || leaves_.back().entries.size() >= kAppendedLeaf) {
    if (!leaves_.empty()) leaves_.back().entries.shrink_to_fit();
    leaves_.push_back({key, {}});
    leaves_.back().entries.reserve(kAppendedLeaf);
  }
  leaves_.back().entries.push_back(Pack(key, location));
  ++size_;
}

std::vector<BlockTable::Item> BlockTable::After(const Key* after, size_t most) const {
  std::vector<Item> items;
  if (leaves_.empty()) return items;
  size_t leaf = after == nullptr ? 0 : LeafOf(*after);
  for (; leaf < leaves_.size() && items.size() < most; ++leaf) {
    for (const Entry& entry : leaves_[leaf].entries) {
      if (after != nullptr && entry.key <= *after) continue;
      if (items.size() == most) break;
      items.push_back({entry.key, Unpack(entry)});
    }
  }
  return items;
}

std::vector<BlockTable::Item> BlockTable::WithPrefix(uint32_t prefix) const {
  std::vector<Item> items;
  if (leaves_.empty()) return items;
  Key low;
  for (size_t i = 0; i < sizeof prefix; ++i) {
    low.bytes[i] = static_cast<uint8_t>(prefix >> (24 - 8 * i));
  }
  for (size_t leaf = LeafOf(low); leaf < leaves_.size(); ++leaf) {
    const std::vector<Entry>& entries = leaves_[leaf].entries;
    for (auto at = LowerBound(entries, low); at != entries.end(); ++at) {
      if (PrefixOf(at->key) != prefix) return items;
      items.push_back({at->key, Unpack(*at)});
    }
  }
  return items;
}

}  // namespace l2p::pack
