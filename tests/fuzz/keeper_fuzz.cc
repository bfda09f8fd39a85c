// What keepers say to each other.
#include "fuzz_check.h"
#include "keeper_messages.h"

namespace {

template <typename Message, typename Parse>
void Reread(const Message& message, const Parse& parse) {
  const std::string again = Encode(message);
  const auto reread = parse(l2p::AsBytes(again));
  L2P_FUZZ_CHECK(reread.ok() && Encode(*reread) == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace l2p::keeper;
  if (const auto request = ParseRequest({data, size}); request.ok()) {
    L2P_FUZZ_CHECK(request->ranges.size() <= Range::kMaxRanges);
    L2P_FUZZ_CHECK(request->hints.size() <= KeeperRequest::kMaxHints);
    L2P_FUZZ_CHECK(!request->leaf || request->leaf->blocks.size() <= LeafRequest::kMaxBlocks);
    Reread(*request, &ParseRequest);
  }
  if (const auto answer = ParseAnswer({data, size}); answer.ok()) Reread(*answer, &ParseAnswer);
  return 0;
}
