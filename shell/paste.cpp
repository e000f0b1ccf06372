#include "shell/paste.h"

#include <array>

namespace ringfence::shell {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == line.npos;
}

/// is_around_a_block says whether a line is one that openssl and its like write around blocks, and
/// that no command of ours begins with.
bool is_around_a_block(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t') || line.starts_with('#')) return true;
  constexpr std::array starts = {"subject=",       "issuer=",      "Bag Attributes",
                                 "Key Attributes", "Certificate:", "Certificate chain",
                                 "friendlyName",   "localKeyID",   "---"};
  for (const std::string_view start : starts)
    if (line.starts_with(start)) return true;
  return false;
}

/// goes_on says whether what follows leads to another block before it leads to anything else.
bool goes_on(std::string_view ahead) {
  while (!ahead.empty()) {
    const std::size_t end = std::min(ahead.find('\n'), ahead.size());
    const std::string_view line = ahead.substr(0, end);
    if (line.starts_with(kBegin)) return true;
    const bool cut = end == ahead.size();
    if (cut && !line.empty() && kBegin.starts_with(line)) return true;
    if (!is_blank(line) && !is_around_a_block(line)) return false;
    ahead.remove_prefix(cut ? end : end + 1);
  }
  return false;
}

}  // namespace

Paste read_paste(PasteSource& source, Manner manner, std::size_t max_bytes) {
  Paste paste;
  bool inside = false;
  bool behind_a_block = false;
  for (;;) {
    if (behind_a_block && manner == Manner::script) {
      const std::string_view next = source.ahead_line();
      if (!is_blank(next.substr(0, next.find('\n'))) && !goes_on(next)) return paste;
    }
    std::optional<std::string> line = source.next();
    if (!line) return paste;
    if (line->ends_with('\r')) line->pop_back();
    if (is_blank(*line)) {
      if (!inside && !goes_on(source.ahead())) return paste;
      continue;
    }
    inside = line->starts_with(kBegin) || (inside && !line->starts_with(kEnd));
    behind_a_block = line->starts_with(kEnd);
    if (paste.end == Paste::End::too_long) continue;  // the rest of it must not run as commands
    if (paste.text.size() + line->size() >= max_bytes) {
      paste.text.clear();
      paste.end = Paste::End::too_long;
      continue;
    }
    paste.text += *line + "\n";
  }
}

}  // namespace ringfence::shell
