// ringfence: the admin shell. Options and wiring only.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/admin/system_api.h"
#include "core/base/error.h"
#include "shell/commands.h"
#include "shell/editor.h"
#include "shell/help.h"
#include "shell/printable.h"
#include "shell/prose.h"
#include "shell/shell.h"
#include "shell/terminal.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

constexpr std::string_view kUsage =
    "usage: ringfence --socket PATH [--json] [--yes] [command words...]\n"
    "  --socket PATH          the socket of the ringfence-admin to ask\n"
    "  --json                 print the facts as one JSON document\n"
    "  --yes                  answer yes to every confirmation\n"
    "  --print-command-table  print the commands as Markdown and end\n"
    "It exits with 0 when everything is as asked, 1 when a command failed, 2 when it was not\n"
    "understood, 5 when the change is done and phones are missing, left out, failed or unproven.\n";

struct Options {
  std::string socket;
  Output output = Output::text;
  Questions questions = Questions::ask;
  bool print_table = false;
  bool print_usage = false;
  std::vector<std::string> words;
};

/// read_options takes options before and after the command words; after `--` all is words.
/// Throws Error{malformed} for an unknown option before the first word.
Options read_options(const std::vector<std::string>& arguments) {
  Options options;
  bool only_words = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (only_words) {
      options.words.push_back(argument);
    } else if (argument == "--") {
      only_words = true;
    } else if (argument == "--json") {
      options.output = Output::json;
    } else if (argument == "--yes") {
      options.questions = Questions::answer_yes;
    } else if (argument == "--socket" && i + 1 < arguments.size()) {
      options.socket = arguments[++i];
    } else if (argument.starts_with("--socket=")) {
      options.socket = argument.substr(9);
    } else if (argument == "--print-command-table") {
      options.print_table = true;
    } else if (argument == "--help") {
      options.print_usage = true;
    } else if (options.words.empty() && argument.starts_with("--")) {
      throw core::Error(core::Code::malformed,
                        "unknown option, or one without its value: " + argument);
    } else {
      options.words.push_back(argument);
    }
  }
  return options;
}

/// greeting asks who we are; without a daemon every command is shown and says itself what is wrong.
struct Greeting {
  core::admin::Hello hello;
  std::string problem = {};
  bool silent = false;  ///< nobody answered
};

Greeting greet(Admin& admin) {
  try {
    return {ask(admin, core::admin::method::session_hello, {}, std::chrono::seconds(10))};
  } catch (const core::Error& error) {
    Greeting greeting{{}, error.what(), error.code() == core::Code::io};
    greeting.hello.level = 4;
    return greeting;
  }
}

/// Source: reference/cucm-cli.md 1.2; facts of this host where the original prints the VMware ones.
std::string banner(const Greeting& greeting) {
  std::string text =
      "Command Line Interface is starting up, please wait ...\n\n"
      "   Welcome to the Platform Command Line Interface\n\n";
  const core::admin::Hello& hello = greeting.hello;
  if (greeting.problem.empty()) {
    text += fmt::format(
        "Ringfence {} on {}:\n\t{}\n\t{} Mbytes RAM\n\tAccount {}, privilege level {}\n",
        hello.version, hello.host, counted(hello.processors, "vCPU"), hello.memory_mbytes,
        hello.account, hello.level);
    for (const std::string& warning : hello.warnings) text += "\tWARNING: " + warning + "\n";
  } else {
    text += "Ringfence " RINGFENCE_VERSION ":\n\tWARNING: " + greeting.problem + "\n";
  }
  return printable(text) + "\n";
}

int interact(Shell& shell, Session& session, const Grammar& grammar, Terminal& terminal) {
  terminal.keep_running();
  Editor editor(
      "admin:", [&](std::string_view text) { return complete(grammar, *session.admin, text); },
      [&](std::string_view text) {
        return wrapped(question(grammar, text, terminal.columns()), terminal.columns());
      });
  while (!session.leaving) {
    const std::optional<std::string> line = editor.read();
    if (!line) {
      terminal.write(Stream::output, "\n");
      break;
    }
    std::string kept = *line;
    while (!kept.empty() && (kept.back() == '\n' || kept.back() == ' ')) kept.pop_back();
    if (kept.empty()) continue;
    if (!grammar.names_secret(split_lenient(kept))) editor.remember(kept);
    shell.run_line(kept);
  }
  return 0;
}

/// run_script runs the lines of standard input; the status is that of the last that failed.
int run_script(Shell& shell, Session& session, Terminal& terminal) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // as editors write it at a start
  Status last = Status::success;
  for (bool first = true; !session.leaving; first = false) {
    std::optional<std::string> line = terminal.next_line(kMaxLineBytes);
    if (!line) break;
    if (first && line->starts_with(kByteOrderMark)) line->erase(0, kByteOrderMark.size());
    const Status status = shell.run_line(*line);
    if (status != Status::success) last = status;
  }
  return static_cast<int>(last);
}

int run(const Options& options) {
  std::shared_ptr<Admin> admin = connect_admin(options.socket);
  const Greeting greeting = greet(*admin);
  const Grammar grammar(all_commands(), greeting.hello.level);
  Terminal terminal;
  const bool talk = options.words.empty() && ::isatty(STDIN_FILENO) == 1 && terminal.interactive();
  // Somebody at a terminal can try again; a script is told at once. What the daemon refuses it
  // refuses by itself.
  if (greeting.silent && !talk) admin = silent_admin(greeting.problem);
  Session session{admin, terminal, options.output, options.questions,
                  talk ? Paging::on : Paging::off};
  Shell shell(grammar, session);
  // One word may be a whole line, as in: ssh admin@host 'show itl'.
  if (options.words.size() == 1) return static_cast<int>(shell.run_line(options.words.front()));
  if (!options.words.empty()) return static_cast<int>(shell.run_words(options.words));
  if (!talk) return run_script(shell, session, terminal);
  terminal.write(Stream::output, banner(greeting));
  return interact(shell, session, grammar, terminal);
}

/// misused says what is wrong with the arguments, in the form they ask for; they may be half read.
int misused(const std::vector<std::string>& arguments, const std::string& message) {
  constexpr int kMisused = 2;
  const auto end = std::ranges::find(arguments, "--");
  if (std::find(arguments.begin(), end, "--json") != end) {
    const boost::json::object document{
        {"error", {{"code", core::name(core::Code::malformed)}, {"message", message}}}};
    std::cout << printable_json(boost::json::serialize(document)) << "\n";
  } else {
    std::cerr << "ringfence: " << printable(message) << "\n" << kUsage;
  }
  return kMisused;
}

int start(const std::vector<std::string>& arguments) {
  Options options;
  try {
    options = read_options(arguments);
  } catch (const core::Error& error) {
    return misused(arguments, error.what());
  }
  try {
    if (options.print_usage) {
      std::cout << kUsage;
      return 0;
    }
    if (options.print_table) {
      std::cout << command_table(Grammar(all_commands(), 4));
      return 0;
    }
    if (options.socket.empty()) return misused(arguments, "--socket PATH is missing");
    return run(options);
  } catch (const core::Error& error) {
    std::cerr << "ringfence: " << printable(error.what()) << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace ringfence::shell

int main(int argc, char** argv) {
  return ringfence::shell::start({argv + 1, argv + argc});
}
