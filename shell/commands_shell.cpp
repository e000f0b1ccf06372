// help, show schema, set cli, quit: the shell itself.
#include <boost/describe/class.hpp>

#include "core/admin/api.h"
#include "core/admin/json_described.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/help.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

struct CommandFacts {
  std::string command;
  std::string syntax;
  int level = 0;
  std::string summary;
};
BOOST_DESCRIBE_STRUCT(CommandFacts, (), (command, syntax, level, summary))

struct Help {
  std::vector<CommandFacts> commands;
};
BOOST_DESCRIBE_STRUCT(Help, (), (commands))

struct Pagination {
  bool automatic = false;
};
BOOST_DESCRIBE_STRUCT(Pagination, (), (automatic))

/// find_node returns the node that `words` name in full, or nothing.
const Grammar::Node* find_node(const Grammar& grammar, const std::string& words) {
  const Grammar::Node* node = &grammar.root();
  for (const std::string& word : split(words)) {
    const auto next = node->words.find(word);
    if (next == node->words.end()) return nullptr;
    node = &next->second;
  }
  return node;
}

Status help(Call& call) {
  const std::string words = call.arguments.find("command").value_or("");
  const Grammar::Node* node = find_node(call.grammar, words);
  if (node == nullptr) {
    throw core::Error(core::Code::not_found, "There is no help for '" + words + "'.");
  }
  Help facts;
  for (const Command& command : call.grammar.commands()) {
    const bool below =
        words.empty() || command.words == words || command.words.starts_with(words + " ");
    if (!below) continue;
    facts.commands.push_back({command.words, syntax_line(command), command.level, command.summary});
  }
  const bool one = node->command != nullptr;
  std::string text = one ? long_help(*node->command, call.columns())
                         : help_index(call.grammar, *node, call.columns());
  if (one && !node->words.empty()) {
    text += "\nSee also:\n";
    for (const auto& [word, below] : node->words) text += node->command->words + " " + word + "\n";
  }
  call.answer(facts, text);
  return Status::success;
}

Status schema(Call& call) {
  const std::string& words = call.arguments.at("command");
  const Grammar::Node* node = find_node(call.grammar, words);
  if (node == nullptr || node->command == nullptr) {
    throw core::Error(core::Code::not_found, "There is no command '" + words + "'.");
  }
  const auto make = node->command->schema;
  boost::json::object document =
      make == nullptr ? core::admin::schema_of<core::admin::Nothing>() : make();
  if (node->command->confirm) describe_remarks(document);
  call.document(document);
  call.say(boost::json::serialize(document) + "\n");
  return Status::success;
}

Status set_pagination(Call& call) {
  const std::string& state = call.arguments.at("state");
  call.session.paging = state == "on" ? Paging::on : Paging::off;
  call.answer(Pagination{state == "on"}, "Automatic pagination is turned " + state + "\n");
  return Status::success;
}

Status show_pagination(Call& call) {
  const bool on = call.session.paging == Paging::on;
  call.answer(Pagination{on}, std::string("Automatic Pagination : ") + (on ? "On" : "Off") + ".\n");
  return Status::success;
}

Status leave(Call& call) {
  call.session.leaving = true;
  call.document({});
  return Status::success;
}

}  // namespace

std::vector<Command> shell_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "help",
                      .summary = "list the commands, or explain one",
                      .parameters = {{.name = "command",
                                      .help = "the words of a command, or the first of them",
                                      .kind = Kind::command,
                                      .presence = Presence::optional}},
                      .example = "help show cert list\n",
                      .run = help,
                      .schema = core::admin::schema_of<Help>});
  commands.push_back(
      {.words = "show schema",
       .summary = "show the JSON schema of what --json prints for a command",
       .parameters = {{.name = "command", .help = "the words of a command", .kind = Kind::command}},
       .example = "show schema show cert list\n",
       .run = schema});
  commands.push_back({.words = "set cli pagination",
                      .level = 1,
                      .summary = "stop output at each page, or not, for this session",
                      .parameters = {{.name = "state",
                                      .help = "automatic pagination",
                                      .kind = Kind::choice,
                                      .choices = {"on", "off"}}},
                      .example = "set cli pagination off\nAutomatic pagination is turned off\n",
                      .run = set_pagination,
                      .schema = core::admin::schema_of<Pagination>});
  commands.push_back({.words = "show cli pagination",
                      .summary = "say whether output stops at each page",
                      .example = "show cli pagination\nAutomatic Pagination : On.\n",
                      .run = show_pagination,
                      .schema = core::admin::schema_of<Pagination>});
  commands.push_back({.words = "quit", .summary = "leave the shell", .run = leave});
  commands.push_back({.words = "exit", .summary = "leave the shell", .run = leave});
  return commands;
}

}  // namespace ringfence::shell
