#include "kernel/network/push_receiver.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/network/placement.pb.h"
#include "kernel/network/stream_io.h"
#include "l2p/group_record.h"

namespace l2p {
namespace {

constexpr size_t kBatchBytes = 4 << 20;
constexpr size_t kBatchBlocks = 64;
constexpr uint64_t kSyncEvery = 32 << 20;          // And tell the pusher, who shows it.
constexpr Duration kSyncAfter = absl::Seconds(1);  // For pushers that send less in that time.
constexpr Duration kWriteLimit = absl::Seconds(10);
constexpr Duration kAnnounceLimit = absl::Seconds(10);
constexpr Duration kMemoryLimit = absl::Seconds(20);
constexpr Duration kPartingLimit = absl::Seconds(10);
constexpr size_t kPartingBytes = 64 << 10;  // Dropped at a time.

absl::StatusOr<std::vector<BlockRef>> RefsOf(
    const google::protobuf::RepeatedPtrField<wire::PushedBlock>& blocks) {
  std::vector<BlockRef> refs;
  for (const wire::PushedBlock& block : blocks) {
    L2P_ASSIGN_OR_RETURN(Multihash id, Multihash::FromBinary(AsBytes(block.id())));
    if (id.code() == HashCode::kIdentity || block.size() > kMaxBlock) {
      return absl::InvalidArgumentError("a block that cannot be stored is offered");
    }
    refs.push_back({std::move(id), block.size()});
  }
  return refs;
}

absl::StatusOr<Group> GroupOf(const wire::PushOffer& offer) {
  if (offer.leaves_size() > static_cast<int>(PushReceiver::kMaxLeaves) ||
      offer.nodes_size() + offer.leaves_size() >
          static_cast<int>(PushReceiver::kMaxBlocksPerGroup) ||
      offer.nodes_size() + offer.leaves_size() == 0) {
    return absl::InvalidArgumentError("a group of no or too many blocks is offered");
  }
  if (offer.record().size() > kMaxRecordBytes) {
    return absl::InvalidArgumentError("a group is offered with too large a record");
  }
  Group group;
  L2P_ASSIGN_OR_RETURN(group.id, Multihash::FromBinary(AsBytes(offer.group())));
  L2P_ASSIGN_OR_RETURN(group.nodes, RefsOf(offer.nodes()));
  L2P_ASSIGN_OR_RETURN(group.leaves, RefsOf(offer.leaves()));
  const BlockRef& root = group.nodes.empty() ? group.leaves.front() : group.nodes.front();
  // A share of a coded group without nodes has pieces alone.
  if (root.id != group.id && (offer.record().empty() || !group.nodes.empty())) {
    return absl::InvalidArgumentError("a group is offered that does not begin with its root");
  }
  return group;
}

}  // namespace

// One push, by the task that serves its stream.
class PushReceiver::Session {
 public:
  Session(const Parts& parts, const Caller& pusher, Stream& stream)
      : parts_(parts),
        pusher_(pusher.peer),
        network_(PublicNetworkOf(pusher.address)),
        stream_(stream),
        operation_(parts.blocks),
        synced_at_(parts.runtime.Now()) {}

  absl::Status Run() {
    const ReadSome read = [this](MutableByteView into) { return Read(into); };
    L2P_ASSIGN_OR_RETURN(const std::string message, ReadMessage(read, kMaxPushMessage));
    wire::PushOffer offer;
    if (!offer.ParseFromString(message)) return absl::InvalidArgumentError("malformed offer");
    L2P_ASSIGN_OR_RETURN(const Group group, GroupOf(offer));
    const Time asked = offer.until_seconds() == 0
                           ? absl::InfiniteFuture()
                           : absl::FromUnixSeconds(static_cast<int64_t>(std::min<uint64_t>(
                                 offer.until_seconds(), std::numeric_limits<int64_t>::max())));
    L2P_ASSIGN_OR_RETURN(const Time until, parts_.holdings.LeaseUntil(asked));
    L2P_RETURN_IF_ERROR(Admit(group, offer.record().size()));
    for (const BlockRef& block : missing_) L2P_RETURN_IF_ERROR(Receive(block));
    L2P_RETURN_IF_ERROR(StoreBatch());
    L2P_RETURN_IF_ERROR(parts_.holdings.Commit(group, {pusher_, until, offer.record(), network_}));
    room_.Release();
    wire::PushAnswer committed;
    committed.set_stored_bytes(stored_);
    committed.set_committed(true);
    if (until != absl::InfiniteFuture()) {
      committed.set_until_seconds(static_cast<uint64_t>(absl::ToUnixSeconds(until)));
    }
    L2P_ASSIGN_OR_RETURN(*committed.mutable_receipt(), SignedReceipt(group, until));
    L2P_RETURN_IF_ERROR(Say(committed));
    return Announce(group.id);
  }

