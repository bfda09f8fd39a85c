// Free functions over the interfaces, for callers with one item.
#include <bit>
#include <cstring>

#include "l2p/block_store.h"
#include "l2p/hasher.h"
#include "l2p/host.h"
#include "l2p/state.h"

namespace l2p {
namespace {

// Rejection sampling: draws until the number lies in the largest multiple of `bound`.
template <typename Source>
uint64_t Below(Source& source, uint64_t bound) {
  const uint64_t mask = bound <= 1 ? 0 : ~uint64_t{0} >> std::countl_zero(bound - 1);
  for (;;) {
    uint8_t raw[8];
    source.Random(raw);
    uint64_t value;
    std::memcpy(&value, raw, sizeof value);
    value &= mask;
    if (value < bound) return value;
  }
}

}  // namespace

uint64_t RandomBelow(Runtime& runtime, uint64_t bound) { return Below(runtime, bound); }
uint64_t RandomBelow(Host& host, uint64_t bound) { return Below(host, bound); }

Multihash HashOf(const Hasher& hasher, ByteView input) {
  uint8_t digest[64];
  const MutableByteView out(digest, hasher.digest_size());
  hasher.Hash({&input, 1}, out);
  return *Multihash::FromDigest(hasher.code(), out);
}

absl::Status PutOne(BlockStore& store, const Block& block) {
  absl::Status status;
  store.Put({&block, 1}, {&status, 1});
  return status;
}

absl::StatusOr<Bytes> GetOne(BlockStore& store, const Multihash& id) {
  absl::StatusOr<Bytes> result = absl::NotFoundError("not read");
  store.Get({&id, 1}, {&result, 1});
  return result;
}

absl::Status ForEachRow(State& state, std::string_view prefix, size_t at_once,
                        const std::function<absl::Status(const State::Row&)>& visit) {
  std::string after;
  for (bool more = true; more;) {
    L2P_ASSIGN_OR_RETURN(const std::vector<State::Row> rows, state.Scan(prefix, after, at_once));
    for (const State::Row& row : rows) L2P_RETURN_IF_ERROR(visit(row));
    more = rows.size() == at_once;
    if (more) after = rows.back().key;
  }
  return absl::OkStatus();
}

}  // namespace l2p
