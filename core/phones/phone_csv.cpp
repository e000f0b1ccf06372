// RFC 4180 rows, then phones out of them.
#include "core/phones/phone_csv.h"

#include <array>
#include <charconv>
#include <set>
#include <string>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMostRows = 100'000;
constexpr std::chrono::days kUsualTime(7);
constexpr std::string_view kNoProfile = "-";  // an empty field keeps what is known

constexpr std::array<std::string_view, 12> kColumns = {
    "name",      "model",       "description", "device_pool", "security_profile", "operation",
    "auth_mode", "auth_string", "key_order",   "rsa_bits",    "ec_bits",          "completes_by"};

[[noreturn]] void wrong(std::size_t line, const std::string& what) {
  throw Error(Code::malformed, fmt::format("line {}: {}", line, what));
}

struct Record {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

/// Records takes one record after the other off a text (RFC 4180 section 2; LF alone ends a line
/// as well, and a line of nothing is passed over).
class Records {
 public:
  explicit Records(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // as spreadsheets write it
  }

  std::optional<Record> next() {
    while (end_of_line()) {
    }
    if (rest_.empty()) return std::nullopt;
    Record record;
    record.line = line_;
    do {
      record.fields.push_back(field(record.line));
    } while (take(","));
    if (!rest_.empty() && !end_of_line()) wrong(record.line, "a quote stands inside a field");
    return record;
  }

 private:
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }

  bool end_of_line() {
    if (!take("\n") && !take("\r\n")) return false;
    ++line_;
    return true;
  }

  std::string field(std::size_t line) {
    if (!take("\"")) {
      const std::size_t end = std::min(rest_.find_first_of(",\"\n"), rest_.size());
      std::string_view plain = rest_.substr(0, end);
      if (rest_.substr(end).starts_with('\n') && plain.ends_with('\r')) plain.remove_suffix(1);
      rest_.remove_prefix(plain.size());
      return std::string(plain);
    }
    std::string value;
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) wrong(line, "a quoted field is not closed");
      for (const char c : rest_.substr(0, quote)) line_ += c == '\n' ? 1U : 0U;
      value += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (!take("\"")) return value;
      value += '"';
    }
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

/// Columns says which field of a record a column is.
class Columns {
 public:
  explicit Columns(const Record& header) : count_(header.fields.size()) {
    places_.fill(count_);
    for (std::size_t place = 0; place < count_; ++place) {
      const std::string& name = header.fields[place];
      const auto* const known = std::find(kColumns.begin(), kColumns.end(), name);
      if (known == kColumns.end())
        wrong(header.line, fmt::format("unknown column \"{}\"; the columns are {}", shown(name),
                                       fmt::join(kColumns, ", ")));
      std::size_t& at = places_.at(static_cast<std::size_t>(known - kColumns.begin()));
      if (at != count_) wrong(header.line, fmt::format("the column {} stands twice", name));
      at = place;
    }
    if (!has("name")) wrong(header.line, "the column name is missing");
  }

  std::size_t count() const noexcept { return count_; }

  bool has(std::string_view column) const { return place(column) != count_; }

  /// value returns the field, "" when the column is absent.
  std::string_view value(const Record& record, std::string_view column) const {
    const std::size_t at = place(column);
    return at == count_ ? std::string_view() : record.fields[at];
  }

 private:
  std::size_t place(std::string_view column) const {
    const auto* const known = std::find(kColumns.begin(), kColumns.end(), column);
    return places_.at(static_cast<std::size_t>(known - kColumns.begin()));
  }

  /// shown is `text` as an error may repeat it: short, and printable.
  static std::string shown(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 40)) result += c >= 0x20 && c < 0x7f ? c : '?';
    return result;
  }

  std::size_t count_;
  std::array<std::size_t, kColumns.size()> places_{};
};

int bits_from(std::string_view text, std::string_view column) {
  int bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::malformed, fmt::format("{} must be a number of bits", column));
  return bits;
}

/// phone_from puts a record's fields over what is known of the phone.
Phone phone_from(const Columns& columns, const Record& record, Time now,
                 const std::function<std::optional<Phone>(std::string_view)>& known) {
  const auto value = [&](std::string_view column) { return columns.value(record, column); };
  const std::string_view name = value("name");
  check_device_name(name);
  Phone phone = known(name).value_or(Phone());
  phone.name = name;
  const auto text = [&](std::string_view column, std::string& field) {
    if (!value(column).empty()) field = value(column);
  };
  text("model", phone.model);
  text("description", phone.description);
  text("device_pool", phone.device_pool);
  text("security_profile", phone.security_profile);
  if (phone.security_profile == kNoProfile) phone.security_profile.clear();
  text("auth_string", phone.capf.auth_string);
  CapfSettings& capf = phone.capf;
  if (!value("auth_mode").empty()) capf.auth_mode = auth_mode_from(value("auth_mode"));
  if (!value("key_order").empty()) capf.key_order = key_order_from(value("key_order"));
  if (!value("rsa_bits").empty()) capf.rsa_bits = bits_from(value("rsa_bits"), "rsa_bits");
  if (!value("ec_bits").empty()) capf.ec_bits = bits_from(value("ec_bits"), "ec_bits");

  bool asks = false;
  if (!value("operation").empty()) {
    capf.operation = operation_from(value("operation"));
    asks = capf.operation != Operation::none;
    if (asks) capf.request = 0;  // a new request, even of what was asked before
  }
  if (!value("completes_by").empty())
    capf.completes_by = completes_by_from(value("completes_by"));
  else if (asks || (columns.has("completes_by") && capf.operation != Operation::none))
    capf.completes_by = now + kUsualTime;
  check_phone(phone);
  return phone;
}

}  // namespace

std::vector<Phone> parse_phone_csv(
    std::string_view text, Time now,
    const std::function<std::optional<Phone>(std::string_view name)>& known) {
  Records records(text);
  const auto header = records.next();
  if (!header) wrong(1, "a header line that names the columns is missing");
  const Columns columns(*header);

  std::vector<Phone> phones;
  std::set<std::string, std::less<>> names;
  while (const auto record = records.next()) {
    if (phones.size() == kMostRows)
      wrong(record->line, fmt::format("more than {} phones in one file", kMostRows));
    if (record->fields.size() != columns.count())
      wrong(record->line, fmt::format("{} fields where the header has {}", record->fields.size(),
                                      columns.count()));
    try {
      phones.push_back(phone_from(columns, *record, now, known));
    } catch (const Error& error) {
      if (error.code() != Code::malformed) throw;
      wrong(record->line, error.what());
    }
    if (!names.insert(phones.back().name).second)
      wrong(record->line, fmt::format("the phone {} was given before", phones.back().name));
  }
  return phones;
}

}  // namespace ringfence::core
