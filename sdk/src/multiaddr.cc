// binary := part+
// part   := varint(code) value
// value  := nothing | byte[4] (ip4) | byte[16] (ip6) | byte[2] big-endian (tcp, udp)
//         | varint(size) byte[size]   (size > 0; what the bytes mean is the protocol's matter)
// text   := ("/" protocol ["/" value])+
#include "l2p/multiaddr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr size_t kMaxBinary = 1024;
// Percent-encoding makes a byte three characters.
constexpr size_t kMaxText = 3 * kMaxBinary;

enum class Form { kNone, kIp4, kIp6, kPort, kText, kPercent, kPath, kPeer };

struct Protocol {
  uint64_t code;
  std::string_view name;
  Form form;
};

constexpr uint64_t kIp4Code = 4;
constexpr uint64_t kTcpCode = 6;
constexpr uint64_t kIp6Code = 41;
constexpr uint64_t kIp6ZoneCode = 42;
constexpr uint64_t kPeerCode = 421;

constexpr Protocol kProtocols[] = {
    {kIp4Code, "ip4", Form::kIp4}, {kTcpCode, "tcp", Form::kPort},
    {kIp6Code, "ip6", Form::kIp6}, {kIp6ZoneCode, "ip6zone", Form::kText},
    {53, "dns", Form::kText},      {54, "dns4", Form::kText},
    {55, "dns6", Form::kText},     {56, "dnsaddr", Form::kText},
    {273, "udp", Form::kPort},     {290, "p2p-circuit", Form::kNone},
    {400, "unix", Form::kPath},    {kPeerCode, "p2p", Form::kPeer},
    {443, "https", Form::kNone},   {448, "tls", Form::kNone},
    {449, "sni", Form::kText},     {461, "quic-v1", Form::kNone},
    {477, "ws", Form::kNone},      {478, "wss", Form::kNone},
    {480, "http", Form::kNone},    {481, "http-path", Form::kPercent},
    {777, "memory", Form::kText},
};

const Protocol* FindProtocol(uint64_t code) {
  for (const Protocol& protocol : kProtocols) {
    if (protocol.code == code) return &protocol;
  }
  return nullptr;
}

const Protocol* FindProtocol(std::string_view name) {
  if (name == "ipfs") name = "p2p";  // The old name.
  for (const Protocol& protocol : kProtocols) {
    if (protocol.name == name) return &protocol;
  }
  return nullptr;
}

struct BinaryPart {
  const Protocol* protocol;
  ByteView value;  // Without its size.
};

absl::Status Bad(std::string_view part, std::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("multiaddr part /", av(part.substr(0, 80)), ": ", av(problem)));
}

