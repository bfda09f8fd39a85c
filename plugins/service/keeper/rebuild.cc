#include "rebuild.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace l2p::keeper {
namespace {

constexpr size_t kFetchAtOnce = 4096;

}  // namespace

Rebuild::Rebuild(Host& host, Node& node, const GroupContent& content, std::set<Place> sources,
                 std::vector<Place> wanted, size_t window_bytes, OnFetched on_fetched)
    : host_(host),
      node_(node),
      content_(content),
      sources_(std::move(sources)),
      wanted_(std::move(wanted)),
      on_fetched_(std::move(on_fetched)),
      changed_(host.NewEvent()) {
  const Sidecar& sidecar = *content_.sidecar;
  uint64_t bytes = 0;
  for (size_t s = 0; s < sidecar.stripes().size(); ++s) {
    const uint64_t size = uint64_t{sidecar.stripes()[s].length} * sidecar.needed();
    if (bytes > 0 && bytes + size > window_bytes) {
      window_ends_.push_back(s);
      bytes = 0;
    }
    bytes += size;
    for (const Place place : wanted_) {
      for (const BlockRef& block : sidecar.BlocksOf(s, sidecar.PieceAt(s, place))) {
        window_of_.emplace(block.id, window_ends_.size());
      }
    }
  }
  window_ends_.push_back(sidecar.stripes().size());
}

CodingParts Rebuild::Parts() { return {host_.crypto(), &host_.tasks(), &host_.memory()}; }

BlockReader Rebuild::NewReader() {
  const std::shared_ptr<Reader> reader(new Reader, [this](Reader* ended) { Leave(ended); });
  MutexLock lock(mutex_);
  readers_.insert(reader.get());
  return [this, reader](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
    Read(*reader, ids, out);
  };
}

void Rebuild::Leave(Reader* reader) {
  {
    MutexLock lock(mutex_);
    readers_.erase(reader);
    changed_->Set();
  }
  delete reader;
}

void Rebuild::Read(Reader& reader, std::span<const Multihash> ids,
                   std::span<absl::StatusOr<Bytes>> out) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto window = window_of_.find(ids[i]);
    if (window == window_of_.end()) {  // A node, an empty leaf or the sidecar: every holder's.
      node_.blocks().Get(ids.subspan(i, 1), out.subspan(i, 1));
      continue;
    }
    const absl::StatusOr<std::shared_ptr<const Window>> blocks = WindowOf(reader, window->second);
    if (blocks.ok()) {
      out[i] = (*blocks)->at(ids[i]);
    } else {
      out[i] = blocks.status();
    }
  }
}

absl::StatusOr<std::shared_ptr<const Rebuild::Window>> Rebuild::WindowOf(Reader& reader,
                                                                         size_t window) {
  {
    MutexLock lock(mutex_);
    reader.window = std::max(reader.window, window);
    reader.is_left_behind &= IsBehindOthers(reader);
    changed_->Set();
  }
  std::optional<absl::StatusOr<std::shared_ptr<const Window>>> ready;
  const auto find = [&]() L2P_REQUIRES(mutex_) {
    if (const auto found = windows_.find(window); found != windows_.end()) ready = found->second;
    if (!failure_.ok()) ready = failure_;
    return ready.has_value();
  };
  const auto claim = [&]() L2P_REQUIRES(mutex_) { return !building_ && (building_ = true); };
  const bool together =
      Await(mutex_, *changed_, host_.Now() + kPatience,
            [&]() L2P_REQUIRES(mutex_) { return find() || (!IsAheadOfOthers(window) && claim()); });
  if (!together) {
    Await(mutex_, *changed_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
      if (find() || !claim()) return ready.has_value();
      LeaveOthersBehind(window);
      return true;
    });
  }
  if (ready) return *ready;
  absl::StatusOr<std::shared_ptr<const Window>> made = Build(window);
  MutexLock lock(mutex_);
  building_ = false;
  if (made.ok()) {
    Store(window, *made);
  } else {
    failure_ = made.status();
  }
  changed_->Set();
  return made;
}

// Building the window would drop one that a slower reader still needs.
bool Rebuild::IsAheadOfOthers(size_t window) const {
  return std::any_of(readers_.begin(), readers_.end(), [&](const Reader* reader) {
    return !reader->is_left_behind && reader->window + 1 < window;
  });
}

bool Rebuild::IsBehindOthers(const Reader& reader) const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [&](const Reader* other) { return reader.window + 1 < other->window; });
}

void Rebuild::LeaveOthersBehind(size_t window) {
  for (Reader* reader : readers_) reader->is_left_behind |= reader->window + 1 < window;
}

void Rebuild::Store(size_t window, std::shared_ptr<const Window> blocks) {
  std::set<size_t> in_use;
  bool is_any_left_behind = false;
  for (const Reader* reader : readers_) {
    in_use.insert(reader->window);
    is_any_left_behind |= reader->is_left_behind;
  }
  const size_t most = kWindows + (is_any_left_behind ? 1 : 0);
  while (windows_.size() >= most) {
    const auto unused = std::find_if(windows_.begin(), windows_.end(), [&](const auto& entry) {
      return !in_use.contains(entry.first);
    });
    windows_.erase(unused == windows_.end() ? windows_.begin() : unused);
  }
  windows_[window] = std::move(blocks);
}

absl::StatusOr<std::shared_ptr<const Rebuild::Window>> Rebuild::Build(size_t window) {
  const size_t first = window == 0 ? 0 : window_ends_[window - 1];
  const size_t last = window_ends_[window];
  L2P_ASSIGN_OR_RETURN(const Gathered gathered, Gather(first, last));
  auto made = std::make_shared<Window>();
  for (size_t s = first; s < last; ++s) L2P_RETURN_IF_ERROR(Make(s, gathered, *made));
  return made;
}

