#ifndef L2P_TESTKIT_SIMULATE_FIGURES_H_
#define L2P_TESTKIT_SIMULATE_FIGURES_H_

#include <optional>
#include <string>
#include <vector>

namespace l2p::testkit {

// The lookups of one sort in one simulation.
struct LookupRow {
  std::string what;  // "find", "place", "get".
  bool warm = false;
  size_t lookups = 0;
  size_t succeeded = 0;
  std::vector<double> latencies_ms;  // Sorted.
  size_t with_hops = 0;
  size_t hops = 0;
  size_t requests = 0;
  size_t bytes = 0;
  // Of the wanted closest peers, and how many of them the results held.
  size_t wanted = 0;
  size_t recalled = 0;

  double success() const { return Share(succeeded, lookups); }
  double recall() const { return Share(recalled, wanted); }
  double mean_hops() const { return Share(hops, with_hops); }
  double requests_each() const { return Share(requests, lookups); }
  double bytes_each() const { return Share(bytes, lookups); }
  // The smallest latency that `share` of all lookups kept to.
  double Percentile(double share) const;

 private:
  static double Share(size_t part, size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

// All tables at one moment.
struct TableFigures {
  double mean_size = 0;
  double stale_share = 0;  // Of their entries, peers that are gone.
};

struct IdleFigures {
  double node_hours = 0;
  double requests = 0;  // These three for each node-hour, dials that failed included;
  double dials = 0;
  double bytes = 0;  // sent and received.
};

struct AnnounceFigures {
  size_t ids = 0;
  size_t lookups = 0;
  double seconds = 0;  // Virtual.
};

struct MachineFigures {
  double cpu_seconds = 0;
  double node_hours_per_second = 0;          // Of processor time, over the whole run;
  double forming_node_hours_per_second = 0;  // until all had joined and settled;
  double idle_node_hours_per_second = 0;     // then, while the idle network was watched.
  double peak_mib = 0;                       // Of the process, so far.
};

// What one plugin did in one scenario.
struct Figures {
  std::string plugin;  // Name and version.
  std::string file;
  std::string digest;  // SHA-256 of the file, in hex.
  std::string trace;   // The hash over all that happened.
  size_t nodes = 0;
  size_t abandoned = 0;  // Lookups not counted: asking or wanted node left meanwhile.
  std::vector<LookupRow> rows;
  TableFigures tables_before;  // What happens in the scenario,
  TableFigures tables_after;   // and at the end.
  std::optional<IdleFigures> idle;
  std::optional<AnnounceFigures> announce;
  MachineFigures machine;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_FIGURES_H_
