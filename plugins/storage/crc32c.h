#ifndef L2P_PLUGINS_STORAGE_CRC32C_H_
#define L2P_PLUGINS_STORAGE_CRC32C_H_

#include <cstdint>

#include "l2p/bytes.h"

namespace l2p {

// The CRC-32C (Castagnoli, RFC 3720) of the bytes that gave `crc` followed by `bytes`; a first call
// passes 0. By the processor's instruction where there is one.
uint32_t ExtendCrc32c(uint32_t crc, ByteView bytes);

inline uint32_t Crc32c(ByteView bytes) { return ExtendCrc32c(0, bytes); }

// The same without the instruction, for processors that lack it and as the oracle of tests.
uint32_t ExtendCrc32cPortably(uint32_t crc, ByteView bytes);

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_CRC32C_H_
