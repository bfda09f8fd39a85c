#include "fuzz_check.h"
#include "l2p/dag_pb.h"
#include "l2p/hamt.h"
#include "l2p/unixfs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::StatusOr<l2p::DagNode> node = l2p::DecodeDagPb({data, size});
  if (!node.ok()) return 0;
  const std::string canonical = l2p::EncodeDagPb(*node);
  L2P_FUZZ_CHECK(l2p::EncodeDagPb(l2p::DecodeDagPb(l2p::AsBytes(canonical)).value()) == canonical);
  if (absl::StatusOr<l2p::UnixFs> message = l2p::UnixFsOf(*node); message.ok()) {
    const std::string encoded = l2p::EncodeUnixFs(*message);
    L2P_FUZZ_CHECK(l2p::DecodeUnixFs(l2p::AsBytes(encoded)).value() == *message);
  }
  absl::StatusOr<l2p::HamtShard> shard = l2p::DecodeHamtShard(*node);
  if (!shard.ok()) return 0;
  for (const l2p::HamtEntry& entry : shard->entries) {
    l2p::HamtLookup lookup(entry.name);
    int steps = 0;
    while (lookup.Step(*shard).ok()) ++steps;
    L2P_FUZZ_CHECK(steps <= 64 / 3);
  }
  return 0;
}
