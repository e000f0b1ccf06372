// Records of comma-separated values (RFC 4180), taken off a text one after the other.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::core {

/// CsvRecord is one record; of its fields the first are kept, all are counted.
struct CsvRecord {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
  std::size_t count = 0;   ///< of fields, without empty ones at the end
  std::size_t padded = 0;  ///< empty fields at the end
};

/// refuse_line throws Error{malformed} that names the line.
[[noreturn]] void refuse_line(std::size_t line, const std::string& what);

/// CsvRecords reads a text. LF alone ends a line as well; a line of nothing, or of separators
/// alone, is passed over. The separator is ',', ';' or a tab: what the first line has most of, or
/// what its "sep=;" says. Costs nothing for fields that are not kept.
class CsvRecords {
 public:
  static constexpr std::size_t kMostFieldBytes = 4096;

  /// `text` must outlive the reader; a byte order mark before it is passed over.
  explicit CsvRecords(std::string_view text);

  char separator() const noexcept { return separator_; }

  /// next keeps at most `most` fields. Throws Error{malformed} "line N: …" for quotes that do not
  /// fit, and for a field of more than kMostFieldBytes.
  std::optional<CsvRecord> next(std::size_t most);

 private:
  bool take(std::string_view what);
  bool end_of_line();
  void choose_separator();
  /// field takes one field; its text goes to `kept` unless that is null. False when it is empty.
  bool field(std::size_t line, std::string* kept);
  bool quoted_field(std::size_t line, std::string* kept);
  CsvRecord record(std::size_t most);

  std::string_view rest_;
  std::size_t line_ = 1;
  char separator_ = ',';
};

}  // namespace ringfence::core
