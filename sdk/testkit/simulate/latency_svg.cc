#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "report.h"

namespace l2p::testkit {
namespace {

// Of the drawing, in its own units.
constexpr double kWidth = 720;
constexpr double kLeft = 56;
constexpr double kTop = 40;
constexpr double kPlotWidth = 640;
constexpr double kPlotHeight = 260;
constexpr double kLegendLine = 18;

constexpr size_t kPoints = 200;  // Of a line.

// In the middle between white and black, so that both are a good ground for them.
constexpr const char* kColours[] = {"#3d85d6", "#d9722e", "#2f9e6e", "#b455c0",
                                    "#b8860b", "#d64d6a", "#5a9aa8", "#8a7adf"};

struct Line {
  std::string label;
  const LookupRow* row;
};

std::vector<Line> LinesOf(const Report& report) {
  std::vector<Line> lines;
  for (const Figures& plugin : report.plugins) {
    for (const LookupRow& row : plugin.rows) {
      if (row.lookups == 0) continue;
      lines.push_back({absl::StrFormat("%s, %s, %s: half within %.0f ms, 99 %% within %.0f ms",
                                       plugin.plugin, row.what, row.warm ? "warm" : "cold",
                                       row.Percentile(0.5), row.Percentile(0.99)),
                       &row});
    }
  }
  return lines;
}

// A round step that cuts `range` in four to nine parts.
double StepOf(double range) {
  const double magnitude = std::pow(10, std::floor(std::log10(range)));
  for (const double factor : {0.1, 0.2, 0.5}) {
    if (range / (magnitude * factor) <= 10) return magnitude * factor;
  }
  return magnitude;
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                         text);
}

std::string GridLine(double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<path class=\"grid\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", x1, y1, x2, y2);
}

std::string Axes(double most_ms) {
  std::string svg;
  for (int percent = 0; percent <= 100; percent += 25) {
    const double y = kTop + kPlotHeight * (1 - percent / 100.0);
    svg += GridLine(kLeft, y, kLeft + kPlotWidth, y);
    svg += Text(kLeft - 8, y + 4, "end", absl::StrFormat("%d %%", percent));
  }
  const double step = StepOf(most_ms);
  for (double ms = 0; ms <= most_ms; ms += step) {
    const double x = kLeft + kPlotWidth * ms / most_ms;
    svg += GridLine(x, kTop, x, kTop + kPlotHeight);
    svg += Text(x, kTop + kPlotHeight + 18, "middle", absl::StrFormat("%.0f", ms));
  }
  return svg + Text(kLeft + kPlotWidth, kTop + kPlotHeight + 34, "end", "milliseconds");
}

// The share that had ended, over time, as steps of 1/kPoints.
std::string Path(const LookupRow& row, double most_ms) {
  std::string path;
  for (size_t i = 0; i <= kPoints; ++i) {
    const double share = static_cast<double>(i) / kPoints;
    const double ms = i == 0 ? row.latencies_ms.front() : row.Percentile(share);
    if (ms > most_ms) break;
    absl::StrAppendFormat(&path, "%s%.1f %.1f", i == 0 ? "M" : "L",
                          kLeft + kPlotWidth * ms / most_ms, kTop + kPlotHeight * (1 - share));
  }
  return path;
}

}  // namespace

std::string AsSvg(const Report& report) {
  const std::vector<Line> lines = LinesOf(report);
  double most_ms = 100;
  for (const Line& line : lines) most_ms = std::max(most_ms, 1.05 * line.row->Percentile(0.995));
  const double legend = kTop + kPlotHeight + 56;
  const double height = legend + kLegendLine * static_cast<double>(lines.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#808080\">\n"
      "<style>.grid{stroke:#808080;stroke-opacity:.3}.line{fill:none;stroke-width:2}</style>\n",
      kWidth, height);
  svg += Text(kLeft, 20, "start",
              absl::StrFormat("Lookups that have ended: %s, %d nodes, seed %d (l2p-simulate)",
                              report.scenario, report.plugins.front().nodes, report.seed));
  svg += Axes(most_ms);
  for (size_t i = 0; i < lines.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    const double y = legend + kLegendLine * static_cast<double>(i);
    absl::StrAppendFormat(&svg, "<path class=\"line\" stroke=\"%s\" d=\"%s\"/>\n", colour,
                          Path(*lines[i].row, most_ms));
    absl::StrAppendFormat(&svg, "<path class=\"line\" stroke=\"%s\" d=\"M%.1f %.1fh24\"/>\n",
                          colour, kLeft, y - 4);
    svg += Text(kLeft + 32, y, "start", lines[i].label);
  }
  return svg + "</svg>\n";
}

}  // namespace l2p::testkit
