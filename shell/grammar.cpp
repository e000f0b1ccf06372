#include "shell/grammar.h"

#include <algorithm>
#include <stdexcept>

#include "shell/words.h"

namespace ringfence::shell {

std::optional<std::string> Arguments::find(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> Arguments::integer(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return integer_from(found->second);
}

Grammar::Grammar(std::vector<Command> commands, int level) : commands_(std::move(commands)) {
  std::erase_if(commands_, [level](const Command& command) { return command.level > level; });
  std::ranges::sort(commands_, {}, &Command::words);
  for (const Command& command : commands_) {
    Node* node = &root_;
    for (const std::string& word : split(command.words)) node = &node->words[word];
    if (node->command != nullptr)
      throw std::logic_error("two commands are '" + command.words + "'");
    node->command = &command;
  }
}

bool names_option(const Command& command, const std::string& word) {
  return std::ranges::any_of(command.parameters, [&](const Parameter& parameter) {
    return parameter.form != Form::positional && parameter.name == word;
  });
}

bool Grammar::names_secret(const std::vector<std::string>& words) const {
  for (const Command& command : commands_) {
    for (const Parameter& parameter : command.parameters) {
      if (parameter.kind == Kind::secret && std::ranges::count(words, parameter.name) > 0)
        return true;
    }
  }
  return false;
}

}  // namespace ringfence::shell
