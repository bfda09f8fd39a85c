#include "kernel/network/block_server.h"

#include <atomic>
#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/network/exchange.pb.h"
#include "kernel/network/framing.h"
#include "kernel/network/stream_io.h"

namespace l2p {
namespace {

// Bodies put together in one Write: many small blocks travel as one, a large one goes alone.
constexpr size_t kBatchBytes = 256 * 1024;
constexpr size_t kBatchBlocks = 64;

}  // namespace

// One reader's stream. Exactly one of these holds at any time: a task runs Pump, or WhenReadable or
// WhenWritable is armed, or it has ended.
class BlockServer::Reader {
 public:
  enum class Next { kReadable, kWritable, kEnd };

  Reader(BlockServer& server, const PeerId& peer, std::unique_ptr<Stream> stream)
      : server_(server),
        peer_(peer),
        stream_(std::move(stream)),
        frames_(FrameReader::Framing::kSized, kMaxBlocksMessage) {}

  const PeerId& peer() const { return peer_; }
  Stream& stream() { return *stream_; }
  Time last_use() const { return absl::FromUnixMicros(last_use_micros_.load()); }

  // Answers until it would have to wait.
  Next Pump() {
    Touch();
    for (;;) {
      if (!pending_.empty()) {
        const absl::Status sent = stream_->Write(pending_, absl::InfinitePast());
        if (absl::IsDeadlineExceeded(sent)) return Next::kWritable;
        if (!sent.ok()) return Next::kEnd;
        pending_.clear();
        Touch();
      } else if (!wanted_.empty()) {
        FillFromStore();
      } else {
        absl::StatusOr<FrameReader::Progress> progress = frames_.Poll(*stream_);
        if (!progress.ok()) return Next::kEnd;
        if (*progress == FrameReader::Progress::kMore) return Next::kReadable;
        if (*progress == FrameReader::Progress::kEnd) {
          stream_->CloseWrite();
          return Next::kEnd;
        }
        if (!Take(frames_.Take())) return Next::kEnd;
      }
    }
  }

 private:
  void Touch() { last_use_micros_ = absl::ToUnixMicros(server_.runtime_.Now()); }

  // False for a request that breaks the protocol.
  bool Take(const Bytes& message) {
    wire::BlocksRequest request;
    if (!request.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
        static_cast<size_t>(request.have_size()) > kMaxIdsPerRequest ||
        wanted_.size() + static_cast<size_t>(request.want_size()) > kMaxQueuedPerStream) {
      return false;
    }
    if (request.have_size() > 0 && !AnswerHave(request)) return false;
    for (const std::string& want : request.want()) {
      absl::StatusOr<Multihash> id = Multihash::FromBinary(AsBytes(want));
      if (!id.ok()) return false;
      wanted_.push_back(*std::move(id));
    }
    return true;
  }

  bool AnswerHave(const wire::BlocksRequest& request) {
    std::vector<Multihash> ids;
    for (const std::string& have : request.have()) {
      absl::StatusOr<Multihash> id = Multihash::FromBinary(AsBytes(have));
      if (!id.ok()) return false;
      ids.push_back(*std::move(id));
    }
    std::vector<int64_t> sizes(ids.size(), -1);
    if (!server_.blocks_.Has(ids, sizes).ok()) return false;
    std::string bitmap = NewBitmap(ids.size());
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] >= 0) SetBit(bitmap, i);
    }
    wire::BlocksAnswer answer;
    answer.set_bitmap(std::move(bitmap));
    pending_.push_back(FramedMessage(answer.SerializeAsString()));
    return true;
  }

  void FillFromStore() {
    std::vector<Multihash> ids;
    std::vector<int64_t> sizes(std::min(wanted_.size(), kBatchBlocks), -1);
    ids.assign(wanted_.begin(), wanted_.begin() + static_cast<ptrdiff_t>(sizes.size()));
    if (!server_.blocks_.Has(ids, sizes).ok()) std::fill(sizes.begin(), sizes.end(), -1);
    size_t count = 0;
    for (size_t bytes = 0; count < ids.size() && (count == 0 || bytes < kBatchBytes); ++count) {
      bytes += sizes[count] < 0 ? 0 : static_cast<size_t>(sizes[count]);
    }
    ids.resize(count);
    wanted_.erase(wanted_.begin(), wanted_.begin() + static_cast<ptrdiff_t>(count));
    std::vector<absl::StatusOr<Bytes>> blocks(count, absl::NotFoundError(""));
    server_.blocks_.Get(ids, std::span(blocks));
    for (absl::StatusOr<Bytes>& block : blocks) {
      wire::BlocksAnswer answer;
      if (block.ok()) {
        answer.set_size(static_cast<uint32_t>(block->size()));
      } else {
        answer.set_status(absl::IsNotFound(block.status()) ? wire::BlocksAnswer::NOT_FOUND
                                                           : wire::BlocksAnswer::DAMAGED);
      }
      pending_.push_back(FramedMessage(answer.SerializeAsString()));
      if (block.ok() && !block->empty()) pending_.push_back(*std::move(block));
    }
  }

  BlockServer& server_;
  const PeerId peer_;
  const std::unique_ptr<Stream> stream_;
  FrameReader frames_;
  std::deque<Multihash> wanted_;
  std::vector<Bytes> pending_;  // Answers that wait for room on the stream.
  std::atomic<int64_t> last_use_micros_{0};
};

