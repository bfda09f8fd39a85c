#include "kernel/network/holder_task.h"

#include "absl/strings/str_cat.h"
#include "kernel/network/block_server.h"
#include "kernel/network/exchange.pb.h"
#include "kernel/network/stream_io.h"

namespace l2p {
namespace {

constexpr Duration kGlance = absl::Milliseconds(250);  // Between looks at whether to go on waiting.
constexpr Duration kIdleLimit = absl::Seconds(40);     // The server closes after 60.
constexpr Duration kWriteLimit = absl::Seconds(10);
constexpr Duration kMemoryLimit = absl::Seconds(1);

}  // namespace

HolderTask::HolderTask(FetchSession& session, FetchSession::Holder& holder)
    : session_(session),
      holder_(holder),
      last_progress_(session.parts_.runtime.Now()),
      first_since_(last_progress_) {}

void HolderTask::Run() {
  absl::StatusOr<std::shared_ptr<Stream>> stream = session_.Enter(holder_);
  absl::Status ended = stream.status();
  if (stream.ok()) {
    stream_ = *std::move(stream);
    ended = Converse();
  }
  session_.Leave(holder_, ended, wrong_);
}

absl::Status HolderTask::Converse() {
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const bool go_on, Ask());
    if (!go_on) {
      stream_->CloseWrite();
      return absl::OkStatus();
    }
    if (!questions_.empty()) L2P_RETURN_IF_ERROR(Hear());
  }
}

absl::StatusOr<bool> HolderTask::Ask() {
  std::vector<Multihash> have;
  std::vector<Multihash> want;
  if (!session_.TakeWork(holder_, have, want)) return false;
  const Time now = session_.parts_.runtime.Now();
  if (have.empty() && want.empty()) {
    if (!questions_.empty()) return true;
    if (now - last_progress_ > kIdleLimit) return false;
    // TakeWork is asked again after the Reset, so nothing set in between is missed.
    holder_.work->Reset();
    if (!session_.TakeWork(holder_, have, want)) return false;
    if (have.empty() && want.empty()) {
      holder_.work->Wait(now + kIdleLimit / 4);
      return true;
    }
  }
  const bool alone = questions_.empty();
  if (alone) last_progress_ = first_since_ = now;
  wire::BlocksRequest request;
  for (const Multihash& id : have) request.add_have(id.bytes());
  for (const Multihash& id : want) request.add_want(id.bytes());
  if (!have.empty()) questions_.push_back({std::move(have), {}, now, alone});
  for (Multihash& id : want) questions_.push_back({{}, std::move(id), now});
  const Bytes message = FramedMessage(request.SerializeAsString());
  L2P_RETURN_IF_ERROR(stream_->Write({&message, 1}, now + kWriteLimit));
  return true;
}

absl::StatusOr<size_t> HolderTask::Read(MutableByteView into) {
  for (;;) {
    absl::StatusOr<size_t> got = stream_->Read(into, session_.parts_.runtime.Now() + kGlance);
    if (!got.ok() && !absl::IsDeadlineExceeded(got.status())) return got;
    if (got.ok()) last_progress_ = session_.parts_.runtime.Now();
    if (!session_.Usable(holder_, last_progress_, got.value_or(0))) {
      return absl::DeadlineExceededError("silent or much slower than the others");
    }
    // Until it is known what one has, what it might have is looked for nowhere else.
    if (!questions_.front().presence.empty() &&
        session_.parts_.runtime.Now() - first_since_ > session_.options_.patience) {
      return absl::UnavailableError("does not come to the end of an answer");
    }
    if (got.ok()) return got;
  }
}

absl::Status HolderTask::Hear() {
  const ReadSome read = [this](MutableByteView into) { return Read(into); };
  L2P_ASSIGN_OR_RETURN(const std::string message, ReadMessage(read, kMaxBlocksMessage));
  const Question question = std::move(questions_.front());
  questions_.pop_front();
  first_since_ = session_.parts_.runtime.Now();
  wire::BlocksAnswer answer;
  if (!answer.ParseFromString(message)) {
    wrong_ = true;
    return absl::InvalidArgumentError("sent a malformed answer");
  }
  if (!question.presence.empty()) {
    session_.NoteBitmap(holder_, question.presence, answer.bitmap(),
                        question.alone ? last_progress_ - question.sent : absl::ZeroDuration());
    return absl::OkStatus();
  }
  if (answer.status() != wire::BlocksAnswer::OK) {
    session_.NoteBlock(holder_, question.block, absl::NotFoundError("the holder lost it"));
    return absl::OkStatus();
  }
  return HearBlock(question.block, answer.size());
}

absl::Status HolderTask::HearBlock(const Multihash& id, uint32_t size) {
  if (size > kMaxBlock) {
    wrong_ = true;
    return absl::InvalidArgumentError(absl::StrCat("sent a block of ", size, " bytes"));
  }
  Buffer buffer = Room(size);
  const ReadSome read = [this](MutableByteView into) { return Read(into); };
  L2P_RETURN_IF_ERROR(ReadExactly(read, buffer.span()));
  const absl::Status right = session_.parts_.blocks.hashers().Verify(id, buffer.view());
  if (!right.ok()) {
    wrong_ = true;
    return absl::DataLossError(absl::StrCat("sent wrong bytes for block ", id.ToString()));
  }
  session_.NoteBlock(holder_, id, std::move(buffer).Freeze());
  return absl::OkStatus();
}

// Memory for one block. A session can always receive one more, whatever others hold: else readers
// that each wait for their next block could wait for ever.
Buffer HolderTask::Room(size_t bytes) {
  if (bytes == 0) return Buffer::Unbudgeted(0);
  absl::StatusOr<Buffer> buffer =
      session_.parts_.memory.Take(bytes, session_.parts_.runtime.Now() + kMemoryLimit);
  return buffer.ok() ? *std::move(buffer) : Buffer::Unbudgeted(bytes);
}

}  // namespace l2p
