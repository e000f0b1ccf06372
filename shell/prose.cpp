#include "shell/prose.h"

#include <algorithm>

#include "shell/table.h"

namespace ringfence::shell {
namespace {

/// is_prose says whether a line is sentences. The originals' warnings have two blanks in them.
bool is_prose(std::string_view words) {
  if (words.starts_with("WARNING: ") || words.starts_with("NOTE: ")) return true;
  return words.find("  ") == words.npos && words.find('\t') == words.npos;
}

void append_wrapped(std::string_view line, std::size_t columns, std::string& text) {
  const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
  const std::string_view indent = line.substr(0, first);
  std::string_view rest = line.substr(first);
  std::size_t room = columns - std::min(columns, indent.size());
  if (!is_prose(rest)) room = kAnyWidth;
  text += indent;
  while (rest.size() > room && width(rest) > room) {
    const std::size_t end = bytes_of_first(rest, room);
    std::size_t blank = rest.substr(0, end + 1).rfind(' ');
    if (blank == rest.npos || blank == 0) blank = rest.find(' ', end);
    if (blank == rest.npos || rest.find_first_not_of(' ', blank) == rest.npos) break;
    text += rest.substr(0, blank);
    rest.remove_prefix(rest.find_first_not_of(' ', blank));
    text += '\n';
    text += indent;
  }
  text += rest;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t columns) {
  if (columns >= kProseColumns || columns == 0) return std::string(text);
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    append_wrapped(text.substr(at, end - at), columns, result);
    if (end < text.size()) result += '\n';
    at = end + 1;
  }
  return result;
}

}  // namespace ringfence::shell