  // Tells the pusher why the push has ended, and frees what it brought.
  void Refuse(const absl::Status& why) {
    parts_.holdings.ReclaimUnneeded(operation_.ForgetAll()).IgnoreError();
    wire::PushAnswer answer;
    answer.set_refusal(std::string(why.message()));
    Say(answer).IgnoreError();
    stream_.CloseWrite();
  }

  // Waits until the pusher has ended, too, dropping what it still sends: a stream that is destroyed
  // before would be reset, and our last word lost.
  void Part() {
    const Time deadline = parts_.runtime.Now() + kPartingLimit;
    std::vector<uint8_t> dropped(kPartingBytes);
    for (absl::StatusOr<size_t> read = 1; read.ok() && *read > 0;) {
      read = stream_.Read(dropped, deadline);
    }
  }

 private:
  absl::StatusOr<size_t> Read(MutableByteView into) {
    absl::StatusOr<size_t> got = stream_.Read(into, parts_.runtime.Now() + kStall);
    if (absl::IsDeadlineExceeded(got.status())) {
      return absl::DeadlineExceededError("the pusher has been silent for too long");
    }
    return got;
  }

  absl::Status Say(const wire::PushAnswer& answer) {
    const Bytes message = FramedMessage(answer.SerializeAsString());
    return stream_.Write({&message, 1}, parts_.runtime.Now() + kWriteLimit);
  }

  absl::Status Admit(const Group& group, size_t record_bytes) {
    if (!parts_.blocks.Usage().durable) {
      return absl::FailedPreconditionError("this node's storage forgets when it stops");
    }
    std::vector<BlockRef> all = group.nodes;
    all.insert(all.end(), group.leaves.begin(), group.leaves.end());
    for (const BlockRef& block : all) {
      if (!parts_.blocks.hashers().Knows(block.id.code())) {
        return absl::UnimplementedError(absl::StrCat(
            "hash function ", static_cast<uint64_t>(block.id.code()), " is not loaded here"));
      }
    }
    L2P_ASSIGN_OR_RETURN(room_, parts_.holdings.Admit(group, pusher_, network_, record_bytes));
    std::vector<Multihash> ids;
    for (const BlockRef& block : all) ids.push_back(block.id);
    std::vector<int64_t> sizes(ids.size(), -1);
    L2P_RETURN_IF_ERROR(operation_.Has(ids, sizes));
    wire::PushAnswer answer;
    answer.set_accepted(true);
    std::string have = NewBitmap(ids.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (sizes[i] < 0) {
        missing_.push_back(all[i]);
      } else {
        SetBit(have, i);
        stored_ += all[i].size;
      }
    }
    answer.set_have(have);
    answer.set_stored_bytes(stored_);
    return Say(answer);
  }

  absl::StatusOr<std::string> SignedReceipt(const Group& share, Time until) {
    Receipt receipt;
    receipt.group = share.id;
    receipt.list_root = ListRoot(parts_.crypto, share);
    receipt.blocks = share.nodes.size() + share.leaves.size();
    receipt.bytes = share.bytes();
    receipt.issued = parts_.runtime.Now();
    receipt.until = until;
    return SignReceipt(std::move(receipt), parts_.identity);
  }

  absl::Status Receive(const BlockRef& block) {
    Buffer buffer;
    if (block.size > 0) {
      L2P_ASSIGN_OR_RETURN(buffer,
                           parts_.memory.Take(block.size, parts_.runtime.Now() + kMemoryLimit));
    }
    const ReadSome read = [this](MutableByteView into) { return Read(into); };
    L2P_RETURN_IF_ERROR(ReadExactly(read, buffer.span()));
    batch_.push_back({block.id, std::move(buffer).Freeze()});
    batch_bytes_ += block.size;
    if (batch_bytes_ >= kBatchBytes || batch_.size() >= kBatchBlocks) return StoreBatch();
    return absl::OkStatus();
  }

