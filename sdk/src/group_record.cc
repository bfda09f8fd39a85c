// signed  := 1 bytes body   2 bytes signature                 (Ed25519, of context || body)
// record  := signed, context "l2p group record:"
//   body  := 1 bytes group   2 bytes spec (text)   3 bytes sidecar (multihash; absent: whole
//   copies)
//            4 bytes* holder (peer id, by place; empty: not taken)   5 bytes owner's PublicKey
//            6 varint issued (Unix seconds)   7 varint until (Unix seconds; absent: for ever)
// receipt := signed, context "l2p receipt:"
//   body  := 1 bytes group   2 bytes holder's PublicKey   3 bytes list root   4 varint blocks
//            5 varint bytes   6 varint issued   7 varint until (as above)
// file    := "l2p receipts 1\n" "id " CID "\n" ("receipt " base64url multibase "\n")*
//            "sha256 " hex of SHA-256 of all before this line "\n"
//
// Protobuf wire format, fields in this order and each of them present unless said otherwise.
#include "l2p/group_record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "l2p/hash_tree.h"
#include "l2p/multibase.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr char kRecordContext[] = "l2p group record:";
constexpr char kReceiptContext[] = "l2p receipt:";
constexpr char kFileHead[] = "l2p receipts 1";
constexpr char kDigestMark[] = "sha256 ";
// Times that a varint and absl::Time both hold.
constexpr uint64_t kLastSecond = uint64_t{1} << 40;

absl::StatusOr<std::string> Seal(std::string_view context, std::string_view body,
                                 const Identity& signer) {
  L2P_ASSIGN_OR_RETURN(const std::string signature,
                       signer.Sign(AsBytes(absl::StrCat(av(context), av(body)))));
  std::string out;
  AppendWireBytes(1, body, out);
  AppendWireBytes(2, signature, out);
  return out;
}

struct Sealed {
  ByteView body;
  ByteView signature;
};

absl::StatusOr<Sealed> Unseal(std::string_view what, ByteView bytes, size_t most) {
  ByteView rest = bytes;
  const std::optional<WireField> body = bytes.size() <= most ? TakeWireField(rest) : std::nullopt;
  const std::optional<WireField> signature = body ? TakeWireField(rest) : std::nullopt;
  if (!signature || !rest.empty() || !body->Is(1, WireType::kBytes) ||
      !signature->Is(2, WireType::kBytes)) {
    return absl::InvalidArgumentError(absl::StrCat(av(what), ": malformed"));
  }
  return Sealed{body->bytes, signature->bytes};
}

absl::Status CheckSignature(const Crypto& crypto, std::string_view what, std::string_view context,
                            std::string_view key, const Sealed& sealed) {
  const std::string message = absl::StrCat(av(context), av(AsText(sealed.body)));
  return WithContext(crypto.Verify(AsBytes(key), AsBytes(message), sealed.signature), what);
}

void AppendTime(uint32_t number, Time time, std::string& out) {
  if (time == absl::InfiniteFuture()) return;
  AppendWireVarint(number, static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(time))),
                   out);
}

bool ReadTime(uint64_t seconds, Time& time) {
  if (seconds > kLastSecond) return false;
  time = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
  return true;
}

std::string BodyOf(const GroupRecord& record) {
  std::string body;
  AppendWireBytes(1, record.group.bytes(), body);
  AppendWireBytes(2, record.spec.ToString(), body);
  if (!record.sidecar.empty()) AppendWireBytes(3, record.sidecar.bytes(), body);
  for (const PeerId& holder : record.holders) AppendWireBytes(4, holder.bytes(), body);
  AppendWireBytes(5, record.owner_key, body);
  AppendTime(6, record.issued, body);
  AppendTime(7, record.until, body);
  return body;
}

absl::Status ReadRecordField(const WireField& field, GroupRecord& record) {
  if (field.Is(1, WireType::kBytes)) {
    L2P_ASSIGN_OR_RETURN(record.group, Multihash::FromBinary(field.bytes));
  } else if (field.Is(2, WireType::kBytes)) {
    L2P_ASSIGN_OR_RETURN(record.spec, Redundancy::Parse(AsText(field.bytes)));
  } else if (field.Is(3, WireType::kBytes)) {
    L2P_ASSIGN_OR_RETURN(record.sidecar, Multihash::FromBinary(field.bytes));
  } else if (field.Is(4, WireType::kBytes)) {
    PeerId holder;
    if (!field.bytes.empty()) {
      L2P_ASSIGN_OR_RETURN(holder, PeerId::FromBinary(field.bytes));
    }
    record.holders.push_back(std::move(holder));
  } else if (field.Is(5, WireType::kBytes)) {
    record.owner_key = AsText(field.bytes);
  } else if (!(field.Is(6, WireType::kVarint) && ReadTime(field.value, record.issued)) &&
             !(field.Is(7, WireType::kVarint) && ReadTime(field.value, record.until))) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected field ", field.number));
  }
  return absl::OkStatus();
}

std::string BodyOf(const Receipt& receipt) {
  std::string body;
  AppendWireBytes(1, receipt.group.bytes(), body);
  AppendWireBytes(2, receipt.holder_key, body);
  AppendWireBytes(3, AsText(receipt.list_root), body);
  AppendWireVarint(4, receipt.blocks, body);
  AppendWireVarint(5, receipt.bytes, body);
  AppendTime(6, receipt.issued, body);
  AppendTime(7, receipt.until, body);
  return body;
}

