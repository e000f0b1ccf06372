// Phones out of the records of a CSV.
#include "core/phones/phone_csv.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/phones/csv_columns.h"
#include "core/phones/csv_records.h"
#include "core/phones/device_name.h"
#include "core/phones/model_name.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMostRows = 100'000;
constexpr std::size_t kExamples = 3;
constexpr std::chrono::days kUsualTime(7);
constexpr std::string_view kNoProfile = "-";  // an empty field keeps what is known

int bits_from(std::string_view text, std::string_view column) {
  int bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::malformed, fmt::format("{} must be a number of bits", column));
  return bits;
}

/// own_word turns the words of CUCM's pages and of BAT into ours; ours are read in any case.
std::string own_word(std::string_view written) {
  std::string word;
  for (const char c : written.substr(0, 80))
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  using Pair = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Pair, 11> words = {{
      {"install/upgrade", "install"},
      {"no pending operation", "none"},
      {"by null string", "null-string"},
      {"by authentication string", "auth-string"},
      {"by existing certificate (precedence to lsc)", "lsc"},
      {"by existing certificate (precedence to mic)", "mic"},
      {"rsa only", "rsa-only"},
      {"ec only", "ec-only"},
      {"ec preferred, rsa backup", "ec-preferred"},
      {"ec preferred rsa backup", "ec-preferred"},
      {"ec preferred", "ec-preferred"},
  }};
  for (const auto& [theirs, ours] : words)
    if (word == theirs) return std::string(ours);
  return word;
}

/// refuse_number names what spreadsheets make of a MAC address with an E among digits alone.
void refuse_number(std::string_view name) {
  const std::size_t power = name.find_first_of("eE");
  if (power != name.npos && name.substr(power + 1).starts_with('+') &&
      name.find_first_not_of("0123456789.,eE+") == name.npos)
    throw Error(Code::malformed,
                "a spreadsheet has made a number of the MAC address; format its column as text and "
                "enter it again");
}

/// phone_from puts a record's fields over what is known of the phone.
Phone phone_from(const PhoneColumns& columns, const CsvRecord& record, Time now,
                 const std::function<std::optional<Phone>(std::string_view)>& known) {
  const auto value = [&](std::string_view column) { return columns.value(record, column); };
  refuse_number(value("name"));
  const std::string name = device_name_from(value("name"), value("model"));
  check_device_name(name);
  Phone phone = known(name).value_or(Phone());
  phone.name = name;
  const auto text = [&](std::string_view column, std::string& field) {
    if (!value(column).empty()) field = value(column);
  };
  if (!value("model").empty()) phone.model = model_name_from(value("model"));
  text("description", phone.description);
  text("device_pool", phone.device_pool);
  text("security_profile", phone.security_profile);
  if (phone.security_profile == kNoProfile) phone.security_profile.clear();
  text("auth_string", phone.capf.auth_string);
  CapfSettings& capf = phone.capf;
  if (!value("auth_mode").empty()) capf.auth_mode = auth_mode_from(own_word(value("auth_mode")));
  if (!value("key_order").empty()) capf.key_order = key_order_from(own_word(value("key_order")));
  if (!value("rsa_bits").empty()) capf.rsa_bits = bits_from(value("rsa_bits"), "rsa_bits");
  if (!value("ec_bits").empty()) capf.ec_bits = bits_from(value("ec_bits"), "ec_bits");

  bool asks = false;
  if (!value("operation").empty()) {
    capf.operation = operation_from(own_word(value("operation")));
    asks = capf.operation != Operation::none;
    if (asks) capf.request = 0;  // a new request, even of what was asked before
  }
  if (!value("completes_by").empty()) {
    capf.completes_by = completes_by_from(value("completes_by"));
    if (capf.operation != Operation::none) check_completes_by(*capf.completes_by, now);
  } else if (asks || (columns.has("completes_by") && capf.operation != Operation::none))
    capf.completes_by = now + kUsualTime;
  check_phone(phone);
  return phone;
}

/// Notes counts what was not written as it is kept.
class Notes {
 public:
  explicit Notes(std::vector<CsvNote>& notes) : notes_(notes) {}

  void columns(const PhoneColumns& columns) {
    add_all("columns", columns.renamed(), "{} of the columns were read by other names: {}.",
            "A column was read by another name: {}.");
    add_all("passed-over", columns.passed_over(),
            "{} columns of BAT hold nothing that is kept here and were passed over: {}.",
            "A column of BAT holds nothing that is kept here and was passed over: {}.");
  }

  void separator(char separator) {
    if (separator == ',') return;
    notes_.push_back(
        {"separator",
         1,
         {},
         fmt::format("The fields are separated by {}.", separator == ';' ? "semicolons" : "tabs")});
  }

