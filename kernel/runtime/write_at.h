#ifndef L2P_KERNEL_RUNTIME_WRITE_AT_H_
#define L2P_KERNEL_RUNTIME_WRITE_AT_H_

#include <cstdint>
#include <span>

#include "l2p/bytes.h"

namespace l2p {

enum class PageCache { kKeep, kDrop };

// Writes all `parts`, one after another, from `offset` of `fd` on. False with errno set when that
// fails; any part of the range may then have been written. With kDrop the pages are handed to the
// disk at once and then freed (RWF_DONTCACHE, since Linux 6.14), where kernel and file system can.
bool WriteAt(int fd, uint64_t offset, std::span<const ByteView> parts, PageCache cache);

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_WRITE_AT_H_
