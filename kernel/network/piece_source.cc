#include "kernel/network/piece_source.h"

namespace l2p {
namespace {

// Pieces that wait for their holders may take this part of the memory budget. The holder that falls
// behind has its pieces coded anew, one by one.
constexpr size_t kKeptShare = 4;

}  // namespace

absl::StatusOr<std::unique_ptr<PieceSource>> PieceSource::Open(Parts parts, Group group,
                                                               const Redundancy& redundancy) {
  std::unique_ptr<PieceSource> source(new PieceSource(parts, std::move(group), redundancy));
  if (redundancy.coded()) L2P_RETURN_IF_ERROR(source->Code());
  return source;
}

PieceSource::PieceSource(Parts parts, Group group, const Redundancy& redundancy)
    : parts_(parts),
      group_(std::move(group)),
      redundancy_(redundancy),
      changed_(parts.runtime.NewEvent()) {}

absl::Status PieceSource::Code() {
  L2P_ASSIGN_OR_RETURN(
      coded_, MakeSidecar({parts_.crypto, &parts_.runtime.tasks(), &parts_.memory}, group_,
                          redundancy_.needed, redundancy_.holders, parts_.blocks.Reader()));
  sidecar_bytes_ = Bytes::Of(coded_->Encode());
  const ByteView bytes = sidecar_bytes_.view();
  L2P_ASSIGN_OR_RETURN(
      sidecar_id_, Multihash::FromDigest(HashCode::kSha2_256, parts_.crypto.Sha256({&bytes, 1})));
  for (size_t s = 0; s < coded_->stripes().size(); ++s) {
    for (size_t i = 0; i < coded_->pieces(); ++i) {
      if (coded_->IsBlock(s, i)) pieces_.emplace(coded_->BlocksOf(s, i)[0].id, Piece(s, i));
    }
  }
  return absl::OkStatus();
}

Group PieceSource::ShareOf(size_t place) const {
  if (!coded_) return group_;
  Group share = coded_->ShareOf(place);
  share.leaves.push_back({sidecar_id_, static_cast<uint32_t>(sidecar_bytes_.size())});
  return share;
}

uint64_t PieceSource::bytes() const {
  uint64_t sum = 0;
  for (size_t place = 0; place < redundancy_.holders; ++place) sum += ShareOf(place).bytes();
  return sum;
}

void PieceSource::Read(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  std::vector<Multihash> stored;
  std::vector<size_t> stored_at;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (coded_ && ids[i] == sidecar_id_) {
      out[i] = sidecar_bytes_;
    } else if (const auto piece = pieces_.find(ids[i]); piece != pieces_.end()) {
      out[i] = Make(piece->second);
    } else {
      stored.push_back(ids[i]);
      stored_at.push_back(i);
    }
  }
  std::vector<absl::StatusOr<Bytes>> read(stored.size(), absl::NotFoundError(""));
  parts_.blocks.Get(stored, read);
  for (size_t i = 0; i < read.size(); ++i) out[stored_at[i]] = std::move(read[i]);
}

absl::StatusOr<Bytes> PieceSource::Make(Piece piece) {
  std::optional<Bytes> ready;
  std::vector<Piece> wanted;
  Await(mutex_, *changed_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
    if (const auto found = made_.find(piece); found != made_.end()) {
      ready = std::move(found->second);
      made_bytes_ -= ready->size();
      made_.erase(found);
      return true;
    }
    if (making_) return false;
    making_ = true;
    wanted = {piece};
    // The others' holders will be here soon.
    const bool first = begun_.insert(piece.first).second;
    for (size_t i = 0; first && i < coded_->pieces(); ++i) {
      if (i != piece.second && coded_->IsBlock(piece.first, i)) wanted.emplace_back(piece.first, i);
    }
    return true;
  });
  if (ready) return *std::move(ready);
  std::vector<size_t> indexes;
  for (const Piece& one : wanted) indexes.push_back(one.second);
  const absl::StatusOr<std::vector<Bytes>> made =
      MakePieces({parts_.crypto, &parts_.runtime.tasks(), &parts_.memory}, *coded_, piece.first,
                 indexes, parts_.blocks.Reader());
  MutexLock lock(mutex_);
  making_ = false;
  changed_->Set();
  L2P_RETURN_IF_ERROR(made.status());
  Keep(wanted, *made);
  return made->front();
}

void PieceSource::Keep(const std::vector<Piece>& pieces, const std::vector<Bytes>& made) {
  for (size_t i = 1; i < pieces.size(); ++i) {
    made_bytes_ += made[i].size();
    made_.emplace(pieces[i], made[i]);
  }
  const size_t most = parts_.memory.limit() / kKeptShare;
  while (made_bytes_ > most && made_.begin()->first.first != pieces[0].first) {
    made_bytes_ -= made_.begin()->second.size();
    made_.erase(made_.begin());
  }
}

}  // namespace l2p
