#include "core/phones/csv_records.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

void check_length(std::size_t line, std::size_t bytes) {
  if (bytes > CsvRecords::kMostFieldBytes)
    refuse_line(line, fmt::format("a field is longer than {} bytes", CsvRecords::kMostFieldBytes));
}

}  // namespace

void refuse_line(std::size_t line, const std::string& what) {
  throw Error(Code::malformed, fmt::format("line {}: {}", line, what));
}

CsvRecords::CsvRecords(std::string_view text) : rest_(text) {
  take("\xef\xbb\xbf");  // as spreadsheets write it
  while (end_of_line()) {
  }
  choose_separator();
}

void CsvRecords::choose_separator() {
  const std::string_view first = rest_.substr(0, rest_.find('\n'));
  constexpr std::array separators = {',', ';', '\t'};
  const bool said = first.starts_with("sep=") && first.size() > 4 &&
                    std::ranges::find(separators, first[4]) != separators.end() &&
                    first.substr(5).find_first_not_of('\r') == first.npos;
  if (said) {
    separator_ = first[4];
    rest_.remove_prefix(first.size());
    end_of_line();
    return;
  }
  std::array<std::size_t, separators.size()> counts{};
  bool quoted = false;
  bool bars = first.starts_with("sep=|");
  for (const char c : first) {
    quoted ^= c == '"';
    bars = bars || (!quoted && c == '|');
    for (std::size_t i = 0; i < separators.size(); ++i)
      counts.at(i) += !quoted && c == separators.at(i) ? 1U : 0U;
  }
  if (bars && std::ranges::count(counts, 0U) == std::ssize(counts))
    refuse_line(
        line_,
        "the fields are separated by '|'; separate them by commas, semicolons or tabs instead");
  separator_ =
      separators.at(static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin()));
}

bool CsvRecords::take(std::string_view what) {
  if (!rest_.starts_with(what)) return false;
  rest_.remove_prefix(what.size());
  return true;
}

bool CsvRecords::end_of_line() {
  if (!take("\n") && !take("\r\n")) return false;
  ++line_;
  return true;
}

std::optional<CsvRecord> CsvRecords::next(std::size_t most) {
  for (;;) {
    while (end_of_line()) {
    }
    if (rest_.empty()) return std::nullopt;
    CsvRecord one = record(most);
    if (one.count > 0) return one;
  }
}

CsvRecord CsvRecords::record(std::size_t most) {
  CsvRecord record;
  record.line = line_;
  const std::string_view separator(&separator_, 1);
  std::size_t fields = 0;
  do {
    std::string* kept = nullptr;
    if (fields < most) kept = &record.fields.emplace_back();
    ++fields;
    if (field(record.line, kept)) record.count = fields;
  } while (take(separator));
  record.padded = fields - record.count;
  if (!rest_.empty() && !end_of_line()) refuse_line(record.line, "a quote stands inside a field");
  return record;
}

bool CsvRecords::field(std::size_t line, std::string* kept) {
  if (rest_.starts_with('"')) return quoted_field(line, kept);
  const std::array ends = {separator_, '"', '\n'};
  const std::size_t end =
      std::min(rest_.find_first_of(std::string_view(ends.data(), ends.size())), rest_.size());
  std::string_view plain = rest_.substr(0, end);
  const bool last = end == rest_.size() || rest_[end] == '\n';
  if (last && plain.ends_with('\r')) plain.remove_suffix(1);
  rest_.remove_prefix(plain.size());
  if (end == plain.size() + 1 && rest_ == "\r") rest_ = {};  // a file that ends after CR
  check_length(line, plain.size());
  if (kept != nullptr) kept->assign(plain);
  return !plain.empty();
}

bool CsvRecords::quoted_field(std::size_t line, std::string* kept) {
  take("\"");
  std::size_t bytes = 0;
  for (;;) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) refuse_line(line, "a quoted field is not closed");
    const std::string_view part = rest_.substr(0, quote);
    line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
    bytes += part.size();
    check_length(line, bytes);
    if (kept != nullptr) kept->append(part);
    rest_.remove_prefix(quote + 1);
    if (!take("\"")) return bytes > 0;
    ++bytes;
    if (kept != nullptr) *kept += '"';
  }
}

}  // namespace ringfence::core
