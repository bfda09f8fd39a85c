// row      := key part -> a part of the value, at most 1 MiB
// part     := 2 bytes, big-endian, from 0 on
// key      := "p/" group pusher         a promise; both are multihashes, so each ends by itself
//           | "r/" cid                  a root; binary
// promise  := see promise.cc
// root     := field 1 bytes (name)  field 2 varint (size)  field 3 varint (added, nanoseconds)
//             field 4 varint (1: local only)  field 5 bytes (redundancy)  field 6 bytes (group)*
//             field 7 varint (lease, seconds; absent: for ever)
//             field 8 varint (renew at, Unix seconds; absent: never)
//             field 9 varint (1: pinned; 3: nothing but pinned)
//
// One row more, "content-dirty", is there from Open to Close.
#include "kernel/content/holdings_rows.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr size_t kPartBytes = 1 << 20;
constexpr uint64_t kPinned = 1;
constexpr uint64_t kOnlyPinned = 2;
constexpr size_t kPartSuffix = 2;
constexpr size_t kRowsAtOnce = 16;

std::string PartKey(const std::string& key, size_t part) {
  std::string out = key;
  out.push_back(static_cast<char>(part >> 8));
  out.push_back(static_cast<char>(part & 0xff));
  return out;
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("state row of a ", av(what), " is malformed"));
}

absl::Status SetField(const WireField& field, Root& root) {
  switch (field.number) {
    case 1:
      root.name = AsText(field.bytes);
      break;
    case 2:
      root.size = field.value;
      break;
    case 3:
      root.added = absl::FromUnixNanos(static_cast<int64_t>(field.value));
      break;
    case 4:
      root.local_only = field.value != 0;
      break;
    case 5:
      root.redundancy = AsText(field.bytes);
      break;
    case 7:
      root.lease = absl::Seconds(field.value);
      break;
    case 8:
      root.renew_at = absl::FromUnixSeconds(static_cast<int64_t>(field.value));
      break;
    case 9:
      root.pinned = (field.value & kPinned) != 0;
      root.is_file = (field.value & kOnlyPinned) == 0;
      break;
    case 6: {
      absl::StatusOr<Multihash> group = Multihash::FromBinary(field.bytes);
      if (!group.ok()) return Damaged("root");
      root.groups.push_back(*std::move(group));
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PromiseKey(const Multihash& group, const PeerId& pusher) {
  return absl::StrCat(kPromiseRows, group.bytes(), pusher.bytes());
}

std::string RootKey(const Cid& id) { return absl::StrCat(kRootRows, id.ToBinary()); }

std::optional<std::pair<Multihash, PeerId>> ParsePromiseKey(std::string_view key) {
  ByteView rest = AsBytes(key.substr(sizeof kPromiseRows - 1));
  absl::StatusOr<Multihash> group = Multihash::Take(rest);
  if (!group.ok()) return std::nullopt;
  absl::StatusOr<PeerId> pusher = PeerId::FromBinary(rest);
  if (!pusher.ok()) return std::nullopt;
  return std::pair(*std::move(group), *std::move(pusher));
}

std::string EncodeRoot(const Root& root) {
  std::string out;
  AppendWireBytes(1, root.name, out);
  AppendWireVarint(2, root.size, out);
  AppendWireVarint(3, static_cast<uint64_t>(absl::ToUnixNanos(root.added)), out);
  if (root.local_only) AppendWireVarint(4, 1, out);
  AppendWireBytes(5, root.redundancy, out);
  for (const Multihash& group : root.groups) AppendWireBytes(6, group.bytes(), out);
  if (root.lease != absl::InfiniteDuration()) {
    AppendWireVarint(7, static_cast<uint64_t>(absl::ToInt64Seconds(root.lease)), out);
  }
  if (root.renew_at != absl::InfiniteFuture()) {
    AppendWireVarint(8, static_cast<uint64_t>(absl::ToUnixSeconds(root.renew_at)), out);
  }
  const uint64_t flags = (root.pinned ? kPinned : 0) | (root.is_file ? 0 : kOnlyPinned);
  if (flags != 0) AppendWireVarint(9, flags, out);
  return out;
}

absl::StatusOr<Root> DecodeRoot(std::string_view text) {
  Root root;
  ByteView rest = AsBytes(text);
  while (!rest.empty()) {
    const std::optional<WireField> field = TakeWireField(rest);
    if (!field) return Damaged("root");
    L2P_RETURN_IF_ERROR(SetField(*field, root));
  }
  return root;
}

void AppendWrite(const std::string& key, std::string_view value,
                 std::vector<State::Change>& changes) {
  for (size_t part = 0; part == 0 || part * kPartBytes < value.size(); ++part) {
    changes.push_back(
        {PartKey(key, part), std::string(value.substr(part * kPartBytes, kPartBytes))});
  }
}

absl::Status AppendRemoval(State& state, const std::string& key,
                           std::vector<State::Change>& changes) {
  return ForEachRow(state, key, kRowsAtOnce, [&](const State::Row& row) {
    changes.push_back({row.key, std::nullopt});
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> ReadValue(State& state, const std::string& key) {
  std::optional<std::string> found;
  L2P_RETURN_IF_ERROR(ForEachValue(state, key, [&](const std::string&, const std::string& value) {
    found = value;
    return absl::OkStatus();
  }));
  if (!found) return absl::NotFoundError("no such row");
  return *std::move(found);
}

absl::Status ForEachValue(
    State& state, std::string_view prefix,
    const std::function<absl::Status(const std::string& key, const std::string& value)>& visit) {
  std::string key;
  std::string value;
  L2P_RETURN_IF_ERROR(
      ForEachRow(state, prefix, kRowsAtOnce, [&](const State::Row& row) -> absl::Status {
        if (row.key.size() < prefix.size() + kPartSuffix) return Damaged("promise or root");
        std::string row_key = row.key.substr(0, row.key.size() - kPartSuffix);
        if (row_key != key) {
          if (!key.empty()) L2P_RETURN_IF_ERROR(visit(key, value));
          key = std::move(row_key);
          value.clear();
        }
        value += row.value;
        return absl::OkStatus();
      }));
  return key.empty() ? absl::OkStatus() : visit(key, value);
}

}  // namespace l2p
