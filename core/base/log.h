// Log lines as events: a stable ID and fields, to stderr or the journal.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace ringfence::core {

enum class Level { debug, info, notice, warning, error };

/// Field is one `name=value` of a log line. Values with spaces are quoted; control characters and
/// bytes outside ASCII are written as \xNN; a value is cut at 512 bytes.
struct Field {
  std::string_view name;
  std::string value;
};

/// log writes one line, "<ID> name=value …". Safe from several threads; never throws.
///
/// `id` is upper case, e.g. "CAPF_ISSUED". Never pass a key, a PIN, a password or an
/// authentication string.
void log(Level level, std::string_view id, std::initializer_list<Field> fields = {}) noexcept;

/// log_as sets the name that starts each line of this process, e.g. "capf".
void log_as(std::string_view process);

}  // namespace ringfence::core
