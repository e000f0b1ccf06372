#include "shell/table.h"

#include <algorithm>
#include <cassert>

#include "shell/printable.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

std::string padded(std::string text, std::size_t columns) {
  const std::size_t used = width(text);
  if (used < columns) text.append(columns - used, ' ');
  return text;
}

struct Column {
  std::size_t index = 0;  ///< in the header
  std::size_t width = 0;
  std::size_t least = 0;  ///< below it words would be broken
};

std::size_t total(const std::vector<Column>& columns) {
  std::size_t sum = 0;
  for (const Column& column : columns) sum += column.width + 2;
  return columns.empty() ? 0 : sum - 2;
}

/// longest_word measures what may not be broken: a checksum or a chain of names may.
std::size_t longest_word(std::string_view text) {
  constexpr std::size_t kMayBreakFrom = 20;
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    longest = std::max(longest, width(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::min(longest, kMayBreakFrom);
}

/// narrow takes characters from the widest columns until the line fits, and says whether it does
/// without breaking words. The first column stays whole: it names the row, and is what is copied.
bool narrow(std::vector<Column>& shown, std::size_t columns) {
  while (total(shown) > columns) {
    Column* widest = nullptr;
    for (std::size_t i = 1; i < shown.size(); ++i)
      if (shown[i].width > shown[i].least && (!widest || shown[i].width > widest->width))
        widest = &shown[i];
    if (widest == nullptr) return false;
    --widest->width;
  }
  return true;
}

/// lines_of lays out one row: as many lines as its longest field needs.
std::string lines_of(const std::vector<std::string>& row, const std::vector<Column>& shown) {
  std::vector<std::vector<std::string>> fields;
  std::size_t count = 0;
  for (const Column& column : shown) {
    fields.push_back(broken(row[column.index], column.width));
    count = std::max(count, fields.back().size());
  }
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    std::string line;
    for (std::size_t at = 0; at < shown.size(); ++at)
      line += padded(i < fields[at].size() ? fields[at][i] : "", shown[at].width + 2);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));
}

std::vector<std::string> broken(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string_view rest = text;
  while (width(rest) > columns) {
    const std::size_t most = bytes_of_first(rest, columns);
    // A blank right behind the last character that fits is a good place as well.
    const std::size_t blank = rest.substr(0, most + 1).rfind(' ');
    const bool between = blank != std::string_view::npos && blank > 0;
    lines.emplace_back(rest.substr(0, between ? blank : most));
    rest.remove_prefix(between ? blank + 1 : most);
  }
  lines.emplace_back(rest);
  return lines;
}

Table::Table(std::vector<std::string> header, std::vector<std::string> droppable)
    : droppable_(std::move(droppable)) {
  rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> row) {
  assert(row.size() == rows_.front().size());
  for (std::string& field : row) field = field.empty() ? "-" : one_line(field);
  rows_.push_back(std::move(row));
}

bool Table::fits(std::size_t columns) const {
  std::vector<Column> all;
  for (std::size_t i = 0; i < rows_.front().size(); ++i) {
    Column column{i};
    for (const Fields& row : rows_) column.width = std::max(column.width, width(row[i]));
    all.push_back(column);
  }
  return total(all) <= columns;
}

std::string Table::blocks(std::size_t columns) const {
  std::string text;
  for (std::size_t row = 1; row < rows_.size(); ++row) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (std::size_t i = 0; i < rows_[row].size(); ++i)
      lines.emplace_back(rows_.front()[i], rows_[row][i]);
    text += (row == 1 ? "" : "\n") + listed(lines, " : ", columns);
  }
  return text;
}

std::string Table::text(std::size_t columns) const {
  std::vector<Column> shown;
  for (std::size_t i = 0; i < rows_.front().size(); ++i) {
    Column column{i};
    for (const Fields& row : rows_) {
      column.width = std::max(column.width, width(row[i]));
      column.least = std::max(column.least, longest_word(row[i]));
    }
    shown.push_back(column);
  }
  Fields left_out;
  for (const std::string& name : droppable_) {
    if (total(shown) <= columns) break;
    std::erase_if(shown, [&](const Column& one) { return rows_.front()[one.index] == name; });
    left_out.push_back(name);
  }
  if (!narrow(shown, columns)) return blocks(columns);
  std::string text = lines_of(rows_.front(), shown);
  Fields rule(rows_.front().size());
  for (const Column& column : shown) rule[column.index] = std::string(column.width, '-');
  text += lines_of(rule, shown);
  std::for_each(rows_.begin() + 1, rows_.end(),
                [&](const Fields& row) { text += lines_of(row, shown); });
  if (left_out.empty()) return text;
  const std::string note = "Not shown for want of room: " + join(left_out, ", ") + ".";
  for (const std::string& line : broken(note, columns)) text += line + "\n";
  return text;
}

std::string listed(const std::vector<std::pair<std::string, std::string>>& lines,
                   const std::string& separator, std::size_t columns) {
  constexpr std::size_t kLeastText = 12;  // with less room than this the terminal breaks lines
  std::size_t label_columns = 0;
  for (const auto& [label, text] : lines) label_columns = std::max(label_columns, width(label));
  const std::size_t margin = label_columns + separator.size();
  const bool fits = columns != kAnyWidth && columns >= margin + kLeastText;
  std::string all;
  for (const auto& [label, text] : lines) {
    std::string begin = padded(label, label_columns) + separator;
    for (const std::string& part : broken(text, fits ? columns - margin : kAnyWidth)) {
      all += begin + part + "\n";
      begin.assign(margin, ' ');
    }
  }
  return all;
}

std::string labelled(const std::vector<std::pair<std::string, std::string>>& lines,
                     std::size_t columns) {
  std::vector<std::pair<std::string, std::string>> escaped;
  for (const auto& [label, value] : lines)
    escaped.emplace_back(label, value.empty() ? "-" : one_line(value));
  return listed(escaped, " : ", columns);
}

std::size_t bytes_of_first(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at)
    if ((text[at] & '\xc0') != '\x80' && count-- == 0) break;
  return at;
}

}  // namespace ringfence::shell
