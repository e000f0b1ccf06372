// Columns for people: a header, a rule, rows.
#pragma once

#include <string>
#include <vector>

namespace ringfence::shell {

/// Table lays out rows under a header, two spaces between columns. Fields are escaped (one_line);
/// an empty one shows as "-".
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  void add(std::vector<std::string> row);  ///< as many fields as the header has
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// labelled lays out "Label : value" lines with the colons in one column, like `show status`.
std::string labelled(const std::vector<std::pair<std::string, std::string>>& lines);

/// width counts the characters of UTF-8 text, taking each as one column.
std::size_t width(const std::string& text);

}  // namespace ringfence::shell
