#include "l2p/stripes.h"

#include <algorithm>
#include <numeric>

namespace l2p {
namespace {

// Puts leaves of `rest` (longest first) into the stripe's K data pieces, each into the one that is
// shortest so far, as long as that does not become longer than `most`. Takes them off `rest`;
// returns their bytes.
uint64_t Fill(std::span<const BlockRef> leaves, uint64_t most, std::vector<uint32_t>& rest,
              Stripe& stripe) {
  std::vector<uint64_t> bytes(stripe.leaves.size());
  std::vector<uint32_t> left;
  uint64_t taken = 0;
  for (const uint32_t leaf : rest) {
    const size_t piece =
        static_cast<size_t>(std::min_element(bytes.begin(), bytes.end()) - bytes.begin());
    const uint64_t size = leaves[leaf].size;
    if (bytes[piece] + size > most) {
      left.push_back(leaf);
      continue;
    }
    stripe.leaves[piece].push_back(leaf);
    bytes[piece] += size;
    taken += size;
  }
  rest = std::move(left);
  stripe.length = static_cast<uint32_t>(*std::max_element(bytes.begin(), bytes.end()));
  return taken;
}

}  // namespace

std::vector<uint32_t> Stripe::AllLeaves() const {
  std::vector<uint32_t> all;
  for (const std::vector<uint32_t>& piece : leaves) {
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

std::vector<Stripe> LayOut(std::span<const BlockRef> leaves, size_t needed) {
  std::vector<uint32_t> rest;
  uint64_t bytes = 0;  // Of `rest`.
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].size > 0) rest.push_back(static_cast<uint32_t>(i));
    bytes += leaves[i].size;
  }
  std::stable_sort(rest.begin(), rest.end(),
                   [&](uint32_t a, uint32_t b) { return leaves[a].size > leaves[b].size; });
  std::vector<Stripe> stripes;
  Stripe sliced{true, 0, {{}}};
  uint64_t sliced_bytes = 0;
  while (!rest.empty()) {
    const uint64_t longest = leaves[rest.front()].size;
    if (longest * needed > bytes) {
      // A stripe as long as this leaf would be mostly padding.
      sliced.leaves[0].push_back(rest.front());
      sliced_bytes += longest;
      bytes -= longest;
      rest.erase(rest.begin());
      continue;
    }
    // What is left goes into one last stripe if it fits; leaves do not divide evenly, hence a 32nd.
    const uint64_t share = bytes / needed + bytes / (32 * needed);
    Stripe stripe{false, 0, std::vector<std::vector<uint32_t>>(needed)};
    bytes -= Fill(leaves, std::max(longest, std::min<uint64_t>(share, kFullPiece)), rest, stripe);
    stripes.push_back(std::move(stripe));
  }
  if (sliced_bytes > 0) {
    sliced.length = static_cast<uint32_t>((sliced_bytes + needed - 1) / needed);
    stripes.push_back(std::move(sliced));
  }
  return stripes;
}

std::vector<LentPiece> DataPieces(const Stripe& stripe, size_t needed,
                                  std::span<const ByteView> leaves) {
  std::vector<LentPiece> pieces(needed);
  for (size_t i = 0; i < needed; ++i) pieces[i].index = i;
  size_t next = 0;
  if (!stripe.sliced) {
    for (size_t i = 0; i < needed; ++i) {
      for (size_t j = 0; j < stripe.leaves[i].size(); ++j) {
        pieces[i].parts.push_back(leaves[next++]);
      }
    }
    return pieces;
  }
  size_t piece = 0;
  size_t room = stripe.length;
  for (ByteView leaf : leaves) {
    while (!leaf.empty()) {
      const size_t now = std::min(room, leaf.size());
      pieces[piece].parts.push_back(leaf.first(now));
      leaf = leaf.subspan(now);
      room -= now;
      if (room == 0) {
        ++piece;
        room = stripe.length;
      }
    }
  }
  return pieces;
}

}  // namespace l2p
