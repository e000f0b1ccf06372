// The file names under which trust stores list certificates.
#pragma once

#include <string>
#include <string_view>

namespace ringfence::core {

/// file_stem_of returns the name of a certificate's file, without ".pem", made of its common name:
/// letters, digits, '.', '_' and '-', not beginning with '.' or '-', at most 80 bytes; what else
/// the name has becomes '_'. "" for a name of nothing but that.
std::string file_stem_of(std::string_view common_name);

}  // namespace ringfence::core