std::optional<size_t> FixedSize(Form form) {
  switch (form) {
    case Form::kNone:
      return 0;
    case Form::kPort:
      return 2;
    case Form::kIp4:
      return 4;
    case Form::kIp6:
      return 16;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<BinaryPart> TakePart(ByteView& in) {
  std::optional<uint64_t> code = TakeVarint(in);
  if (!code) return absl::InvalidArgumentError("multiaddr has a bad protocol code");
  const Protocol* protocol = FindProtocol(*code);
  if (protocol == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("multiaddr has unknown protocol ", *code));
  }
  std::optional<uint64_t> size = FixedSize(protocol->form);
  if (!size) {
    size = TakeVarint(in);
    if (!size || *size == 0) return Bad(protocol->name, "has a bad size");
  }
  if (*size > in.size()) return Bad(protocol->name, "is truncated");
  BinaryPart part{protocol, in.first(*size)};
  in = in.subspan(*size);
  return part;
}

// The first part of an address that FromBinary or FromString accepted.
BinaryPart TakeGoodPart(ByteView& in) {
  absl::StatusOr<BinaryPart> part = TakePart(in);
  assert(part.ok());
  return *part;
}

std::vector<BinaryPart> PartsOf(ByteView binary) {
  std::vector<BinaryPart> parts;
  while (!binary.empty()) parts.push_back(TakeGoodPart(binary));
  return parts;
}

// Only what can be written as text and read back.
absl::Status CheckValue(const BinaryPart& part, bool is_last) {
  const std::string_view text = AsText(part.value);
  switch (part.protocol->form) {
    case Form::kText:
      for (char c : text) {
        if (c == '/' || (c >= 0 && c <= ' ') || c == 0x7f) {
          return Bad(part.protocol->name, "has a character that no name has");
        }
      }
      return absl::OkStatus();
    case Form::kPath:
      if (!is_last) return Bad(part.protocol->name, "is not the last part");
      if (text.size() < 2 || text[0] != '/' || text.find('\0') != std::string_view::npos) {
        return Bad(part.protocol->name, "is not an absolute path");
      }
      return absl::OkStatus();
    case Form::kPeer:
      return WithContext(PeerId::FromBinary(part.value).status(), "multiaddr part /p2p");
    default:
      return absl::OkStatus();
  }
}

std::string PercentEncode(std::string_view bytes) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  for (char c : bytes) {
    if (kPlain.find(c) != std::string_view::npos) {
      text.push_back(c);
      continue;
    }
    text.append({'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[c & 15]});
  }
  return text;
}

bool PercentDecode(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    std::string byte;
    std::string digits(text.substr(i + 1, 2));
    for (char& c : digits) c = c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (digits.size() != 2 || !FromHex(digits, byte)) return false;
    out += byte;
    i += 2;
  }
  return true;
}

std::string TextOf(const BinaryPart& part) {
  char buffer[INET6_ADDRSTRLEN];
  switch (part.protocol->form) {
    case Form::kNone:
      return "";
    case Form::kIp4:
      return inet_ntop(AF_INET, part.value.data(), buffer, sizeof buffer);
    case Form::kIp6:
      return inet_ntop(AF_INET6, part.value.data(), buffer, sizeof buffer);
    case Form::kPort:
      return std::to_string(part.value[0] << 8 | part.value[1]);
    case Form::kPercent:
      return PercentEncode(AsText(part.value));
    case Form::kPeer:
      return PeerId::FromBinary(part.value).value_or(PeerId()).ToString();
    case Form::kText:
    case Form::kPath:
      return std::string(AsText(part.value));
  }
  return "";
}

void AppendPort(uint16_t port, std::string& out) {
  out.push_back(static_cast<char>(port >> 8));
  out.push_back(static_cast<char>(port));
}

void AppendSized(std::string_view value, std::string& out) {
  AppendVarint(value.size(), out);
  out += value;
}

bool AppendIp(int family, const std::string& text, size_t size, std::string& out) {
  char address[16];
  if (text.find('\0') != std::string::npos) return false;  // inet_pton would stop reading there.
  if (inet_pton(family, text.c_str(), address) != 1) return false;
  out.append(address, size);
  return true;
}

// Appends the binary form of `text`, a value of `protocol`; false when it is not one.
bool AppendValue(const Protocol& protocol, const std::string& text, std::string& out) {
  switch (protocol.form) {
    case Form::kNone:
      return true;
    case Form::kIp4:
      return AppendIp(AF_INET, text, 4, out);
    case Form::kIp6:
      return AppendIp(AF_INET6, text, 16, out);
    case Form::kPort: {
      uint32_t port;
      bool digits = text.find_first_not_of("0123456789") == std::string::npos;
      if (!digits || !absl::SimpleAtoi(text, &port) || port > 65535) return false;
      AppendPort(static_cast<uint16_t>(port), out);
      return true;
    }
    case Form::kPercent: {
      std::string bytes;
      if (!PercentDecode(text, bytes)) return false;
      AppendSized(bytes, out);
      return true;
    }
    case Form::kPeer: {
      absl::StatusOr<PeerId> peer = PeerId::FromString(text);
      if (!peer.ok()) return false;
      AppendSized(peer->bytes(), out);
      return true;
    }
    case Form::kText:
    case Form::kPath:
      AppendSized(text, out);
      return true;
  }
  return false;
}

// Cuts "/<word>" off the front of `text`.
std::string_view TakeWord(std::string_view& text) {
  const size_t end = std::min(text.find('/', 1), text.size());
  std::string_view word = text.substr(1, end - 1);
  text.remove_prefix(end);
  return word;
}

struct Range {
  std::array<uint8_t, 4> network;
  int bits;
  Multiaddr::Scope scope;
};

// Addresses for documentation count as public: nobody routes them, and tests use them.
constexpr Range kIp4Ranges[] = {
    {{127, 0, 0, 0}, 8, Multiaddr::Scope::kLoopback},
    {{10, 0, 0, 0}, 8, Multiaddr::Scope::kPrivate},
    {{172, 16, 0, 0}, 12, Multiaddr::Scope::kPrivate},
    {{192, 168, 0, 0}, 16, Multiaddr::Scope::kPrivate},
    {{100, 64, 0, 0}, 10, Multiaddr::Scope::kPrivate},
    {{169, 254, 0, 0}, 16, Multiaddr::Scope::kPrivate},
    {{0, 0, 0, 0}, 8, Multiaddr::Scope::kOther},
    {{224, 0, 0, 0}, 3, Multiaddr::Scope::kOther},
};

uint32_t BigEndian32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

Multiaddr::Scope ScopeOfIp4(const uint8_t* address) {
  for (const Range& range : kIp4Ranges) {
    uint32_t difference = BigEndian32(address) ^ BigEndian32(range.network.data());
    if (difference >> (32 - range.bits) == 0) return range.scope;
  }
  return Multiaddr::Scope::kPublic;
}

Multiaddr::Scope ScopeOfIp6(const uint8_t* address) {
  using Scope = Multiaddr::Scope;
  constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b};
  if (std::equal(kLoopback.begin(), kLoopback.end(), address)) return Scope::kLoopback;
  if (std::equal(kMapped.begin(), kMapped.end(), address)) return ScopeOfIp4(address + 12);
  if (std::equal(kNat64.begin(), kNat64.end(), address)) return ScopeOfIp4(address + 12);
  const bool unique_local = (address[0] & 0xfe) == 0xfc;
  const bool link_local = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
  if (unique_local || link_local) return Scope::kPrivate;
  return (address[0] & 0xe0) == 0x20 ? Scope::kPublic : Scope::kOther;
}

}  // namespace

