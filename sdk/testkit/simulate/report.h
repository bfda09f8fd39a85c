#ifndef L2P_TESTKIT_SIMULATE_REPORT_H_
#define L2P_TESTKIT_SIMULATE_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "figures.h"

namespace l2p::testkit {

// What one call of l2p-simulate found: one Figures for each plugin.
struct Report {
  std::string scenario;
  uint64_t seed = 0;
  std::vector<Figures> plugins;
};

// A table for people, the plugins side by side.
std::string AsTable(const Report& report);

// One JSON object. What depends on the machine and not on the seed stands under "machine".
std::string AsJson(const Report& report);

// An SVG document: the share of lookups that had ended after so many milliseconds, a line for each
// row of each plugin. Legible on light and dark pages.
std::string AsSvg(const Report& report);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_REPORT_H_