absl::StatusOr<Rebuild::Gathered> Rebuild::Gather(size_t first, size_t last) {
  const Sidecar& sidecar = *content_.sidecar;
  Gathered gathered;
  std::set<Multihash> failed;
  const auto is_lost = [&](size_t stripe, size_t index) {
    const std::vector<BlockRef> blocks = sidecar.BlocksOf(stripe, index);
    return std::any_of(blocks.begin(), blocks.end(),
                       [&](const BlockRef& block) { return failed.contains(block.id); });
  };
  for (size_t tries = 0; tries < kTries; ++tries) {
    std::set<Multihash> ids;
    for (size_t s = first; s < last; ++s) {
      // Our own piece costs nothing, and data pieces need no decoding.
      std::vector<size_t> pieces;
      for (const Place place : sources_) pieces.push_back(sidecar.PieceAt(s, place));
      const size_t own = sidecar.PieceAt(s, content_.place);
      std::sort(pieces.begin(), pieces.end(), [&](size_t a, size_t b) {
        return std::pair(a != own, a) < std::pair(b != own, b);
      });
      std::erase_if(pieces, [&](size_t piece) { return is_lost(s, piece); });
      if (pieces.size() < sidecar.needed()) {
        return absl::UnavailableError(absl::StrCat("group ", content_.record.group.ToString(), ": ",
                                                   pieces.size(), " of ", sidecar.needed(),
                                                   " pieces can be had"));
      }
      pieces.resize(sidecar.needed());
      for (const size_t piece : pieces) {
        for (const BlockRef& block : sidecar.BlocksOf(s, piece)) ids.insert(block.id);
      }
      gathered.pieces[s] = std::move(pieces);
    }
    const size_t failures = failed.size();
    L2P_RETURN_IF_ERROR(FetchMissing(ids, gathered.blocks, failed));
    if (failed.size() == failures) return gathered;
  }
  return absl::UnavailableError(absl::StrCat("group ", content_.record.group.ToString(),
                                             ": too many pieces could not be fetched"));
}

absl::Status Rebuild::FetchMissing(const std::set<Multihash>& ids, Window& blocks,
                                   std::set<Multihash>& failed) {
  std::vector<Multihash> missing;
  for (const Multihash& id : ids) {
    if (!blocks.contains(id)) missing.push_back(id);
  }
  std::vector<int64_t> here(missing.size(), -1);
  L2P_RETURN_IF_ERROR(node_.blocks().Has(missing, here));
  for (size_t begin = 0; begin < missing.size(); begin += kFetchAtOnce) {
    const auto some =
        std::span(missing).subspan(begin, std::min(kFetchAtOnce, missing.size() - begin));
    std::vector<absl::StatusOr<Bytes>> got(some.size(), absl::UnknownError(""));
    node_.blocks().Fetch(content_.record.group, some, host_.Now() + kFetchLimit, got);
    uint64_t fetched = 0;
    for (size_t i = 0; i < some.size(); ++i) {
      if (!got[i].ok()) {
        failed.insert(some[i]);
        continue;
      }
      if (here[begin + i] < 0) fetched += got[i]->size();
      blocks[some[i]] = *std::move(got[i]);
    }
    on_fetched_(fetched);
  }
  return absl::OkStatus();
}

absl::Status Rebuild::Make(size_t stripe, const Gathered& gathered, Window& out) {
  const Sidecar& sidecar = *content_.sidecar;
  const auto give = [&](const Multihash& id, const Bytes& data) {
    if (window_of_.contains(id)) out.emplace(id, data);
  };
  std::vector<HeldPiece> have;
  for (const size_t index : gathered.pieces.at(stripe)) {
    HeldPiece& piece = have.emplace_back();
    piece.index = index;
    for (const BlockRef& block : sidecar.BlocksOf(stripe, index)) {
      const Bytes& data = gathered.blocks.at(block.id);
      piece.blocks.push_back(data);
      give(block.id, data);
    }
  }
  L2P_ASSIGN_OR_RETURN(const std::vector<RestoredLeaf> leaves,
                       RestoreLeaves(Parts(), sidecar, stripe, have));
  for (const RestoredLeaf& leaf : leaves) {
    const Multihash& id = sidecar.group().leaves[leaf.leaf].id;
    L2P_RETURN_IF_ERROR(Check(id, leaf.data));
    give(id, leaf.data);
  }
  std::vector<size_t> coded;
  for (const Place place : wanted_) {
    const size_t index = sidecar.PieceAt(stripe, place);
    if (sidecar.IsBlock(stripe, index)) coded.push_back(index);
  }
  L2P_ASSIGN_OR_RETURN(const std::vector<Bytes> pieces,
                       RestorePieces(Parts(), sidecar, stripe, have, coded));
  for (size_t i = 0; i < coded.size(); ++i) {
    const Multihash id = sidecar.BlocksOf(stripe, coded[i]).front().id;
    L2P_RETURN_IF_ERROR(Check(id, pieces[i]));
    give(id, pieces[i]);
  }
  return absl::OkStatus();
}

absl::Status Rebuild::Check(const Multihash& id, const Bytes& data) {
  if (id.code() != HashCode::kSha2_256) {
    // Other functions are the node's own affair: it takes no block that is not what it is called.
    const Block block{id, data};
    return node_.blocks().Put({&block, 1});
  }
  const ByteView view = data;
  const Sha256Digest digest = host_.crypto().Sha256({&view, 1});
  if (Equal(digest, id.digest())) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("group ", content_.record.group.ToString(),
                                          ": the sidecar lies about block ", id.ToString()));
}

}  // namespace l2p::keeper
