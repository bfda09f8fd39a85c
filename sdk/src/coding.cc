#include "l2p/coding.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "l2p/hash_tree.h"

namespace l2p {
namespace {

// Bytes of pieces that are made at a time while a group is being named.
constexpr size_t kNamedAtOnce = 8 << 20;

// Room for a piece. Never waits: coding that waited for memory it holds itself would wait for ever.
Buffer Room(const CodingParts& parts, size_t bytes) {
  if (bytes == 0 || parts.memory == nullptr) return Buffer::Unbudgeted(bytes);
  absl::StatusOr<Buffer> buffer = parts.memory->TryTake(bytes);
  return buffer.ok() ? *std::move(buffer) : Buffer::Unbudgeted(bytes);
}

void ForEach(const CodingParts& parts, size_t count, const std::function<void(size_t)>& work) {
  if (parts.tasks != nullptr) return parts.tasks->Parallel(count, work);
  for (size_t i = 0; i < count; ++i) work(i);
}

ErasureCode CodeOf(const Sidecar& sidecar) {
  return *ErasureCode::Make(sidecar.needed(), sidecar.pieces());
}

std::vector<Buffer> Compute(const CodingParts& parts, const Sidecar& sidecar, size_t stripe,
                            std::span<const LentPiece> have, std::span<const size_t> wanted) {
  const uint32_t length = sidecar.stripes()[stripe].length;
  std::vector<Buffer> made;
  std::vector<MutableByteView> out;
  for (size_t i = 0; i < wanted.size(); ++i) {
    made.push_back(Room(parts, length));
    out.push_back(made.back().span());
  }
  CodeOf(sidecar).Compute(length, have, wanted, out, parts.tasks);
  return made;
}

// The leaves of a stripe, read, as its data pieces. Lives as long as what it lends.
struct ReadStripe {
  std::vector<Bytes> leaves;
  std::vector<LentPiece> data;
};

absl::StatusOr<ReadStripe> Read(const Sidecar& sidecar, size_t stripe, const BlockReader& read) {
  std::vector<Multihash> ids;
  std::vector<size_t> sizes;
  for (const uint32_t leaf : sidecar.stripes()[stripe].AllLeaves()) {
    ids.push_back(sidecar.group().leaves[leaf].id);
    sizes.push_back(sidecar.group().leaves[leaf].size);
  }
  std::vector<absl::StatusOr<Bytes>> out(ids.size(), absl::NotFoundError("it was not read"));
  read(ids, out);
  ReadStripe result;
  std::vector<ByteView> views;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (out[i].ok() && out[i]->size() != sizes[i]) {
      out[i] =
          absl::DataLossError(absl::StrCat("it has not the ", sizes[i], " bytes of its group"));
    }
    if (!out[i].ok()) {
      return WithContext(out[i].status(), absl::StrCat("block ", ids[i].ToString()));
    }
    result.leaves.push_back(*std::move(out[i]));
    views.push_back(result.leaves.back().view());
  }
  result.data = DataPieces(sidecar.stripes()[stripe], sidecar.needed(), views);
  return result;
}

absl::Status NameStripe(const CodingParts& parts, size_t stripe, const BlockReader& read,
                        Sidecar& sidecar) {
  L2P_ASSIGN_OR_RETURN(const ReadStripe from, Read(sidecar, stripe, read));
  const uint32_t length = sidecar.stripes()[stripe].length;
  if (!sidecar.stripes()[stripe].sliced) {
    ForEach(parts, sidecar.needed(), [&](size_t i) {
      sidecar.Name(stripe, i, {}, TreeRoot(parts.crypto, from.data[i].parts));
    });
  }
  const size_t at_once = std::max<size_t>(1, kNamedAtOnce / length);
  for (size_t first = sidecar.stripes()[stripe].sliced ? 0 : sidecar.needed();
       first < sidecar.pieces(); first += at_once) {
    std::vector<size_t> wanted;
    for (size_t i = first; i < std::min(first + at_once, sidecar.pieces()); ++i)
      wanted.push_back(i);
    const std::vector<Buffer> made = Compute(parts, sidecar, stripe, from.data, wanted);
    ForEach(parts, wanted.size(), [&](size_t i) {
      const ByteView piece = made[i].view();
      sidecar.Name(stripe, wanted[i], parts.crypto.Sha256({&piece, 1}),
                   TreeRoot(parts.crypto, {&piece, 1}));
    });
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LentPiece>> Lend(const Sidecar& sidecar, size_t stripe,
                                            std::span<const HeldPiece> have) {
  if (have.size() != sidecar.needed()) {
    return absl::InvalidArgumentError(
        absl::StrCat(have.size(), " of ", sidecar.needed(), " pieces are given"));
  }
  std::vector<LentPiece> lent;
  std::vector<bool> seen(sidecar.pieces());
  for (const HeldPiece& piece : have) {
    if (piece.index >= sidecar.pieces() || seen[piece.index]) {
      return absl::InvalidArgumentError(absl::StrCat("piece ", piece.index, " is none or twice"));
    }
    seen[piece.index] = true;
    const std::vector<BlockRef> blocks = sidecar.BlocksOf(stripe, piece.index);
    LentPiece as_parts{piece.index, {}};
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (piece.blocks.size() != blocks.size() || piece.blocks[i].size() != blocks[i].size) {
        return absl::InvalidArgumentError(
            absl::StrCat("piece ", piece.index, " has blocks of the wrong sizes"));
      }
      as_parts.parts.push_back(piece.blocks[i].view());
    }
    lent.push_back(std::move(as_parts));
  }
  return lent;
}

// The leaves that a sliced stripe holds, out of its K slices one behind another.
std::vector<RestoredLeaf> Unslice(const CodingParts& parts, const Sidecar& sidecar, size_t stripe,
                                  const std::vector<Bytes>& slices) {
  std::vector<RestoredLeaf> leaves;
  size_t slice = 0;
  size_t offset = 0;
  for (const uint32_t leaf : sidecar.stripes()[stripe].AllLeaves()) {
    Buffer buffer = Room(parts, sidecar.group().leaves[leaf].size);
    for (size_t filled = 0; filled < buffer.size();) {
      const size_t now = std::min(buffer.size() - filled, slices[slice].size() - offset);
      std::memcpy(buffer.data() + filled, slices[slice].data() + offset, now);
      filled += now;
      offset += now;
      if (offset == slices[slice].size()) {
        ++slice;
        offset = 0;
      }
    }
    leaves.push_back({leaf, std::move(buffer).Freeze()});
  }
  return leaves;
}

}  // namespace

absl::StatusOr<Sidecar> MakeSidecar(const CodingParts& parts, const Group& group, size_t needed,
                                    size_t pieces, const BlockReader& read) {
  L2P_ASSIGN_OR_RETURN(Sidecar sidecar, Sidecar::ForGroup(group, needed, pieces));
  for (size_t stripe = 0; stripe < sidecar.stripes().size(); ++stripe) {
    L2P_RETURN_IF_ERROR(NameStripe(parts, stripe, read, sidecar));
  }
  return sidecar;
}

absl::StatusOr<std::vector<Bytes>> MakePieces(const CodingParts& parts, const Sidecar& sidecar,
                                              size_t stripe, std::span<const size_t> wanted,
                                              const BlockReader& read) {
  L2P_ASSIGN_OR_RETURN(const ReadStripe from, Read(sidecar, stripe, read));
  std::vector<Bytes> pieces;
  for (Buffer& made : Compute(parts, sidecar, stripe, from.data, wanted)) {
    pieces.push_back(std::move(made).Freeze());
  }
  return pieces;
}

absl::StatusOr<std::vector<Bytes>> RestorePieces(const CodingParts& parts, const Sidecar& sidecar,
                                                 size_t stripe, std::span<const HeldPiece> have,
                                                 std::span<const size_t> wanted) {
  L2P_ASSIGN_OR_RETURN(const std::vector<LentPiece> lent, Lend(sidecar, stripe, have));
  std::vector<Bytes> pieces;
  for (Buffer& made : Compute(parts, sidecar, stripe, lent, wanted)) {
    pieces.push_back(std::move(made).Freeze());
  }
  return pieces;
}

absl::StatusOr<std::vector<RestoredLeaf>> RestoreLeaves(const CodingParts& parts,
                                                        const Sidecar& sidecar, size_t stripe,
                                                        std::span<const HeldPiece> have) {
  std::vector<const HeldPiece*> data(sidecar.needed());
  for (const HeldPiece& piece : have) {
    if (piece.index < sidecar.needed()) data[piece.index] = &piece;
  }
  std::vector<size_t> wanted;
  for (size_t i = 0; i < data.size(); ++i) {
    if (data[i] == nullptr) wanted.push_back(i);
  }
  L2P_ASSIGN_OR_RETURN(const std::vector<Bytes> made,
                       RestorePieces(parts, sidecar, stripe, have, wanted));
  if (sidecar.stripes()[stripe].sliced) {
    std::vector<Bytes> slices;
    for (size_t i = 0, next = 0; i < data.size(); ++i) {
      slices.push_back(data[i] != nullptr ? data[i]->blocks[0] : made[next++]);
    }
    return Unslice(parts, sidecar, stripe, slices);
  }
  std::vector<RestoredLeaf> leaves;
  for (size_t i = 0; i < wanted.size(); ++i) {
    size_t offset = 0;
    for (const uint32_t leaf : sidecar.stripes()[stripe].leaves[wanted[i]]) {
      const size_t size = sidecar.group().leaves[leaf].size;
      leaves.push_back({leaf, made[i].Slice(offset, size)});
      offset += size;
    }
  }
  return leaves;
}

}  // namespace l2p