  void name(std::string_view written, const std::string& meant) { note(names_, written, meant); }

  void model(std::string_view written, const std::string& meant) {
    if (!written.empty()) note(models_, written, meant);
    if (is_model_name(meant)) return;
    ++unknown_.count;
    if (unknown_.examples.size() < kExamples && std::ranges::count(unknown_.examples, meant) == 0)
      unknown_.examples.push_back(meant);
  }

  void line(const CsvRecord& record, std::size_t columns) {
    if (record.count + record.padded > columns) ++empty_fields_;
  }

  void finish() {
    add_read(names_, "names", "{} name was read as a device name: {}{}.",
             "{} names were read as device names: {}{}.");
    add_read(models_, "models", "{} model was read in its one spelling: {}{}.",
             "{} models were read in their one spelling: {}{}.");
    add_read(unknown_, "unknown-models",
             "{} model is none that Ringfence knows, and is kept as written: {}{}.",
             "{} models are none that Ringfence knows, and are kept as written: {}{}.");
    if (empty_fields_ > 0)
      notes_.push_back({"empty-fields",
                        empty_fields_,
                        {},
                        fmt::format("Empty fields at the end of {} {} were passed over.",
                                    empty_fields_, empty_fields_ == 1 ? "line" : "lines")});
  }

 private:
  static void note(CsvNote& note, std::string_view written, const std::string& meant) {
    if (written == meant) return;
    ++note.count;
    const std::string example = fmt::format("{} as {}", written, meant);
    if (note.examples.size() < kExamples && std::ranges::count(note.examples, example) == 0)
      note.examples.push_back(example);
  }

  void add_read(CsvNote& note, const char* kind, const char* one, const char* several) {
    if (note.count == 0) return;
    note.kind = kind;
    note.text =
        fmt::format(fmt::runtime(note.count == 1 ? one : several), note.count,
                    fmt::join(note.examples, ", "), note.count > note.examples.size() ? " …" : "");
    notes_.push_back(std::move(note));
  }

  void add_all(const std::string& kind, const std::vector<std::string>& all, const char* several,
               const char* one) {
    if (all.empty()) return;
    CsvNote note{kind, all.size(), {}, {}};
    for (std::size_t i = 0; i < std::min(kExamples, all.size()); ++i)
      note.examples.push_back(all[i]);
    const std::string listed = fmt::format("{}", fmt::join(all, ", "));
    note.text = all.size() == 1 ? fmt::format(fmt::runtime(one), listed)
                                : fmt::format(fmt::runtime(several), all.size(), listed);
    notes_.push_back(std::move(note));
  }

  std::vector<CsvNote>& notes_;
  CsvNote names_;
  CsvNote models_;
  CsvNote unknown_;
  std::size_t empty_fields_ = 0;
};

/// check_count throws when the line has not as many fields as the header, but for empty ones more.
void check_count(const CsvRecord& record, std::size_t columns) {
  const std::size_t count = record.count > columns ? record.count : record.count + record.padded;
  if (record.count > columns || count < columns)
    refuse_line(record.line, fmt::format("{} fields where the header has {}", count, columns));
}

}  // namespace

PhoneCsv parse_phone_csv(std::string_view text, Time now,
                         const std::function<std::optional<Phone>(std::string_view name)>& known) {
  PhoneCsv csv;
  Notes notes(csv.notes);
  CsvRecords records(text);
  const auto header = records.next(PhoneColumns::kMost);
  if (!header) refuse_line(1, "a header line that names the columns is missing");
  const PhoneColumns columns(*header);
  notes.separator(records.separator());
  notes.columns(columns);
  notes.line(*header, columns.count());

  std::set<std::string, std::less<>> names;
  while (const auto record = records.next(columns.count())) {
    if (csv.phones.size() == kMostRows)
      refuse_line(record->line, fmt::format("more than {} phones in one file", kMostRows));
    check_count(*record, columns.count());
    notes.line(*record, columns.count());
    try {
      csv.phones.push_back(phone_from(columns, *record, now, known));
    } catch (const Error& error) {
      if (error.code() != Code::malformed) throw;
      refuse_line(record->line, error.what());
    }
    const std::string& name = csv.phones.back().name;
    if (!names.insert(name).second)
      refuse_line(record->line, fmt::format("the phone {} was given before", name));
    notes.name(columns.value(*record, "name"), name);
    notes.model(columns.value(*record, "model"), model_name_from(columns.value(*record, "model")));
  }
  notes.finish();
  return csv;
}

}  // namespace ringfence::core
