#include "kernel/runtime/write_at.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <vector>

namespace l2p {
namespace {

constexpr int kDontCache = 0x80;  // RWF_DONTCACHE of linux/fs.h; Debian 12 has older headers.

// Takes the first `done` bytes off `parts[first...]`; returns the new first.
size_t Advance(std::span<iovec> parts, size_t first, size_t done) {
  while (done > 0) {
    const size_t taken = std::min(done, parts[first].iov_len);
    parts[first].iov_base = static_cast<uint8_t*>(parts[first].iov_base) + taken;
    parts[first].iov_len -= taken;
    done -= taken;
    if (parts[first].iov_len == 0) ++first;
  }
  return first;
}

}  // namespace

bool WriteAt(int fd, uint64_t offset, std::span<const ByteView> parts, PageCache cache) {
  std::vector<iovec> rest;
  rest.reserve(parts.size());
  for (const ByteView part : parts) {
    if (!part.empty()) rest.push_back({const_cast<uint8_t*>(part.data()), part.size()});
  }
  int flags = cache == PageCache::kDrop ? kDontCache : 0;
  for (size_t first = 0; first < rest.size();) {
    const int count = static_cast<int>(std::min<size_t>(rest.size() - first, IOV_MAX));
    const ssize_t wrote =
        ::pwritev2(fd, rest.data() + first, count, static_cast<off_t>(offset), flags);
    if (wrote >= 0) {
      offset += static_cast<uint64_t>(wrote);
      first = Advance(rest, first, static_cast<size_t>(wrote));
    } else if (errno == EOPNOTSUPP && flags != 0) {
      flags = 0;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace l2p
