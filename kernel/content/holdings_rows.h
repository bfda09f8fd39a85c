#ifndef L2P_KERNEL_CONTENT_HOLDINGS_ROWS_H_
#define L2P_KERNEL_CONTENT_HOLDINGS_ROWS_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/content/holdings.h"

namespace l2p {

// The rows of Holdings in the kernel's State (grammar in holdings_rows.cc). A value larger than one
// row may be is cut in parts.
inline constexpr char kPromiseRows[] = "p/";
inline constexpr char kRootRows[] = "r/";
inline constexpr char kDirtyRow[] = "content-dirty";

std::string PromiseKey(const Multihash& group, const PeerId& pusher);
std::string RootKey(const Cid& id);
std::optional<std::pair<Multihash, PeerId>> ParsePromiseKey(std::string_view key);

std::string EncodeRoot(const Root& root);
absl::StatusOr<Root> DecodeRoot(std::string_view text);

// The changes that write `value` under `key`, and those that remove `key` with its parts.
void AppendWrite(const std::string& key, std::string_view value,
                 std::vector<State::Change>& changes);
absl::Status AppendRemoval(State& state, const std::string& key,
                           std::vector<State::Change>& changes);

// The value under `key`; NotFound.
absl::StatusOr<std::string> ReadValue(State& state, const std::string& key);

// Calls `visit` with each key below `prefix` and its whole value, in order.
absl::Status ForEachValue(
    State& state, std::string_view prefix,
    const std::function<absl::Status(const std::string& key, const std::string& value)>& visit);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_HOLDINGS_ROWS_H_
