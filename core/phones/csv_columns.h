// The columns of a phones' CSV: ours, by the names that people and BAT give them.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/phones/csv_records.h"

namespace ringfence::core {

/// The columns that are read; only `name` is required.
inline constexpr std::array<std::string_view, 12> kPhoneColumns = {
    "name",      "model",       "description", "device_pool", "security_profile", "operation",
    "auth_mode", "auth_string", "key_order",   "rsa_bits",    "ec_bits",          "completes_by"};

/// PhoneColumns says which field of a record a column is.
///
/// Names are read in any case, with blanks or '-' for '_', and as CUCM's Bulk Administration Tool
/// (BAT) writes them: MAC ADDRESS, DEVICE NAME, DEVICE TYPE … Columns of BAT that hold nothing that
/// is kept here are passed over.
class PhoneColumns {
 public:
  static constexpr std::size_t kMost = 256;

  /// Throws Error{malformed} "line N: …" for a column that is unknown, naming the nearest one, or
  /// stands twice, for more than kMost, and when the name is missing.
  explicit PhoneColumns(const CsvRecord& header);

  std::size_t count() const noexcept { return count_; }

  bool has(std::string_view column) const { return place(column) != count_; }

  /// value returns the field, without blanks around it; "" when the column is absent.
  std::string_view value(const CsvRecord& record, std::string_view column) const;

  /// The names that were not ours as they stand, each "MAC ADDRESS as name", and those of BAT that
  /// were passed over.
  const std::vector<std::string>& renamed() const noexcept { return renamed_; }

  const std::vector<std::string>& passed_over() const noexcept { return passed_over_; }

 private:
  std::size_t place(std::string_view column) const;

  std::size_t count_;
  std::array<std::size_t, kPhoneColumns.size()> places_{};
  std::vector<std::string> renamed_;
  std::vector<std::string> passed_over_;
};

}  // namespace ringfence::core
