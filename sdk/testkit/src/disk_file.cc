#include "disk_file.h"

#include <algorithm>
#include <cstring>

namespace l2p::testkit {
namespace {

// Older values kept of one page or size. Dropping one only makes one of the outcomes impossible.
constexpr size_t kMostVersions = 8;

template <typename Version>
void Remember(std::vector<Version>& versions, const Version& version) {
  if (versions.size() == kMostVersions) versions.erase(versions.begin() + 1);
  versions.push_back(version);
}

}  // namespace

size_t DiskFile::Read(uint64_t offset, MutableByteView into) const {
  if (offset >= size()) return 0;
  const size_t total = std::min<uint64_t>(into.size(), size() - offset);
  for (size_t done = 0; done < total;) {
    const uint64_t at = (offset + done) % kPage;
    const size_t bytes = std::min<uint64_t>(total - done, kPage - at);
    const auto page = pages_.find((offset + done) / kPage);
    if (page == pages_.end()) {
      std::memset(into.data() + done, 0, bytes);
    } else {
      std::memcpy(into.data() + done, page->second.now.data() + at, bytes);
    }
    done += bytes;
  }
  return total;
}

bool DiskFile::Write(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const uint64_t at = offset % kPage;
    const size_t part = std::min<uint64_t>(bytes.size(), kPage - at);
    Page& page = Dirty(offset / kPage);
    if (!Count(page)) return false;
    std::memcpy(page.now.data() + at, bytes.data(), part);
    bytes = bytes.subspan(part);
    offset += part;
    if (offset > size()) SetSize(offset);
  }
  return true;
}

void DiskFile::Resize(uint64_t size) {
  if (size < this->size()) Clear(size);
  if (size != this->size()) SetSize(size);
}

void DiskFile::Clear(uint64_t from) {
  for (auto it = pages_.lower_bound(from / kPage); it != pages_.end(); ++it) {
    const uint64_t start = it->first * kPage;
    Page& page = Dirty(it->first);
    const uint64_t keep = from > start ? from - start : 0;
    std::fill(page.now.begin() + keep, page.now.end(), 0);
    if (keep == 0) Uncount(page);
  }
}

void DiskFile::SetSize(uint64_t size) { Remember(sizes_, size); }

void DiskFile::Sync() {
  for (uint64_t index : dirty_) {
    std::vector<PageBytes>().swap(pages_[index].older);
  }
  dirty_.clear();
  sizes_ = {size()};
  DropPagesBeyondEnd();
}

void DiskFile::Crash(Fate fate, SplitMix& random) {
  const size_t version = fate == Fate::kLost   ? 0
                         : fate == Fate::kKept ? sizes_.size() - 1
                                               : random.Below(sizes_.size());
  sizes_ = {sizes_[version]};
  for (uint64_t index : dirty_) {
    Page& page = pages_[index];
    std::vector<PageBytes> versions = std::move(page.older);
    page.older.clear();
    versions.push_back(page.now);
    // Half of the pages that are neither kept nor lost are torn between several of their values.
    const bool torn = random.Below(2) == 0;
    size_t chosen = random.Below(versions.size());
    for (uint64_t at = 0; at < kPage; at += kSector) {
      if (torn) chosen = random.Below(versions.size());
      const size_t from = fate == Fate::kLost   ? 0
                          : fate == Fate::kKept ? versions.size() - 1
                                                : chosen;
      std::memcpy(page.now.data() + at, versions[from].data() + at, kSector);
    }
  }
  dirty_.clear();
  Clear(size());
  Sync();
}

void DiskFile::Unlink() {
  for (auto& [index, page] : pages_) Uncount(page);
  linked_ = false;
}

void DiskFile::Link() {
  linked_ = true;
  for (auto& [index, page] : pages_) {
    page.counted = true;
    space_.used += kPage;
  }
}

DiskFile::Page& DiskFile::Dirty(uint64_t index) {
  Page& page = pages_[index];
  dirty_.insert(index);
  Remember(page.older, page.now);
  return page;
}

bool DiskFile::Count(Page& page) {
  if (page.counted || !linked_) return true;
  if (space_.used + kPage > space_.capacity) return false;
  page.counted = true;
  space_.used += kPage;
  return true;
}

void DiskFile::Uncount(Page& page) {
  if (page.counted) space_.used -= kPage;
  page.counted = false;
}

void DiskFile::DropPagesBeyondEnd() {
  const uint64_t first = (size() + kPage - 1) / kPage;
  for (auto it = pages_.lower_bound(first); it != pages_.end(); it = pages_.erase(it)) {
    Uncount(it->second);
  }
}

}  // namespace l2p::testkit
