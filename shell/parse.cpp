#include "shell/parse.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "core/base/error.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using Words = std::vector<std::string>;

[[noreturn]] void refuse_value(const Parameter& parameter, const std::string& suggestion) {
  throw core::Error(core::Code::malformed,
                    fmt::format("Enter valid values for the {}.\n{}", parameter.name, suggestion));
}

/// checked returns the value as the command gets it: choices in their own spelling.
std::string checked(const Parameter& parameter, const std::string& value) {
  for (const std::string& spelling : parameter.spellings) {
    if (equal_ignoring_case(spelling, value)) return spelling;
  }
  if (parameter.kind == Kind::choice) {
    for (const std::string& choice : parameter.choices) {
      if (equal_ignoring_case(choice, value)) return choice;
    }
    refuse_value(parameter, "Suggested values are " + alternatives(parameter.choices));
  }
  if (parameter.kind == Kind::integer) {
    const auto number = integer_from(value);
    if (!parameter.choices.empty() && std::ranges::count(parameter.choices, value) == 0) {
      refuse_value(parameter, "Suggested values are " + alternatives(parameter.choices));
    }
    if (!number || *number < parameter.least || *number > parameter.most) {
      constexpr auto kNoBound = std::numeric_limits<std::int64_t>::max();
      refuse_value(parameter, number && *number > parameter.most && parameter.most != kNoBound
                                  ? fmt::format("It is a number from {} to {}", parameter.least,
                                                parameter.most)
                                  : fmt::format("It is a number of at least {}", parameter.least));
    }
  }
  return value;
}

bool takes_rest(Kind kind) {
  return kind == Kind::rest || kind == Kind::command;
}

/// bind gives `words` to the command's parameters: first those by place, then those by name.
Parsed bind(const Command& command, const Words& words) {
  Parsed parsed{Verdict::command, &command, {}};
  std::size_t next = 0;
  for (const Parameter& parameter : command.parameters) {
    if (parameter.form != Form::positional || next == words.size()) continue;
    if (parameter.presence == Presence::optional && names_option(command, words[next])) continue;
    if (takes_rest(parameter.kind)) {
      const Words rest(words.begin() + static_cast<std::ptrdiff_t>(next), words.end());
      parsed.arguments.set(parameter.name, checked(parameter, join(rest, " ")));
      next = words.size();
    } else {
      parsed.arguments.set(parameter.name, checked(parameter, words[next++]));
    }
  }
  Words names;
  for (const Parameter& parameter : command.parameters) {
    if (parameter.form != Form::positional) names.push_back(parameter.name);
  }
  if (names.empty() && next < words.size()) return {};
  while (next < words.size()) {
    const std::string& name = words[next++];
    const auto parameter = std::ranges::find(command.parameters, name, &Parameter::name);
    if (parameter == command.parameters.end() || parameter->form == Form::positional) {
      throw core::Error(
          core::Code::malformed,
          fmt::format("Enter valid options.\nSuggested options are {}", alternatives(names)));
    }
    if (parsed.arguments.has(name)) {
      throw core::Error(core::Code::malformed, "Enter " + name + " only once.");
    }
    if (parameter->form == Form::flag) {
      parsed.arguments.set(name, "yes");
      continue;
    }
    if (next == words.size()) return {Verdict::incomplete, nullptr, {}};
    parsed.arguments.set(name, checked(*parameter, words[next++]));
  }
  for (const Parameter& parameter : command.parameters) {
    if (parameter.presence == Presence::mandatory && !parsed.arguments.has(parameter.name)) {
      return {Verdict::incomplete, nullptr, {}};
    }
  }
  return parsed;
}

}  // namespace

Parsed parse(const Grammar& grammar, const Words& words) {
  const Grammar::Node* node = &grammar.root();
  std::size_t taken = 0;
  while (taken < words.size()) {
    const auto next = node->words.find(words[taken]);
    if (next == node->words.end()) break;
    node = &next->second;
    ++taken;
  }
  if (node->command != nullptr) {
    return bind(*node->command, {words.begin() + static_cast<std::ptrdiff_t>(taken), words.end()});
  }
  return {taken == words.size() ? Verdict::incomplete : Verdict::unknown, nullptr, {}};
}

}  // namespace ringfence::shell
