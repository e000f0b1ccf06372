// Rows as comma-separated values that spreadsheets read and do not run.
#pragma once

#include <string>
#include <vector>

namespace ringfence::shell {

/// csv_line writes one record of RFC 4180, CRLF at its end. A field is quoted where that is needed.
///
/// One that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a carriage
/// return) gets an apostrophe in front, which spreadsheets show as nothing.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace ringfence::shell
