// The state file: what each phone keeps between two runs of the fleet.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/fleet/phone.h"

namespace ringfence::fleet {

using Flash = std::map<std::string, PhoneMemory>;

/// read_flash returns the phones of a state file, none when there is no such file.
/// Throws core::Error{malformed} naming the file.
Flash read_flash(const std::filesystem::path& path);

/// write_flash replaces the state file, mode 0600: it holds the phones' private keys.
void write_flash(const std::filesystem::path& path, const Flash& flash);

}  // namespace ringfence::fleet
