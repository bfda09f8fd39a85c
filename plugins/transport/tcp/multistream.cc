// multistream-select 1.0 (https://github.com/multiformats/multistream-select):
//
//   message   = uvarint(length of text + 1) text "\n"
//   initiator = header proposal { proposal }     responder = header { "na" } proposal
//   header    = "/multistream/1.0.0"
//
// Each side sends its header at once; the responder repeats the proposal it accepts.
#include "multistream.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p::tcp {
namespace {

constexpr std::string_view kHeader = "/multistream/1.0.0";
constexpr std::string_view kRefusal = "na";

absl::Status Broken(std::string_view cause) {
  return absl::InvalidArgumentError(absl::StrCat("multistream-select: ", av(cause)));
}

absl::Status CheckHeader(const std::string& message) {
  if (message == kHeader) return absl::OkStatus();
  return Broken(absl::StrCat("wanted ", av(kHeader), ", got \"", absl::CHexEscape(message), "\""));
}

}  // namespace

std::string MultistreamMessage(std::string_view text) {
  std::string message;
  AppendVarint(text.size() + 1, message);
  message += text;
  message += '\n';
  return message;
}

absl::StatusOr<std::optional<std::string>> MultistreamParser::Take(ByteView& in) {
  VarintError error;
  std::optional<Varint> length;
  // The length byte by byte, so that nothing after the message is ever taken.
  while (!(length = ReadVarint(AsBytes(partial_), error)).has_value()) {
    if (error == VarintError::kInvalid) return Broken("garbled length");
    if (in.empty()) return std::optional<std::string>();
    partial_ += static_cast<char>(in.front());
    in = in.subspan(1);
  }
  if (length->value > kMaxMultistreamMessage) return Broken("message too long");
  if (length->value == 0) return Broken("message without a newline");
  const size_t whole = length->size + length->value;
  const size_t taken = std::min(in.size(), whole - partial_.size());
  partial_ += AsText(in.first(taken));
  in = in.subspan(taken);
  if (partial_.size() < whole) return std::optional<std::string>();
  if (partial_.back() != '\n') return Broken("message without a newline");
  std::string message = partial_.substr(length->size, length->value - 1);
  partial_.clear();
  return std::optional<std::string>(std::move(message));
}

std::string MultistreamInitiator::Opening() const {
  return MultistreamMessage(kHeader) + MultistreamMessage(protocol_);
}

absl::StatusOr<bool> MultistreamInitiator::Consume(ByteView& in) {
  while (true) {
    L2P_ASSIGN_OR_RETURN(const std::optional<std::string> message, parser_.Take(in));
    if (!message.has_value()) return false;
    if (!got_header_) {
      L2P_RETURN_IF_ERROR(CheckHeader(*message));
      got_header_ = true;
      continue;
    }
    if (*message == protocol_) return true;
    if (*message == kRefusal) {
      return absl::UnavailableError(absl::StrCat("protocol ", protocol_, ": refused by the peer"));
    }
    return Broken(
        absl::StrCat("proposed ", protocol_, ", got \"", absl::CHexEscape(*message), "\""));
  }
}

absl::StatusOr<std::optional<std::string>> MultistreamResponder::Consume(ByteView& in) {
  while (true) {
    L2P_ASSIGN_OR_RETURN(std::optional<std::string> message, parser_.Take(in));
    if (!message.has_value()) return message;
    if (!got_header_) {
      L2P_RETURN_IF_ERROR(CheckHeader(*message));
      got_header_ = true;
      continue;
    }
    if (++proposals_ > kMaxProposals) return Broken("too many proposals");
    return message;
  }
}

std::string MultistreamResponder::Answer(std::string_view proposal, bool accepted) {
  std::string answer;
  if (!sent_header_) answer = MultistreamMessage(kHeader);
  sent_header_ = true;
  return answer + MultistreamMessage(accepted ? proposal : kRefusal);
}

}  // namespace l2p::tcp
