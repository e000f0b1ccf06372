// Columns for people: a header, a rule, rows.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfence::shell {

/// kAnyWidth is the width of what is no terminal: a file or a pipe has room for everything.
constexpr std::size_t kAnyWidth = std::numeric_limits<std::size_t>::max();

/// Table lays out rows under a header, two spaces between columns. Fields are escaped (one_line);
/// an empty one shows as "-".
class Table {
 public:
  /// `droppable` are headers of columns that a narrow terminal can do without, the first of them
  /// first.
  explicit Table(std::vector<std::string> header, std::vector<std::string> droppable = {});

  void add(std::vector<std::string> row);  ///< as many fields as the header has

  /// text fits lines into `columns`: it leaves out droppable columns, which a last line then names,
  /// and when that is not enough it breaks long fields into several lines, between words. Where
  /// words would have to be broken, each row is laid out as "Header : field" lines with all its
  /// fields. Nothing is cut.
  std::string text(std::size_t columns = kAnyWidth) const;

  /// fits says whether all of it has room in lines of so many columns as it is.
  bool fits(std::size_t columns) const;

 private:
  using Fields = std::vector<std::string>;

  std::string blocks(std::size_t columns) const;

  std::vector<Fields> rows_;
  Fields droppable_;
};

/// labelled lays out "Label : value" lines with the colons in one column, like `show status`. Long
/// values are broken between words at `columns`.
std::string labelled(const std::vector<std::pair<std::string, std::string>>& lines,
                     std::size_t columns = kAnyWidth);

/// listed is labelled with another separator, of texts that need no escaping.
std::string listed(const std::vector<std::pair<std::string, std::string>>& lines,
                   const std::string& separator, std::size_t columns = kAnyWidth);

/// broken cuts text into lines of at most `columns` characters (at least 1), between words where
/// that is possible.
std::vector<std::string> broken(const std::string& text, std::size_t columns);

/// width counts the characters of UTF-8 text, taking each as one column.
std::size_t width(std::string_view text);

/// bytes_of_first returns how many bytes the first `count` characters of UTF-8 text have.
std::size_t bytes_of_first(std::string_view text, std::size_t count);

}  // namespace ringfence::shell
