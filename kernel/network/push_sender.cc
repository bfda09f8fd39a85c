#include "kernel/network/push_sender.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/network/placement.pb.h"
#include "kernel/network/push_receiver.h"
#include "kernel/network/stream_io.h"

namespace l2p {
namespace {

constexpr Duration kOpenLimit = absl::Seconds(5);
constexpr Duration kAnswerLimit = absl::Seconds(10);  // For the first word.
constexpr Duration kSilence = absl::Seconds(20);      // Neither taking bytes nor answering.
constexpr Duration kCommitLimit = absl::Seconds(60);  // A slow disk may sync for long.
constexpr Duration kAnnounceLimit = absl::Seconds(12);
constexpr size_t kReadBatch = 16;
constexpr size_t kReadBatchBytes = 2 << 20;

class Sender {
 public:
  Sender(Runtime& runtime, BlockService& blocks, std::unique_ptr<Stream> stream,
         const std::function<void(uint64_t)>& on_stored)
      : runtime_(runtime), blocks_(blocks), stream_(std::move(stream)), on_stored_(on_stored) {}

  absl::Status Run(const Group& group, Time until) {
    L2P_RETURN_IF_ERROR(Offer(group, until));
    L2P_ASSIGN_OR_RETURN(const wire::PushAnswer answer, Hear(kAnswerLimit));
    if (!answer.accepted()) return absl::InvalidArgumentError("it answered out of order");
    std::vector<BlockRef> missing;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (!TestBit(answer.have(), i)) missing.push_back(all_[i]);
    }
    L2P_RETURN_IF_ERROR(SendBlocks(missing));
    L2P_RETURN_IF_ERROR(HearUntil(&wire::PushAnswer::committed, kCommitLimit));
    // The promise stands whatever becomes of the announcement.
    HearUntil(&wire::PushAnswer::announced, kAnnounceLimit).IgnoreError();
    stream_->CloseWrite();
    return absl::OkStatus();
  }

 private:
  absl::Status Offer(const Group& group, Time until) {
    wire::PushOffer offer;
    offer.set_group(group.id.bytes());
    const auto add = [&](const std::vector<BlockRef>& refs, auto* list) {
      for (const BlockRef& ref : refs) {
        wire::PushedBlock* block = list->Add();
        block->set_id(ref.id.bytes());
        block->set_size(ref.size);
        all_.push_back(ref);
      }
    };
    add(group.nodes, offer.mutable_nodes());
    add(group.leaves, offer.mutable_leaves());
    if (until != absl::InfiniteFuture()) {
      offer.set_until_seconds(static_cast<uint64_t>(absl::ToUnixSeconds(until)));
    }
    const Bytes message = FramedMessage(offer.SerializeAsString());
    return stream_->Write({&message, 1}, runtime_.Now() + kAnswerLimit);
  }

  absl::StatusOr<wire::PushAnswer> Hear(Duration limit) {
    const Time deadline = runtime_.Now() + limit;
    const ReadSome read = [&](MutableByteView into) { return stream_->Read(into, deadline); };
    L2P_ASSIGN_OR_RETURN(const std::string message, ReadMessage(read, kMaxPushMessage));
    wire::PushAnswer answer;
    if (!answer.ParseFromString(message)) return absl::InvalidArgumentError("malformed answer");
    if (!answer.refusal().empty()) return absl::ResourceExhaustedError(answer.refusal());
    if (answer.stored_bytes() > 0) on_stored_(answer.stored_bytes());
    return answer;
  }

  absl::Status HearUntil(bool (wire::PushAnswer::*what)() const, Duration limit) {
    for (;;) {
      L2P_ASSIGN_OR_RETURN(const wire::PushAnswer answer, Hear(limit));
      if ((answer.*what)()) return absl::OkStatus();
    }
  }

  absl::Status SendBlocks(const std::vector<BlockRef>& missing) {
    for (size_t begin = 0; begin < missing.size();) {
      std::vector<Multihash> ids;
      size_t bytes = 0;
      while (begin < missing.size() && ids.size() < kReadBatch &&
             (ids.empty() || bytes + missing[begin].size <= kReadBatchBytes)) {
        bytes += missing[begin].size;
        ids.push_back(missing[begin++].id);
      }
      std::vector<absl::StatusOr<Bytes>> read(ids.size(), absl::NotFoundError(""));
      blocks_.Get(ids, read);
      std::vector<Bytes> bodies;
      for (absl::StatusOr<Bytes>& body : read) {
        if (!body.ok()) return WithContext(body.status(), "read a block to push");
        bodies.push_back(*std::move(body));
      }
      L2P_RETURN_IF_ERROR(Write(bodies));
    }
    return absl::OkStatus();
  }

  // A holder that refuses in the middle says so while we are still sending.
  absl::Status Write(const std::vector<Bytes>& bodies) {
    const absl::Status written = stream_->Write(bodies, runtime_.Now() + kSilence);
    if (written.ok()) return written;
    const absl::StatusOr<wire::PushAnswer> answer = Hear(absl::ZeroDuration());
    return absl::IsResourceExhausted(answer.status()) ? answer.status() : written;
  }

  Runtime& runtime_;
  BlockService& blocks_;
  const std::unique_ptr<Stream> stream_;
  const std::function<void(uint64_t)>& on_stored_;
  std::vector<BlockRef> all_;
};

}  // namespace

absl::Status PushGroup(Runtime& runtime, BlockService& blocks, Messenger& messenger,
                       const PeerInfo& holder, const Group& group, Time until,
                       const std::function<void(uint64_t bytes)>& on_stored) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream,
                       messenger.Open(holder, kPushProtocol, runtime.Now() + kOpenLimit));
  return Sender(runtime, blocks, std::move(stream), on_stored).Run(group, until);
}

}  // namespace l2p
