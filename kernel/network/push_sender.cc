#include "kernel/network/push_sender.h"

#include <algorithm>
#include <vector>

#include "kernel/network/framing.h"
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
  Sender(Runtime& runtime, const BlockReader& read, std::unique_ptr<Stream> stream,
         const std::function<void(uint64_t)>& on_stored)
      : runtime_(runtime),
        read_(read),
        on_stored_(on_stored),
        readable_(runtime.NewEvent()),
        stream_(std::move(stream)) {}

  absl::StatusOr<std::string> Run(const Group& group, std::string_view record, Time until) {
    L2P_RETURN_IF_ERROR(Offer(group, record, until));
    L2P_ASSIGN_OR_RETURN(const wire::PushAnswer answer, Hear(kAnswerLimit));
    if (!answer.accepted()) return absl::InvalidArgumentError("it answered out of order");
    std::vector<BlockRef> missing;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (!TestBit(answer.have(), i)) missing.push_back(all_[i]);
    }
    L2P_RETURN_IF_ERROR(SendBlocks(missing));
    L2P_ASSIGN_OR_RETURN(wire::PushAnswer committed,
                         HearUntil(&wire::PushAnswer::committed, kCommitLimit));
    // The promise stands whatever becomes of the announcement.
    HearUntil(&wire::PushAnswer::announced, kAnnounceLimit).status().IgnoreError();
    stream_->CloseWrite();
    return std::move(*committed.mutable_receipt());
  }

 private:
  absl::Status Offer(const Group& group, std::string_view record, Time until) {
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
    offer.set_record(std::string(record));
    const Bytes message = FramedMessage(offer.SerializeAsString());
    return stream_->Write({&message, 1}, runtime_.Now() + kAnswerLimit);
  }

  absl::StatusOr<wire::PushAnswer> Hear(Duration limit) {
    const Time deadline = runtime_.Now() + limit;
    for (;;) {
      L2P_ASSIGN_OR_RETURN(const FrameReader::Progress progress, answers_.Poll(*stream_));
      if (progress == FrameReader::Progress::kMessage) return Understand(answers_.Take());
      if (progress == FrameReader::Progress::kEnd) return absl::UnavailableError("it hung up");
      readable_->Reset();
      stream_->WhenReadable([this] { readable_->Set(); });
      if (!readable_->Wait(deadline)) return absl::DeadlineExceededError("it did not answer");
    }
  }

  // A holder may refuse in the middle, and then drops what still comes.
  absl::Status HearWhatWasSaid() {
    for (;;) {
      L2P_ASSIGN_OR_RETURN(const FrameReader::Progress progress, answers_.Poll(*stream_));
      if (progress != FrameReader::Progress::kMessage) return absl::OkStatus();
      L2P_RETURN_IF_ERROR(Understand(answers_.Take()).status());
    }
  }

  absl::StatusOr<wire::PushAnswer> Understand(const Bytes& message) {
    wire::PushAnswer answer;
    if (!answer.ParseFromString(std::string(message.text()))) {
      return absl::InvalidArgumentError("malformed answer");
    }
    if (!answer.refusal().empty()) return absl::ResourceExhaustedError(answer.refusal());
    if (answer.stored_bytes() > 0) on_stored_(answer.stored_bytes());
    return answer;
  }

  absl::StatusOr<wire::PushAnswer> HearUntil(bool (wire::PushAnswer::*what)() const,
                                             Duration limit) {
    for (;;) {
      L2P_ASSIGN_OR_RETURN(wire::PushAnswer answer, Hear(limit));
      if ((answer.*what)()) return answer;
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
      read_(ids, read);
      std::vector<Bytes> bodies;
      for (absl::StatusOr<Bytes>& body : read) {
        if (!body.ok()) return WithContext(body.status(), "read a block to push");
        bodies.push_back(*std::move(body));
      }
      L2P_RETURN_IF_ERROR(stream_->Write(bodies, runtime_.Now() + kSilence));
      L2P_RETURN_IF_ERROR(HearWhatWasSaid());
    }
    return absl::OkStatus();
  }

  Runtime& runtime_;
  const BlockReader& read_;
  const std::function<void(uint64_t)>& on_stored_;
  FrameReader answers_{FrameReader::Framing::kSized, kMaxPushMessage};
  std::vector<BlockRef> all_;
  const std::unique_ptr<Event> readable_;
  const std::unique_ptr<Stream> stream_;  // Destroyed first: it may still call readable_.
};

}  // namespace

absl::StatusOr<std::string> PushGroup(Runtime& runtime, PushTurns& turns, const BlockReader& read,
                                      Messenger& messenger, const PeerInfo& holder,
                                      const Group& group, std::string_view record, Time until,
                                      const std::function<void(uint64_t bytes)>& on_stored) {
  const PushTurns::Turn turn(turns, holder.id);
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream,
                       messenger.Open(holder, kPushProtocol, runtime.Now() + kOpenLimit));
  return Sender(runtime, read, std::move(stream), on_stored).Run(group, record, until);
}

}  // namespace l2p
