#include "shell/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "shell/prose.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

constexpr int kShownOptions = 3;

/// values returns how a parameter's value is written: its choices, or its name.
std::string values(const Parameter& parameter) {
  if (!parameter.choices.empty()) return join(parameter.choices, "|");
  return parameter.form == Form::named ? "value" : parameter.name;
}

std::string description(const Parameter& parameter) {
  if (parameter.choices.empty()) return parameter.help;
  return fmt::format("{}: {}", parameter.help, join(parameter.choices, "|"));
}

/// paragraphs joins lines that were broken for a usual terminal, so that a narrow one breaks them
/// anew; lines that are laid out in columns stay.
std::string paragraphs(const std::string& text, std::size_t columns) {
  if (columns >= kProseColumns) return text;
  const auto stays = [](std::string_view line) {
    return line.empty() || line.front() == ' ' || line.find("  ") != line.npos;
  };
  std::string joined;
  bool before_stays = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (at > 0) joined += before_stays || stays(line) ? '\n' : ' ';
    joined += line;
    before_stays = stays(line);
    at = end + 1;
  }
  return text.ends_with('\n') ? joined + '\n' : joined;
}

void collect(const Grammar::Node& node, std::vector<const Command*>& commands) {
  if (node.command != nullptr) commands.push_back(node.command);
  for (const auto& [word, below] : node.words) collect(below, commands);
}

std::string with_newline(std::string text) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

}  // namespace

std::string syntax_line(const Command& command) {
  std::string line = command.words;
  std::string options;
  int count = 0;
  for (const Parameter& parameter : command.parameters) {
    std::string part = parameter.form == Form::named ? parameter.name + " " : "";
    if (parameter.form == Form::flag) part = parameter.name;
    if (parameter.form != Form::flag) part += values(parameter);
    if (parameter.presence == Presence::mandatory) {
      line += " " + part;
    } else {
      options += " [" + part + "]";
      ++count;
    }
  }
  return line + (count > kShownOptions ? " [options]" : options);
}

std::string short_help(const Command& command, std::size_t columns) {
  std::size_t longest = 0;
  for (const Parameter& parameter : command.parameters)
    longest = std::max(longest, parameter.name.size());
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Parameter& parameter : command.parameters)
    lines.emplace_back(
        fmt::format("{:<{}}   {}", parameter.name, longest,
                    parameter.presence == Presence::optional ? "optional " : "mandatory"),
        description(parameter));
  return "Syntax:\n" + syntax_line(command) + "\n" +
         (lines.empty() ? "" : listed(lines, "   ", columns));
}

std::string long_help(const Command& command, std::size_t columns) {
  std::string text = fmt::format("{} help:\nThis will {}\n", command.words, command.summary);
  if (!command.help.empty()) text += "\n" + paragraphs(with_newline(command.help), columns);
  std::vector<std::pair<std::string, std::string>> options;
  for (const Parameter& parameter : command.parameters)
    options.emplace_back(
        parameter.name,
        description(parameter) + (parameter.presence == Presence::optional ? " (optional)" : ""));
  if (!options.empty()) text += "\noptions are:\n" + listed(options, " - ", columns);
  if (!command.example.empty()) text += "\nExample:\nadmin:" + with_newline(command.example);
  return text;
}

std::string help_index(const Grammar& grammar, const Grammar::Node& node, std::size_t columns) {
  std::vector<const Command*> commands;
  collect(node, commands);
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Command* command : commands) lines.emplace_back(command->words, command->summary);
  std::string text = listed(lines, "   ", columns);
  if (&node != &grammar.root()) return text;
  return text + "\n" +
         paragraphs(
             "Tab completes a word, ? shows what can follow, help <command> explains a command.\n"
             "A command's exit status is 0 when everything is as asked, 1 when it failed, 2 when "
             "it\n"
             "was not understood, and 5 when the change is done and phones are missing, left out,\n"
             "failed or unproven.\n",
             columns);
}

std::string command_table(const Grammar& grammar) {
  std::string text = "| command | level | what it will do |\n|---|---|---|\n";
  for (const Command& command : grammar.commands()) {
    std::string syntax;
    for (const char c : syntax_line(command))
      syntax += c == '|' ? std::string("\\|") : std::string(1, c);
    text += fmt::format("| `{}` | {} | {} |\n", syntax, command.level, command.summary);
  }
  return text;
}

}  // namespace ringfence::shell
