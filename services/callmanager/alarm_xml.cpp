#include "services/callmanager/alarm_xml.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ringfence::services::callmanager {

namespace {

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr std::size_t kMostParameters = 256;
constexpr std::size_t kDeepest = 32;
constexpr std::size_t kLongest = 256;
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

// The character that `name` stands for between '&' and ';', or 0.
char entity(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kKnown{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kKnown)
    if (name == known) return character;
  if (!name.starts_with('#')) return 0;
  const bool hexadecimal = name.starts_with("#x");
  const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size() || value >= 128) return 0;
  return static_cast<char>(value);
}

std::string decoded(std::string_view text) {
  std::string result;
  while (!text.empty() && result.size() < kLongest) {
    const std::size_t stop = text.front() == '&' ? text.substr(0, 10).find(';') : 0;
    const char character =
        stop == 0 || stop == std::string_view::npos ? '\0' : entity(text.substr(1, stop - 1));
    result += character != '\0' ? character : text.front();
    text.remove_prefix(character != '\0' ? stop + 1 : 1);
  }
  return result;
}

/// name_attribute returns the value of `name="…"` in an element's attributes, in any case, or "".
std::string name_attribute(std::string_view attributes) {
  while (!(attributes = trimmed(attributes)).empty()) {
    const std::size_t equals = attributes.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view key = trimmed(attributes.substr(0, equals));
    attributes = trimmed(attributes.substr(equals + 1));
    if (attributes.empty() || (attributes.front() != '"' && attributes.front() != '\'')) return {};
    const std::size_t end = attributes.find(attributes.front(), 1);
    if (end == std::string_view::npos) return {};
    if (key == "name" || key == "Name" || key == "NAME")
      return decoded(attributes.substr(1, end - 1));
    attributes.remove_prefix(end + 1);
  }
  return {};
}

/// tag_end returns where the '>' of a tag stands that starts at the front, not one in quotes.
std::size_t tag_end(std::string_view xml) {
  char quote = '\0';
  for (std::size_t at = 1; at < xml.size(); ++at) {
    if (quote != '\0') {
      if (xml[at] == quote) quote = '\0';
    } else if (xml[at] == '"' || xml[at] == '\'') {
      quote = xml[at];
    } else if (xml[at] == '>') {
      return at;
    }
  }
  return std::string_view::npos;
}

/// Scanner holds where a scan is.
class Scanner {
 public:
  explicit Scanner(std::string_view xml) : rest_(xml.substr(0, kMostBytes)) {}

  std::vector<Parameter> run() {
    while (!rest_.empty() && step()) {
    }
    return std::move(found_);
  }

 private:
  bool step() {
    if (rest_.front() != '<') return text(rest_.substr(0, rest_.find('<')), true);
    if (rest_.starts_with("<!--")) return skip_past("-->");
    if (rest_.starts_with("<![CDATA[")) return cdata();
    if (rest_.starts_with("<?")) return skip_past("?>");
    if (rest_.starts_with("<!")) return false;  // declarations are how entities come in
    const std::size_t end = tag_end(rest_);
    if (end == std::string_view::npos) return false;
    const std::string_view tag = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (!tag.starts_with('/')) return open(tag);
    if (open_.empty()) return false;
    open_.pop_back();
    return true;
  }

  bool open(std::string_view tag) {
    const bool closed = tag.ends_with('/');
    if (closed) tag.remove_suffix(1);
    const std::size_t stop = std::min(tag.find_first_of(kBlanks), tag.size());
    if (stop == 0 || found_.size() >= kMostParameters || open_.size() >= kDeepest) return false;
    std::string name = name_attribute(tag.substr(stop));
    if (name.empty()) name = tag.substr(0, std::min(stop, kLongest));
    if (!closed) open_.push_back(found_.size());
    found_.emplace_back(std::move(name), std::string());
    return true;
  }

  bool text(std::string_view text, bool has_entities) {
    rest_.remove_prefix(text.size());
    const std::string_view words = trimmed(text);
    if (words.empty() || open_.empty()) return true;
    std::string& value = found_[open_.back()].second;
    value += has_entities ? decoded(words) : std::string(words.substr(0, kLongest));
    value.resize(std::min(value.size(), kLongest));
    return true;
  }

  bool cdata() {
    rest_.remove_prefix(9);
    const std::size_t end = rest_.find("]]>");
    return end != std::string_view::npos && text(rest_.substr(0, end), false) && skip_past("]]>");
  }

  bool skip_past(std::string_view mark) {
    const std::size_t end = rest_.find(mark);
    if (end == std::string_view::npos) return false;
    rest_.remove_prefix(end + mark.size());
    return true;
  }

  std::string_view rest_;
  std::vector<std::size_t> open_;  ///< indices of the elements around the place
  std::vector<Parameter> found_;
};

}  // namespace

std::vector<Parameter> scan_xml(std::string_view xml) {
  return Scanner(xml).run();
}

}  // namespace ringfence::services::callmanager
