#ifndef L2P_PLUGINS_TRANSPORT_TCP_MULTISTREAM_H_
#define L2P_PLUGINS_TRANSPORT_TCP_MULTISTREAM_H_

#include <optional>
#include <string>
#include <string_view>

#include "l2p/bytes.h"
#include "l2p/status.h"

namespace l2p::tcp {

// A message longer than this ends the negotiation.
inline constexpr size_t kMaxMultistreamMessage = 1024;

// `text` as a message: length, text, newline.
std::string MultistreamMessage(std::string_view text);

// Takes messages off bytes that come in pieces of any size. A value; one thread at a time.
class MultistreamParser {
 public:
  // Consumes from the front of `in` until one message is whole, and returns it without its newline;
  // nullopt when `in` ended first. InvalidArgument on a message that is too long or ends in no
  // newline. What follows the message stays in `in`.
  absl::StatusOr<std::optional<std::string>> Take(ByteView& in);

 private:
  std::string partial_;
};

// The side that proposes one protocol. It says everything at once: what follows the answer belongs
// to the protocol.
class MultistreamInitiator {
 public:
  explicit MultistreamInitiator(std::string protocol) : protocol_(std::move(protocol)) {}

  // Header and proposal.
  std::string Opening() const;

  // True when the other side has agreed, false when more bytes are needed; Unavailable when it
  // refused the protocol; InvalidArgument when it does not speak multistream-select.
  absl::StatusOr<bool> Consume(ByteView& in);

 private:
  std::string protocol_;
  MultistreamParser parser_;
  bool got_header_ = false;
};

// The side that is asked.
class MultistreamResponder {
 public:
  // The next protocol that the other side proposes, to be given an Answer; nullopt when more bytes
  // are needed. InvalidArgument after too many proposals, or as for MultistreamParser.
  absl::StatusOr<std::optional<std::string>> Consume(ByteView& in);

  // What to send for this proposal, the header included the first time.
  std::string Answer(std::string_view proposal, bool accepted);

 private:
  static constexpr int kMaxProposals = 64;

  MultistreamParser parser_;
  bool got_header_ = false;
  bool sent_header_ = false;
  int proposals_ = 0;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_MULTISTREAM_H_
