// Parameters that several command families take.
#pragma once

#include <string>
#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

/// named is an optional parameter after its own name: a word, or one of `choices`.
Parameter named(std::string name, std::string help, std::vector<std::string> choices = {});

/// device_name is the positional `name` of a phone.
Parameter device_name();

/// joined returns `first` with `second` behind it.
std::vector<Parameter> joined(std::vector<Parameter> first, const std::vector<Parameter>& second);

}  // namespace ringfence::shell
