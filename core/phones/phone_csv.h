// The CSV that `utils phone import` reads.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/phone.h"

namespace ringfence::core {

/// parse_phone_csv reads a header line and one phone a line (RFC 4180: quotes, CRLF or LF).
///
/// Columns in any order, only `name` is required: name, model, description, device_pool,
/// security_profile (`-` for none), operation, auth_mode, auth_string, key_order, rsa_bits,
/// ec_bits, completes_by (YYYY:MM:DD:HH; empty means seven days after `now`). A column that is
/// absent, or empty, keeps what `known` returns for that name, or the default for a new phone; only
/// the time an operation completes by starts anew when the row names an operation. Such a row has
/// `capf.request` 0, by which PhoneStore::save knows that it is asked anew. Blank lines are passed
/// over. Throws Error{malformed} "line N: …" for an unknown or repeated column, a bad value, a
/// wrong count of fields, or a name given twice; then nothing is imported. At most 100,000 rows.
/// Messages never repeat an authentication string.
std::vector<Phone> parse_phone_csv(
    std::string_view text, Time now,
    const std::function<std::optional<Phone>(std::string_view name)>& known);

}  // namespace ringfence::core