BlockServer::BlockServer(Runtime& runtime, BlockService& blocks, Messenger& messenger)
    : runtime_(runtime),
      blocks_(blocks),
      messenger_(messenger),
      tasks_(runtime.tasks(), runtime.NewEvent()) {}

BlockServer::~BlockServer() { Stop(); }

absl::Status BlockServer::Start() {
  sweep_ = runtime_.tasks().Every("sweep block readers", kIdleLimit / 4, [this] { Sweep(); });
  L2P_ASSIGN_OR_RETURN(
      serving_, messenger_.ServeStreams(kBlocksProtocol,
                                        [this](const Caller& from, std::unique_ptr<Stream> stream) {
                                          Accept(from, std::move(stream));
                                        }));
  return absl::OkStatus();
}

void BlockServer::Stop() {
  serving_.reset();
  sweep_.reset();
  std::vector<std::shared_ptr<Reader>> readers;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    readers.swap(readers_);
    by_peer_.clear();
  }
  for (const auto& reader : readers) reader->stream().Reset();
  tasks_.Join();
}

void BlockServer::Accept(const Caller& from, std::unique_ptr<Stream> stream) {
  auto reader = std::make_shared<Reader>(*this, from.peer, std::move(stream));
  bool refused = false;
  {
    MutexLock lock(mutex_);
    size_t& of_peer = by_peer_[from.peer];
    refused = stopped_ || readers_.size() >= kMaxStreams || of_peer >= kMaxStreamsPerPeer;
    if (!refused) {
      ++of_peer;
      readers_.push_back(reader);
    } else if (of_peer == 0) {
      by_peer_.erase(from.peer);
    }
  }
  if (refused) {
    reader->stream().Reset();
    return;
  }
  Resume(reader);
}

void BlockServer::Resume(const std::shared_ptr<Reader>& reader) {
  const auto again = [this, reader] {
    // Called on an I/O thread, perhaps from within the arming call.
    if (!tasks_.Start("serve blocks", [this, reader] { Resume(reader); }).ok()) {
      reader->stream().Reset();
    }
  };
  switch (reader->Pump()) {
    case Reader::Next::kReadable:
      reader->stream().WhenReadable(again);
      return;
    case Reader::Next::kWritable:
      reader->stream().WhenWritable(again);
      return;
    case Reader::Next::kEnd:
      End(reader);
      return;
  }
}

void BlockServer::End(const std::shared_ptr<Reader>& reader) {
  MutexLock lock(mutex_);
  if (std::erase(readers_, reader) == 0) return;
  const auto of_peer = by_peer_.find(reader->peer());
  if (of_peer != by_peer_.end() && --of_peer->second == 0) by_peer_.erase(of_peer);
}

void BlockServer::Sweep() {
  const Time oldest = runtime_.Now() - kIdleLimit;
  std::vector<std::shared_ptr<Reader>> idle;
  {
    MutexLock lock(mutex_);
    for (const auto& reader : readers_) {
      if (reader->last_use() < oldest) idle.push_back(reader);
    }
  }
  for (const auto& reader : idle) {
    // Nothing is called after Reset, so an armed wait never resumes this reader.
    reader->stream().Reset();
    End(reader);
  }
}

}  // namespace l2p
