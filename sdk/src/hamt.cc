// shard  := dag-pb node of links in slot order, unixfs {type 5, data: bitmap, hash 0x22, fanout}
// link   := name = digits entry-name (an entry) | digits (a child shard)
// digits := the slot in upper-case hexadecimal, as many digits as fanout - 1 has
// bitmap := big-endian integer, bit i set when slot i is used, without leading zero bytes
#include "l2p/hamt.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "absl/strings/str_cat.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

constexpr uint32_t kMinHamtFanout = 8;
constexpr int kHashBits = 64;
constexpr char kDigits[] = "0123456789ABCDEF";

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("hamt shard ", av(problem)));
}

uint64_t LittleEndian(const char* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

constexpr uint64_t kMurmur1 = 0x87c37b91114253d5;
constexpr uint64_t kMurmur2 = 0x4cf5ad432745937f;

uint64_t MurmurMix1(uint64_t k) { return std::rotl(k * kMurmur1, 31) * kMurmur2; }
uint64_t MurmurMix2(uint64_t k) { return std::rotl(k * kMurmur2, 33) * kMurmur1; }

uint64_t MurmurFinish(uint64_t k) {
  k = (k ^ k >> 33) * 0xff51afd7ed558ccd;
  k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53;
  return k ^ k >> 33;
}

// The slot that `bits` bits of `hash`, after the first `used`, name.
uint32_t SlotOf(uint64_t hash, int used, int bits) {
  return static_cast<uint32_t>(hash << used >> (kHashBits - bits));
}

int BitsOf(uint32_t fanout) { return std::countr_zero(fanout); }

size_t DigitsOf(uint32_t fanout) { return (BitsOf(fanout) + 3) / 4; }

std::string SlotText(uint32_t slot, uint32_t fanout) {
  std::string text(DigitsOf(fanout), '0');
  for (size_t i = text.size(); i-- > 0; slot >>= 4) text[i] = kDigits[slot & 15];
  return text;
}

std::optional<uint32_t> SlotOfText(std::string_view digits) {
  uint32_t slot = 0;
  for (char digit : digits) {
    const char* found = static_cast<const char*>(std::memchr(kDigits, digit, 16));
    if (found == nullptr) return std::nullopt;
    slot = slot << 4 | static_cast<uint32_t>(found - kDigits);
  }
  return slot;
}

std::string BitmapOf(const std::vector<uint32_t>& slots, uint32_t fanout) {
  std::string bitmap(fanout / 8, '\0');
  for (uint32_t slot : slots) {
    char& byte = bitmap[bitmap.size() - 1 - slot / 8];
    byte = static_cast<char>(byte | 1 << slot % 8);
  }
  bitmap.erase(0, std::min(bitmap.find_first_not_of('\0'), bitmap.size()));
  return bitmap;
}

struct HashedLink {
  uint64_t hash;
  DagLink link;
};

// Builds the shard of `entries` (sorted by hash, equal in the first `used` bits) and those below.
absl::StatusOr<DagLink> BuildShard(std::span<HashedLink> entries, int used,
                                   const StoreShard& store) {
  const int bits = BitsOf(kHamtFanout);
  if (used + bits > kHashBits) {
    return absl::InvalidArgumentError(absl::StrCat("entries \"", entries[0].link.name, "\" and \"",
                                                   entries[1].link.name, "\" hash alike"));
  }
  DagNode node;
  std::vector<uint32_t> slots;
  for (size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    const uint32_t slot = SlotOf(entries[begin].hash, used, bits);
    while (end < entries.size() && SlotOf(entries[end].hash, used, bits) == slot) ++end;
    DagLink link;
    if (end - begin == 1) {
      link = std::move(entries[begin].link);
    } else {
      L2P_ASSIGN_OR_RETURN(link,
                           BuildShard(entries.subspan(begin, end - begin), used + bits, store));
    }
    link.name.insert(0, SlotText(slot, kHamtFanout));
    node.links.push_back(std::move(link));
    slots.push_back(slot);
  }
  UnixFs message;
  message.type = UnixFs::Type::kHamtShard;
  message.data = BitmapOf(slots, kHamtFanout);
  message.hash_type = kHamtHashType;
  message.fanout = kHamtFanout;
  node.data = EncodeUnixFs(message);
  std::string block = EncodeDagPb(node);
  DagLink shard;
  shard.tsize = block.size();
  for (const DagLink& link : node.links) shard.tsize += link.tsize;
  L2P_ASSIGN_OR_RETURN(shard.cid, store(std::move(block)));
  return shard;
}

absl::StatusOr<uint32_t> FanoutOf(const UnixFs& message) {
  if (message.type != UnixFs::Type::kHamtShard) return Bad("is of another unixfs type");
  if (message.hash_type != kHamtHashType) return Bad("does not use murmur3");
  const uint64_t fanout = message.fanout.value_or(0);
  if (fanout < kMinHamtFanout || fanout > kMaxHamtFanout || !std::has_single_bit(fanout)) {
    return Bad(absl::StrCat("has fanout ", fanout));
  }
  return static_cast<uint32_t>(fanout);
}

absl::Status CheckBitmap(const UnixFs& message, const HamtShard& shard) {
  std::string_view bitmap = message.data ? std::string_view(*message.data) : std::string_view();
  if (bitmap.size() > shard.fanout / 8) return Bad("has a bitmap longer than its fanout");
  bitmap.remove_prefix(std::min(bitmap.find_first_not_of('\0'), bitmap.size()));
  std::vector<uint32_t> slots;
  for (const HamtEntry& entry : shard.entries) slots.push_back(entry.slot);
  return bitmap == BitmapOf(slots, shard.fanout)
             ? absl::OkStatus()
             : Bad("has a bitmap that is not that of its links");
}

}  // namespace