  absl::Status StoreBatch() {
    if (batch_.empty()) return absl::OkStatus();
    std::vector<absl::Status> right(batch_.size());
    parts_.runtime.tasks().Parallel(batch_.size(), [&](size_t i) {
      right[i] = parts_.blocks.hashers().Verify(batch_[i].id, batch_[i].data);
    });
    for (const absl::Status& status : right) L2P_RETURN_IF_ERROR(status);
    L2P_RETURN_IF_ERROR(operation_.Put(batch_));
    stored_ += batch_bytes_;
    unsynced_ += batch_bytes_;
    batch_.clear();
    batch_bytes_ = 0;
    if (unsynced_ < kSyncEvery && parts_.runtime.Now() < synced_at_ + kSyncAfter) {
      return absl::OkStatus();
    }
    L2P_RETURN_IF_ERROR(parts_.blocks.Sync());
    unsynced_ = 0;
    synced_at_ = parts_.runtime.Now();
    wire::PushAnswer answer;
    answer.set_stored_bytes(stored_);
    return Say(answer);
  }

  // A reader can only find what is announced, so the pusher waits for it; that the group is kept
  // does not depend on it.
  absl::Status Announce(const Multihash& group) {
    const absl::Status announced =
        parts_.router.Get()->Provide({&group, 1}, parts_.runtime.Now() + kAnnounceLimit);
    if (!announced.ok()) {
      parts_.runtime.Log(
          Severity::kWarning, "placement",
          absl::StrCat("announce ", group.ToString(), ": ", std::string(announced.message())));
    }
    wire::PushAnswer answer;
    answer.set_announced(true);
    L2P_RETURN_IF_ERROR(Say(answer));
    stream_.CloseWrite();
    return absl::OkStatus();
  }

  const Parts& parts_;
  const PeerId pusher_;
  const std::string network_;
  Stream& stream_;
  BlockService::Operation operation_;
  Reservation room_;
  std::vector<BlockRef> missing_;
  std::vector<Block> batch_;
  size_t batch_bytes_ = 0;
  uint64_t stored_ = 0;
  uint64_t unsynced_ = 0;
  Time synced_at_;
};

PushReceiver::PushReceiver(Parts parts) : parts_(parts), idle_(parts.runtime.NewEvent()) {}
PushReceiver::~PushReceiver() { Stop(); }

absl::Status PushReceiver::Start() {
  L2P_ASSIGN_OR_RETURN(
      serving_, parts_.messenger.ServeStreams(
                    kPushProtocol, [this](const Caller& from, std::unique_ptr<Stream> stream) {
                      Serve(from, std::move(stream));
                    }));
  return absl::OkStatus();
}

void PushReceiver::WaitUntilIdle(Time deadline) {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  Await(mutex_, *idle_, deadline, [this]() L2P_REQUIRES(mutex_) { return streams_.empty(); });
}

void PushReceiver::Stop() {
  std::vector<std::shared_ptr<Stream>> open;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    open = streams_;
  }
  for (const auto& stream : open) stream->Reset();
  serving_.reset();  // Waits for the handlers.
}

void PushReceiver::Serve(const Caller& from, std::shared_ptr<Stream> stream) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    size_t& of_peer = by_peer_[from.peer];
    if (stopped_ || streams_.size() >= kMaxPushes || of_peer >= kMaxPushesPerPeer) {
      status = absl::UnavailableError("too many pushes at once");
      if (of_peer == 0) by_peer_.erase(from.peer);
    } else {
      ++of_peer;
      streams_.push_back(stream);
    }
  }
  Session session(parts_, from, *stream);
  if (!status.ok()) {
    session.Refuse(status);
    return;
  }
  status = session.Run();
  if (!status.ok()) session.Refuse(status);
  session.Part();
  MutexLock lock(mutex_);
  std::erase(streams_, stream);
  if (--by_peer_[from.peer] == 0) by_peer_.erase(from.peer);
  if (streams_.empty()) idle_->Set();
}

}  // namespace l2p
