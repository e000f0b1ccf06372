// Parameters that several command families take.
#pragma once

#include <string>
#include <vector>

#include "shell/grammar.h"
#include "shell/output_file.h"

namespace ringfence::shell {

/// named is an optional parameter after its own name: a word, or one of `choices`.
Parameter named(std::string name, std::string help, std::vector<std::string> choices = {});

/// flag is an option that is its name alone.
Parameter flag(std::string name, std::string help);

/// overwrite is the option of a command that writes a file.
Parameter overwrite();

/// overwrite_of reads it.
Overwrite overwrite_of(const Arguments& arguments);

/// device_name is the positional `name` of a phone that is known; Tab completes it.
Parameter device_name();

/// key_settings are the parameters of CAPF that a security profile fixes as well.
std::vector<Parameter> key_settings();

/// unit_names are the certificate units, as the daemon spells them.
std::vector<std::string> unit_names();

/// joined returns `first` with `second` behind it.
std::vector<Parameter> joined(std::vector<Parameter> first, const std::vector<Parameter>& second);

}  // namespace ringfence::shell
