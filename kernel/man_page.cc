#include "kernel/man_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "l2p/api.h"

namespace l2p {
namespace {

// Text on a line of its own: nothing in it is a request.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  const bool is_request = !escaped.empty() && (escaped[0] == '.' || escaped[0] == '\'');
  return is_request ? "\\&" + escaped : escaped;
}

void AppendText(const std::string& text, std::string& out) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&out, line.empty() ? ".PP" : Escape(line), "\n");
  }
}

}  // namespace

std::string RenderManPage(const ManPage& page) {
  std::string out =
      absl::StrCat(".TH ", absl::AsciiStrToUpper(page.name), " 1 \"\" \"l2p ", kVersion,
                   "\"\n.SH NAME\n", page.name, " \\- ", Escape(page.brief), "\n.SH SYNOPSIS\n");
  for (const std::string& form : page.forms) {
    absl::StrAppend(&out, ".B ", page.name, "\n", Escape(form), "\n.br\n");
  }
  for (const ManPage::Section& section : page.sections) {
    absl::StrAppend(&out, ".SH ", section.title, "\n");
    if (!section.text.empty()) AppendText(section.text, out);
    for (const auto& [term, text] : section.items) {
      absl::StrAppend(&out, ".TP\n.B ", Escape(term), "\n");
      AppendText(text, out);
    }
  }
  return out;
}

}  // namespace l2p