absl::Status ReadReceiptField(const WireField& field, Receipt& receipt) {
  if (field.Is(1, WireType::kBytes)) {
    L2P_ASSIGN_OR_RETURN(receipt.group, Multihash::FromBinary(field.bytes));
  } else if (field.Is(2, WireType::kBytes)) {
    receipt.holder_key = AsText(field.bytes);
  } else if (field.Is(3, WireType::kBytes) && field.bytes.size() == sizeof(Sha256Digest)) {
    std::copy(field.bytes.begin(), field.bytes.end(), receipt.list_root.begin());
  } else if (field.Is(4, WireType::kVarint)) {
    receipt.blocks = field.value;
  } else if (field.Is(5, WireType::kVarint)) {
    receipt.bytes = field.value;
  } else if (!(field.Is(6, WireType::kVarint) && ReadTime(field.value, receipt.issued)) &&
             !(field.Is(7, WireType::kVarint) && ReadTime(field.value, receipt.until))) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected field ", field.number));
  }
  return absl::OkStatus();
}

// Reads a body with `read_field`, and takes it only in the one form that BodyOf gives it.
template <typename Value>
absl::StatusOr<Value> ReadBody(std::string_view what, ByteView body,
                               absl::Status (*read_field)(const WireField&, Value&)) {
  Value value;
  for (ByteView rest = body; !rest.empty();) {
    const std::optional<WireField> field = TakeWireField(rest);
    if (!field) return absl::InvalidArgumentError(absl::StrCat(av(what), ": malformed"));
    L2P_RETURN_IF_ERROR(WithContext(read_field(*field, value), what));
  }
  if (!Equal(AsBytes(BodyOf(value)), body)) {
    return absl::InvalidArgumentError(absl::StrCat(av(what), ": not in its canonical form"));
  }
  return value;
}

}  // namespace

absl::StatusOr<std::string> SignGroupRecord(GroupRecord record, const Identity& owner) {
  record.owner_key = AsText(owner.public_key());
  return Seal(kRecordContext, BodyOf(record), owner);
}

absl::StatusOr<GroupRecord> OpenGroupRecord(const Crypto& crypto, ByteView bytes) {
  constexpr char kWhat[] = "group record";
  L2P_ASSIGN_OR_RETURN(const Sealed sealed, Unseal(kWhat, bytes, GroupRecord::kMaxBytes));
  L2P_ASSIGN_OR_RETURN(GroupRecord record,
                       ReadBody<GroupRecord>(kWhat, sealed.body, ReadRecordField));
  if (record.group.empty() || record.spec.holders == 0 ||
      record.holders.size() > Redundancy::kMaxHolders ||
      (!record.sidecar.empty() && !record.spec.coded())) {
    return absl::InvalidArgumentError("group record: it contradicts itself");
  }
  L2P_RETURN_IF_ERROR(CheckSignature(crypto, kWhat, kRecordContext, record.owner_key, sealed));
  return record;
}

Sha256Digest ListRoot(const Crypto& crypto, const Group& share) {
  std::vector<std::string> items;
  for (const std::vector<BlockRef>* list : {&share.nodes, &share.leaves}) {
    for (const BlockRef& block : *list) AppendPacked(block, items.emplace_back());
  }
  std::vector<ByteView> views;
  for (const std::string& item : items) views.push_back(AsBytes(item));
  return TreeRootOfItems(crypto, views);
}

absl::StatusOr<std::string> SignReceipt(Receipt receipt, const Identity& holder) {
  receipt.holder_key = AsText(holder.public_key());
  return Seal(kReceiptContext, BodyOf(receipt), holder);
}

absl::StatusOr<Receipt> OpenReceipt(const Crypto& crypto, ByteView bytes) {
  constexpr char kWhat[] = "receipt";
  L2P_ASSIGN_OR_RETURN(const Sealed sealed, Unseal(kWhat, bytes, Receipt::kMaxBytes));
  L2P_ASSIGN_OR_RETURN(Receipt receipt, ReadBody<Receipt>(kWhat, sealed.body, ReadReceiptField));
  if (receipt.group.empty()) return absl::InvalidArgumentError("receipt: it names no group");
  L2P_RETURN_IF_ERROR(CheckSignature(crypto, kWhat, kReceiptContext, receipt.holder_key, sealed));
  return receipt;
}

std::string EncodeReceiptFile(const Crypto& crypto, const ReceiptFile& file) {
  std::string text = absl::StrCat(kFileHead, "\nid ", file.id.ToString(), "\n");
  for (const std::string& receipt : file.receipts) {
    absl::StrAppend(&text, "receipt ", EncodeMultibase('u', AsBytes(receipt)), "\n");
  }
  const ByteView all = AsBytes(text);
  absl::StrAppend(&text, kDigestMark, ToHex(crypto.Sha256({&all, 1})), "\n");
  return text;
}

absl::StatusOr<ReceiptFile> ParseReceiptFile(const Crypto& crypto, std::string_view text) {
  ReceiptFile file;
  const std::vector<absl::string_view> lines = absl::StrSplit(av(text), '\n');
  if (lines.empty() || lines[0] != kFileHead) {
    return absl::InvalidArgumentError(absl::StrCat("it does not begin with '", kFileHead, "'"));
  }
  for (absl::string_view line : lines) {
    if (absl::ConsumePrefix(&line, "id ")) {
      const absl::StatusOr<Cid> id = Cid::FromString({line.data(), line.size()});
      if (id.ok()) file.id = *id;
    } else if (absl::ConsumePrefix(&line, "receipt ")) {
      absl::StatusOr<std::string> receipt = DecodeMultibase({line.data(), line.size()});
      if (receipt.ok()) file.receipts.push_back(*std::move(receipt));
    }
  }
  if (file.id.empty() || EncodeReceiptFile(crypto, file) != text) {
    return absl::DataLossError("it has been changed: its last line does not fit the others");
  }
  return file;
}

}  // namespace l2p
