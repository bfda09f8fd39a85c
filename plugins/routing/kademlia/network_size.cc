#include "network_size.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace l2p::kademlia {
namespace {

constexpr double kSpace = 18446744073709551616.0;  // 2^64: 64 bits of a distance are plenty.

// The share of the key space that is nearer than `distance`.
double ShareOf(const Position& distance) { return static_cast<double>(distance.words[0]) / kSpace; }

Position DistanceOf(double share) {
  Position distance = kFarthest;
  if (share < 1) distance.words[0] = static_cast<uint64_t>(share * kSpace);
  return distance;
}

}  // namespace

void NetworkSize::Learn(std::span<const Position> nearest) {
  // Fewer than asked for are the whole swarm.
  const double share = nearest.size() < closest_
                           ? 1.0 / static_cast<double>(nearest.size())
                           : ShareOf(nearest[closest_ - 1]) / static_cast<double>(closest_);
  if (!(share > 0 && share <= 1)) return;  // Nobody was seen.
  MutexLock lock(mutex_);
  shares_.push_back(share);
  if (shares_.size() > kLookups) shares_.pop_front();
}

double NetworkSize::Estimate() const {
  std::vector<double> shares;
  {
    MutexLock lock(mutex_);
    shares.assign(shares_.begin(), shares_.end());
  }
  if (shares.empty()) return 0;
  std::sort(shares.begin(), shares.end());
  return 1 / shares[shares.size() / 2];
}

Position NetworkSize::Reach() const {
  const double size = Estimate();
  return size == 0 ? Position{} : DistanceOf(static_cast<double>(closest_) / size);
}

std::optional<size_t> NetworkSize::RegionDepth() const {
  const double size = Estimate();
  if (size == 0) return std::nullopt;
  const double regions = size / static_cast<double>(2 * closest_);
  return regions < 2 ? 0 : static_cast<size_t>(std::log2(regions));
}

bool NetworkSize::IsCrowded(std::span<const Position> nearest) const {
  const double size = Estimate();
  if (size == 0 || nearest.size() < closest_) return false;
  return ShareOf(nearest[closest_ - 1]) < kCrowded * static_cast<double>(closest_) / size;
}

}  // namespace l2p::kademlia
