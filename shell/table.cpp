#include "shell/table.h"

#include <algorithm>
#include <cassert>

#include "shell/printable.h"

namespace ringfence::shell {
namespace {

std::string padded(std::string text, std::size_t columns) {
  const std::size_t used = width(text);
  if (used < columns) text.append(columns - used, ' ');
  return text;
}

}  // namespace

std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));
}

Table::Table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> row) {
  assert(row.size() == rows_.front().size());
  for (std::string& field : row) field = field.empty() ? "-" : one_line(field);
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  const auto write = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  write(rows_.front());
  std::vector<std::string> rule;
  for (const std::size_t columns : widths) rule.emplace_back(columns, '-');
  write(rule);
  std::for_each(rows_.begin() + 1, rows_.end(), write);
  return text;
}

std::string labelled(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t columns = 0;
  for (const auto& [label, value] : lines) columns = std::max(columns, width(label));
  std::string text;
  for (const auto& [label, value] : lines) {
    text += padded(label, columns) + " : " + (value.empty() ? "-" : one_line(value)) + "\n";
  }
  return text;
}

}  // namespace ringfence::shell