absl::StatusOr<Multiaddr> Multiaddr::FromString(std::string_view text) {
  if (text.empty() || text[0] != '/') {
    return absl::InvalidArgumentError("multiaddr does not start with /");
  }
  if (text.size() > kMaxText) return absl::InvalidArgumentError("multiaddr is too long");
  std::string binary;
  while (!text.empty()) {
    const std::string_view name = TakeWord(text);
    const Protocol* protocol = FindProtocol(name);
    if (protocol == nullptr) return Bad(name, "is no protocol that l2p knows");
    AppendVarint(protocol->code, binary);
    if (protocol->form == Form::kNone) continue;
    if (text.size() < 2) return Bad(name, "lacks its value");
    const std::string value(protocol->form == Form::kPath ? std::exchange(text, {})
                                                          : TakeWord(text));
    if (!AppendValue(*protocol, value, binary)) {
      return Bad(absl::StrCat(av(name), "/", value), "is not a valid value");
    }
  }
  return FromBinary(AsBytes(binary));
}

absl::StatusOr<Multiaddr> Multiaddr::FromBinary(ByteView binary) {
  if (binary.empty()) return absl::InvalidArgumentError("multiaddr is empty");
  if (binary.size() > kMaxBinary) return absl::InvalidArgumentError("multiaddr is too long");
  const Protocol* last = nullptr;
  for (ByteView rest = binary; !rest.empty();) {
    L2P_ASSIGN_OR_RETURN(BinaryPart part, TakePart(rest));
    L2P_RETURN_IF_ERROR(CheckValue(part, rest.empty()));
    // Else WithoutPeer would still have a peer.
    const bool second_peer = last == part.protocol && last->code == kPeerCode;
    if (second_peer) return Bad(part.protocol->name, "follows another of its kind");
    last = part.protocol;
  }
  Multiaddr address;
  address.binary_ = AsText(binary);
  return address;
}

absl::StatusOr<Multiaddr> Multiaddr::FromTcp(std::string_view host, uint16_t port) {
  const std::string text(host);
  const bool is_ip6 = text.find(':') != std::string::npos;
  Multiaddr address;
  AppendVarint(is_ip6 ? kIp6Code : kIp4Code, address.binary_);
  if (!AppendIp(is_ip6 ? AF_INET6 : AF_INET, text, is_ip6 ? 16 : 4, address.binary_)) {
    return absl::InvalidArgumentError(absl::StrCat("host \"", text, "\" is no numeric address"));
  }
  AppendVarint(kTcpCode, address.binary_);
  AppendPort(port, address.binary_);
  return address;
}

std::string Multiaddr::ToString() const {
  std::string text;
  for (const BinaryPart& part : PartsOf(binary())) {
    absl::StrAppend(&text, "/", av(part.protocol->name));
    if (part.protocol->form == Form::kNone) continue;
    const std::string value = TextOf(part);
    absl::StrAppend(&text, part.protocol->form == Form::kPath ? "" : "/", value);
  }
  return text;
}

std::vector<Multiaddr::Part> Multiaddr::parts() const {
  std::vector<Part> parts;
  for (const BinaryPart& part : PartsOf(binary())) {
    parts.push_back({std::string(part.protocol->name), TextOf(part)});
  }
  return parts;
}

std::optional<std::string> Multiaddr::Value(std::string_view protocol) const {
  for (ByteView rest = binary(); !rest.empty();) {
    const BinaryPart part = TakeGoodPart(rest);
    if (part.protocol->name == protocol) return TextOf(part);
  }
  return std::nullopt;
}

std::optional<PeerId> Multiaddr::peer() const {
  BinaryPart last = {};
  for (ByteView rest = binary(); !rest.empty();) last = TakeGoodPart(rest);
  if (last.protocol == nullptr || last.protocol->code != kPeerCode) return std::nullopt;
  return *PeerId::FromBinary(last.value);
}

Multiaddr Multiaddr::WithoutPeer() const {
  const std::optional<PeerId> id = peer();
  if (!id) return *this;
  const size_t size = id->bytes().size();
  Multiaddr address;
  address.binary_ =
      binary_.substr(0, binary_.size() - VarintSize(kPeerCode) - VarintSize(size) - size);
  return address;
}

Multiaddr Multiaddr::WithPeer(const PeerId& peer) const {
  Multiaddr address = WithoutPeer();
  AppendVarint(kPeerCode, address.binary_);
  AppendSized(peer.bytes(), address.binary_);
  return address;
}

Multiaddr::Scope Multiaddr::scope() const {
  for (ByteView rest = binary(); !rest.empty();) {
    const BinaryPart part = TakeGoodPart(rest);
    if (part.protocol->code == kIp6ZoneCode) continue;
    if (part.protocol->code == kIp4Code) return ScopeOfIp4(part.value.data());
    if (part.protocol->code == kIp6Code) return ScopeOfIp6(part.value.data());
    break;
  }
  return Scope::kOther;
}

}  // namespace l2p