uint64_t HamtHash(std::string_view name) {
  uint64_t h1 = 0;
  uint64_t h2 = 0;
  std::string_view rest = name;
  for (; rest.size() >= 16; rest.remove_prefix(16)) {
    h1 ^= MurmurMix1(LittleEndian(rest.data(), 8));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= MurmurMix2(LittleEndian(rest.data() + 8, 8));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  if (rest.size() > 8) h2 ^= MurmurMix2(LittleEndian(rest.data() + 8, rest.size() - 8));
  h1 ^= MurmurMix1(LittleEndian(rest.data(), std::min<size_t>(rest.size(), 8)));
  h1 ^= name.size();
  h2 ^= name.size();
  h1 += h2;
  h2 += h1;
  return MurmurFinish(h1) + MurmurFinish(h2);
}

absl::StatusOr<DagLink> BuildHamt(std::vector<DagLink> entries, const StoreShard& store) {
  std::vector<HashedLink> hashed;
  hashed.reserve(entries.size());
  for (DagLink& entry : entries) {
    L2P_RETURN_IF_ERROR(CheckEntryName(entry.name));
    const uint64_t hash = HamtHash(entry.name);
    hashed.push_back({hash, std::move(entry)});
  }
  std::sort(hashed.begin(), hashed.end(), [](const HashedLink& a, const HashedLink& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.link.name < b.link.name;
  });
  for (size_t i = 1; i < hashed.size(); ++i) {
    if (hashed[i].link.name == hashed[i - 1].link.name) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry name \"", hashed[i].link.name, "\" occurs twice"));
    }
  }
  return BuildShard(hashed, 0, store);
}

absl::StatusOr<HamtShard> DecodeHamtShard(const DagNode& node) {
  L2P_ASSIGN_OR_RETURN(UnixFs message, UnixFsOf(node));
  HamtShard shard;
  L2P_ASSIGN_OR_RETURN(shard.fanout, FanoutOf(message));
  if (node.links.size() > shard.fanout) return Bad("has more links than slots");
  const size_t digits = DigitsOf(shard.fanout);
  shard.entries.reserve(node.links.size());
  for (const DagLink& link : node.links) {
    const std::optional<uint32_t> slot = SlotOfText(std::string_view(link.name).substr(0, digits));
    if (link.name.size() < digits || !slot || *slot >= shard.fanout) {
      return Bad("has a link whose name does not start with a slot");
    }
    if (!shard.entries.empty() && *slot <= shard.entries.back().slot) {
      return Bad("has links out of slot order");
    }
    shard.entries.push_back({*slot, link.name.substr(digits), link.cid, link.tsize});
  }
  L2P_RETURN_IF_ERROR(CheckBitmap(message, shard));
  return shard;
}

absl::StatusOr<HamtEntry> HamtLookup::Step(const HamtShard& shard) {
  const int bits = BitsOf(shard.fanout);
  if (used_bits_ + bits > kHashBits) return Bad("is deeper than a hash has bits");
  const uint32_t slot = SlotOf(hash_, used_bits_, bits);
  used_bits_ += bits;
  auto found =
      std::lower_bound(shard.entries.begin(), shard.entries.end(), slot,
                       [](const HamtEntry& entry, uint32_t wanted) { return entry.slot < wanted; });
  const bool here = found != shard.entries.end() && found->slot == slot &&
                    (found->is_shard() || found->name == name_);
  if (here) return *found;
  return absl::NotFoundError(absl::StrCat("no entry \"", name_, "\" in the directory"));
}

}  // namespace l2p
