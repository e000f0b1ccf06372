// The CSV that `utils phone import` reads.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/phone.h"

namespace ringfence::core {

/// CsvNote is one kind of thing that was not written as it is kept, and was understood.
struct CsvNote {
  std::string kind;  ///< "names", "columns", "passed-over", "separator" or "empty-fields"
  std::size_t count = 0;
  std::vector<std::string> examples;  ///< the first three: "00:11:22:33:44:55 as SEP001122334455"
  std::string text;                   ///< one sentence
};

/// PhoneCsv is what a file says.
struct PhoneCsv {
  std::vector<Phone> phones;
  std::vector<CsvNote> notes;
};

/// parse_phone_csv reads a header line and one phone a line (RFC 4180: quotes, CRLF or LF; ',', ';'
/// or tab between fields, see CsvRecords).
///
/// Columns in any order and by any of their names (PhoneColumns), only `name` is required: name,
/// model, description, device_pool, security_profile (`-` for none), operation, auth_mode,
/// auth_string, key_order, rsa_bits, ec_bits, completes_by (YYYY:MM:DD:HH; empty means seven days
/// after `now`). A name may be a MAC address (device_name_from); words may be CUCM's ("Install/
/// Upgrade", "By Null String", "RSA Only"). A column that is absent, or empty, keeps what `known`
/// returns for that name, or the default for a new phone; only the time an operation completes by
/// starts anew when the row names an operation. Such a row has `capf.request` 0, by which
/// PhoneStore::save knows that it is asked anew. Blank lines and empty fields at a line's end are
/// passed over. Throws Error{malformed} "line N: …" for an unknown or repeated column, a bad value,
/// a wrong count of fields, or a name given twice; then nothing is imported. At most 100,000 rows;
/// costs memory for what is kept only. Messages never repeat an authentication string.
PhoneCsv parse_phone_csv(std::string_view text, Time now,
                         const std::function<std::optional<Phone>(std::string_view name)>& known);

}  // namespace ringfence::core
