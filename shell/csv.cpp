#include "shell/csv.h"

#include <string_view>

namespace ringfence::shell {
namespace {

constexpr std::string_view kFormulaBegins = "=+-@\t\r";

std::string field_text(const std::string& field) {
  std::string text = field;
  if (!field.empty() && kFormulaBegins.find(field.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  const bool plain = text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with(' ') &&
                     !text.ends_with(' ');
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    line += field_text(field);
  }
  return line + "\r\n";
}

}  // namespace ringfence::shell
