#include "report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace l2p::testkit {
namespace {

std::string Temperature(const LookupRow& row) { return row.warm ? "warm" : "cold"; }

std::string RowText(const Figures& plugin, const LookupRow& row) {
  const bool has_recall = row.wanted > 0;
  const bool has_hops = row.with_hops > 0;
  return absl::StrFormat(
      "%-6s%-6s%-18s%7d%9.2f%%%s%s%8.0f%8.0f%8.0f%10.1f%10.0f\n", row.what, Temperature(row),
      plugin.plugin, row.lookups, 100 * row.success(),
      has_recall ? absl::StrFormat("%8.2f%%", 100 * row.recall()) : absl::StrFormat("%9s", "-"),
      has_hops ? absl::StrFormat("%7.2f", row.mean_hops()) : absl::StrFormat("%7s", "-"),
      row.Percentile(0.5), row.Percentile(0.9), row.Percentile(0.99), row.requests_each(),
      row.bytes_each());
}

std::string PluginText(const Figures& plugin) {
  std::string text = absl::StrFormat(
      "%s: tables of %.0f, stale %.2f %% before, %.2f %% at the end\n", plugin.plugin,
      plugin.tables_before.mean_size, 100 * plugin.tables_before.stale_share,
      100 * plugin.tables_after.stale_share);
  if (plugin.idle) {
    absl::StrAppendFormat(&text,
                          "  idle, for each node-hour: %.0f requests, %.0f dials, %.1f kB; that is "
                          "%.1f MB a day\n",
                          plugin.idle->requests, plugin.idle->dials, plugin.idle->bytes / 1e3,
                          plugin.idle->bytes * 24 / 1e6);
  }
  if (plugin.announce) {
    absl::StrAppendFormat(&text, "  announced %d ids with %d lookups in %.0f s\n",
                          plugin.announce->ids, plugin.announce->lookups, plugin.announce->seconds);
  }
  if (plugin.abandoned > 0) {
    absl::StrAppendFormat(&text, "  %d lookups not counted: who was wanted had left\n",
                          plugin.abandoned);
  }
  absl::StrAppendFormat(
      &text,
      "  %.1f s of processor time, %.0f node-hours/s (until settled: %.0f, idle: %.0f), "
      "peak %.0f MiB\n"
      "  trace %s, plugin sha256 %s\n",
      plugin.machine.cpu_seconds, plugin.machine.node_hours_per_second,
      plugin.machine.forming_node_hours_per_second, plugin.machine.idle_node_hours_per_second,
      plugin.machine.peak_mib, plugin.trace, plugin.digest);
  return text;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string Json(const LookupRow& row) {
  return absl::StrFormat(
      R"({"lookup": "%s", "mode": "%s", "lookups": %d, "success": %.6f, "recall": %s, )"
      R"("hops": %s, "p50_ms": %.3f, "p90_ms": %.3f, "p99_ms": %.3f, "requests": %.3f, )"
      R"("bytes": %.1f})",
      row.what, Temperature(row), row.lookups, row.success(),
      row.wanted > 0 ? absl::StrFormat("%.6f", row.recall()) : "null",
      row.with_hops > 0 ? absl::StrFormat("%.4f", row.mean_hops()) : "null", row.Percentile(0.5),
      row.Percentile(0.9), row.Percentile(0.99), row.requests_each(), row.bytes_each());
}

std::string Json(const TableFigures& tables) {
  return absl::StrFormat(R"({"mean_size": %.3f, "stale_share": %.6f})", tables.mean_size,
                         tables.stale_share);
}

std::string Json(const Figures& plugin) {
  std::vector<std::string> rows;
  for (const LookupRow& row : plugin.rows) rows.push_back(Json(row));
  std::string json = absl::StrFormat(
      R"({"plugin": %s, "sha256": "%s", "trace": "%s", "nodes": %d, "abandoned": %d, )"
      R"("tables_before": %s, "tables_after": %s, "rows": [%s])",
      Quoted(plugin.plugin), plugin.digest, plugin.trace, plugin.nodes, plugin.abandoned,
      Json(plugin.tables_before), Json(plugin.tables_after), absl::StrJoin(rows, ", "));
  if (plugin.idle) {
    absl::StrAppendFormat(
        &json, R"(, "idle": {"node_hours": %.3f, "requests": %.3f, "dials": %.3f, "bytes": %.1f})",
        plugin.idle->node_hours, plugin.idle->requests, plugin.idle->dials, plugin.idle->bytes);
  }
  if (plugin.announce) {
    absl::StrAppendFormat(&json, R"(, "announce": {"ids": %d, "lookups": %d, "seconds": %.3f})",
                          plugin.announce->ids, plugin.announce->lookups, plugin.announce->seconds);
  }
  return json + "}";
}

std::string MachineJson(const Figures& plugin) {
  return absl::StrFormat(R"({"file": %s, "cpu_seconds": %.3f, "node_hours_per_second": %.1f, )"
                         R"("forming_node_hours_per_second": %.1f, )"
                         R"("idle_node_hours_per_second": %.1f, "peak_mib": %.1f})",
                         Quoted(plugin.file), plugin.machine.cpu_seconds,
                         plugin.machine.node_hours_per_second,
                         plugin.machine.forming_node_hours_per_second,
                         plugin.machine.idle_node_hours_per_second, plugin.machine.peak_mib);
}

}  // namespace

std::string AsTable(const Report& report) {
  std::string text = absl::StrFormat("scenario %s, %d nodes, seed %d\n\n", report.scenario,
                                     report.plugins.front().nodes, report.seed);
  absl::StrAppendFormat(&text, "%-12s%-18s%7s%10s%9s%7s%8s%8s%8s%10s%10s\n", "lookup", "plugin",
                        "n", "success", "recall", "hops", "p50 ms", "p90 ms", "p99 ms", "requests",
                        "bytes");
  for (size_t row = 0; row < report.plugins.front().rows.size(); ++row) {
    for (const Figures& plugin : report.plugins) text += RowText(plugin, plugin.rows[row]);
  }
  for (const Figures& plugin : report.plugins) absl::StrAppend(&text, "\n", PluginText(plugin));
  return text;
}

std::string AsJson(const Report& report) {
  std::vector<std::string> plugins, machines;
  for (const Figures& plugin : report.plugins) {
    plugins.push_back(Json(plugin));
    machines.push_back(MachineJson(plugin));
  }
  return absl::StrFormat(
      R"({"scenario": %s, "seed": %d, "plugins": [%s], "machine": {"plugins": [%s]}})"
      "\n",
      Quoted(report.scenario), report.seed, absl::StrJoin(plugins, ", "),
      absl::StrJoin(machines, ", "));
}

}  // namespace l2p::testkit
