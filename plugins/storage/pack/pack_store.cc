#include "pack_store.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

using pack::BlockTable;
using pack::Key;
using pack::Location;
using pack::NewRecord;
using pack::RecordShape;

// How often a reader looks again for a block that compaction moves meanwhile. Each move takes a
// whole segment's copy and sync, so the second try all but always finds it.
constexpr int kMostTries = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<PackStore>> PackStore::Open(Host& host,
                                                           pack::PackLog::Options options) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<pack::PackLog> log, pack::PackLog::Open(host, options));
  std::unique_ptr<PackStore> store(new PackStore(host, std::move(log)));
  store->compactor_.Kick();
  return store;
}

void PackStore::Put(std::span<const Block> blocks, std::span<absl::Status> out) {
  std::vector<NewRecord> records;
  std::vector<size_t> places;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    out[i] = absl::OkStatus();
    if (block.id.empty() || block.id.bytes().size() > pack::kMaxId ||
        block.data.size() > kMaxBlock) {
      out[i] = absl::InvalidArgumentError(absl::StrCat(
          "put block: an id of ", block.id.bytes().size(), " and ", block.data.size(), " bytes"));
      continue;
    }
    const Key key = KeyOf(block.id);
    Location now;
    if (log_->Find(key, now) && !now.damaged) continue;
    records.push_back({.key = key, .id = block.id.binary(), .body = block.data});
    places.push_back(i);
  }
  if (records.empty()) return;
  absl::Status status = log_->Replenish();
  if (status.ok()) status = log_->Append(records);
  if (status.ok()) return;
  if (absl::IsResourceExhausted(status)) compactor_.Kick();
  for (size_t k = 0; k < records.size(); ++k) {
    Location now;
    if (!log_->Find(records[k].key, now) || now.damaged) out[places[k]] = status;
  }
}

void PackStore::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  for (size_t i = 0; i < ids.size(); ++i) out[i] = GetBlock(ids[i]);
}

absl::StatusOr<Bytes> PackStore::GetBlock(const Multihash& id) {
  const Key key = KeyOf(id);
  absl::Status status;
  for (int tries = 0; tries < kMostTries; ++tries) {
    Location location;
    if (!log_->Find(key, location)) {
      return absl::NotFoundError(absl::StrCat("block ", id.ToString(), ": not in the pack"));
    }
    absl::StatusOr<Bytes> block = ReadBlock(id, location);
    if (block.ok()) return block;
    status = block.status();
    if (absl::IsDataLoss(status)) log_->MarkDamaged(key, location);
    if (!absl::IsNotFound(status)) break;
  }
  // NotFound here is a segment's file that is gone although its blocks are live.
  if (absl::IsNotFound(status)) status = absl::DataLossError(av(std::string(status.message())));
  return WithContext(status, absl::StrCat("block ", id.ToString()));
}

absl::StatusOr<Bytes> PackStore::ReadBlock(const Multihash& id, const Location& location) {
  L2P_ASSIGN_OR_RETURN(const std::shared_ptr<const File> file, log_->files().Get(location.segment));
  Buffer buffer = Buffer::Unbudgeted(location.shape.record_bytes());
  L2P_ASSIGN_OR_RETURN(const size_t read, file->Read(location.offset(), buffer.span()));
  buffer.Truncate(read);
  const std::optional<RecordShape> shape = pack::ParseRecordHead(buffer.view());
  if (read < location.shape.record_bytes() || !shape.has_value() ||
      shape->what() != location.shape.what() ||
      !Equal(pack::IdOfRecord(buffer.view(), *shape), id.binary()) ||
      !pack::BodyIsWhole(buffer.view(), *shape)) {
    return absl::DataLossError(absl::StrCat(pack::SegmentName(location.segment), " at ",
                                            location.offset(), ": damaged record"));
  }
  return std::move(buffer).Freeze().Slice(shape->body_offset(), shape->body_length());
}

absl::Status PackStore::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  for (size_t i = 0; i < ids.size(); ++i) {
    Location now;
    out[i] = log_->Find(KeyOf(ids[i]), now) ? static_cast<int64_t>(now.shape.body_length()) : -1;
  }
  return absl::OkStatus();
}

void PackStore::Delete(std::span<const Multihash> ids, std::span<absl::Status> out) {
  std::vector<NewRecord> records;
  std::vector<size_t> places;
  for (size_t i = 0; i < ids.size(); ++i) {
    out[i] = absl::OkStatus();
    const Key key = KeyOf(ids[i]);
    Location now;
    if (!log_->Find(key, now)) continue;
    records.push_back({.key = key,
                       .id = ids[i].binary(),
                       .is_delete = true,
                       .when = NewRecord::When::kIfPresent});
    places.push_back(i);
  }
  if (records.empty()) return;
  const absl::Status status = log_->Append(records);
  for (size_t k = 0; k < records.size() && !status.ok(); ++k) {
    Location now;
    if (log_->Find(records[k].key, now)) out[places[k]] = status;
  }
  compactor_.Kick();
}

absl::StatusOr<Multihash> PackStore::ReadId(const BlockTable::Item& item) {
  Location location = item.location;
  absl::Status status;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const auto file = log_->files().Get(location.segment);
    status = file.status();
    if (status.ok()) {
      uint8_t head[pack::kRecordHeader + pack::kMaxId];
      const size_t size = location.shape.body_offset();
      L2P_ASSIGN_OR_RETURN(const size_t read,
                           (*file)->Read(location.offset(), MutableByteView(head, size)));
      const std::optional<RecordShape> shape = pack::ParseRecordHead({head, read});
      if (!shape.has_value()) {
        return absl::DataLossError(absl::StrCat(pack::SegmentName(location.segment), " at ",
                                                location.offset(), ": damaged record"));
      }
      return Multihash::FromBinary(pack::IdOfRecord({head, read}, *shape));
    }
    if (!absl::IsNotFound(status) || !log_->Find(item.key, location)) break;
  }
  return status;
}

absl::StatusOr<BlockStore::Page> PackStore::Scan(const std::string& token, size_t most) {
  // Keys keep their order whatever compaction does to places, so a key is the token.
  Key after;
  if (!token.empty() && token.size() != after.bytes.size()) {
    return absl::InvalidArgumentError("scan: not a token of this store");
  }
  if (most == 0) return absl::InvalidArgumentError("scan: a page of no ids");
  std::copy(token.begin(), token.end(), after.bytes.begin());
  most = std::min(most, kMostPerPage);
  std::vector<BlockTable::Item> items = log_->After(token.empty() ? nullptr : &after, most);
  Page page;
  if (items.size() == most) page.token = AsText(items.back().key.bytes);
  // In the order of the disk.
  std::sort(items.begin(), items.end(), [](const BlockTable::Item& a, const BlockTable::Item& b) {
    return std::tie(a.location.segment, a.location.unit) <
           std::tie(b.location.segment, b.location.unit);
  });
  for (const BlockTable::Item& item : items) {
    absl::StatusOr<Multihash> id = ReadId(item);
    if (id.ok()) {
      page.ids.push_back(*std::move(id));
    } else if (absl::IsDataLoss(id.status())) {
      // One damaged name must not hide all the others for ever.
      host_.Log(Severity::kError, absl::StrCat("scan: ", id.status().ToString()));
    } else if (!absl::IsNotFound(id.status())) {
      return id.status();
    }
  }
  return page;
}

absl::Status PackStore::Sync() {
  while (const std::optional<uint32_t> segment = log_->Distrusted()) {
    L2P_RETURN_IF_ERROR(compactor_.Evacuate(*segment));
  }
  return log_->Sync();
}

}  // namespace l2p
