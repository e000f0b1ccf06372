// The books of an enrolment: what the journal says against what phones hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/faults/sturdy_phone.h"

namespace ringfence::test {

/// When the books are read: while phones are still on their way, or when each was told that nothing
/// is left to do.
enum class Books { open, closed };

/// faults_in returns a sentence for each thing that does not add up; none when all does.
///
/// Always: a certificate that a phone received is in the journal, as it was sent; what is confirmed
/// was stored by its phone; what is not is listed as stale; an outcome is a success exactly when a
/// certificate of its request is confirmed; what the log says was issued is in the journal, and no
/// serial twice. With closed books also: each phone's request succeeded, and it holds what the
/// journal says it holds.
///
/// `capf_db` is opened as the product opens it; `log` is what ringfence-capf wrote, may be empty.
std::vector<std::string> faults_in(const std::filesystem::path& capf_db,
                                   const std::vector<const SturdyPhone*>& phones,
                                   const std::string& log, Books books);

}  // namespace ringfence::test
