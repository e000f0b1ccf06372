// What the grammar says about itself: syntax blocks, long help, the README's table.
#pragma once

#include <string>

#include "shell/grammar.h"

namespace ringfence::shell {

/// syntax_line returns "show cert own name" or "utils phone add name [model value] …".
std::string syntax_line(const Command& command);

/// short_help is what `?` prints after a command: "Syntax:", the line, a row a parameter,
/// in lines of so many columns. Source: reference/cucm-cli.md 1.3.
std::string short_help(const Command& command, std::size_t columns);

/// long_help is what `help <command>` prints, in lines of so many columns.
std::string long_help(const Command& command, std::size_t columns);

/// help_index lists the commands at and below a node with their summaries.
std::string help_index(const Grammar& grammar, const Grammar::Node& node, std::size_t columns);

/// command_table is the Markdown table of shell/README.md.
std::string command_table(const Grammar& grammar);

}  // namespace ringfence::shell
