// The grammar as data: what a command is called, takes, asks, answers and says about itself.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "shell/console.h"

namespace ringfence::shell {

class Admin;
struct Call;

enum class Kind {
  word,     ///< one word
  rest,     ///< all words that are left, joined by one space: names with spaces need no quotes
  file,     ///< the path of a file on the machine the shell runs on
  choice,   ///< one of `choices`, in any case
  integer,  ///< a number from `least` to `most`
  secret,   ///< a value that is never shown, completed or kept in the history
  command,  ///< the words of another command, all that are left
};

enum class Form {
  positional,  ///< by its place: `show phone SEP001122334455`
  named,       ///< after its name, in any order: `model CP-8861`
  flag,        ///< its name alone, in any order, optional: `overwrite`
};

enum class Presence { mandatory, optional };

/// Offers are values that Tab may put in: some that begin with what is typed, in any case.
struct Offers {
  Offers(std::vector<std::string> all) : values(std::move(all)) {}  // NOLINT: a list is an offer

  std::vector<std::string> values;
  std::int64_t more = 0;  ///< so many stand before the last of them and were left out
};

struct Parameter {
  std::string name;
  std::string help;
  Kind kind = Kind::word;
  Presence presence = Presence::mandatory;
  Form form = Form::positional;
  std::vector<std::string> choices = {};
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  /// suggest returns values that Tab offers, among them those that begin with `start` in any case;
  /// any other value is still for the daemon to judge.
  std::function<Offers(Admin& admin, const std::string& start)> suggest = {};
  /// Names that are taken in any case, and then spelled like this; others are taken as typed.
  std::vector<std::string> spellings = {};
};

/// Arguments are a command's parameters as typed and checked, by name.
class Arguments {
 public:
  void set(const std::string& name, std::string value) { values_[name] = std::move(value); }

  bool has(const std::string& name) const { return values_.contains(name); }

  /// at returns a mandatory parameter.
  const std::string& at(const std::string& name) const { return values_.at(name); }

  std::optional<std::string> find(const std::string& name) const;
  std::optional<std::int64_t> integer(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

/// Status is a command's end, and the program's exit status.
enum class Status {
  success = 0,  ///< everything as asked
  failed = 1,
  not_understood = 2,
  phones_missing = 5,  ///< the change is done; phones are missing, left out, failed or unproven
};

/// Confirmation is what is said and asked before a command that cannot be taken back.
struct Confirmation {
  std::string warning;    ///< whole lines, may be empty; its "WARNING: " and "NOTE: " are remarks
  std::string question;   ///< ends where the answer is typed
  std::string cancelled;  ///< the sentence for any answer but yes
  Stream stream = Stream::output;  ///< error where the output is for a script to read
};

/// Command is one row of the grammar. Parsing, completion, `?`, help, the README's table and the
/// JSON schemas all read this declaration.
struct Command {
  std::string words;  ///< "show cert list"
  int level = 0;      ///< 0, 1 or 4: the least privilege that sees it
  std::string summary;
  std::vector<Parameter> parameters = {};
  std::string help = {};     ///< more sentences for `help`, may be empty
  std::string example = {};  ///< what is typed, and output where it helps
  /// confirm returns nothing when these arguments need no question.
  std::function<std::optional<Confirmation>(Call&)> confirm = {};
  std::function<Status(Call&)> run = {};
  boost::json::object (*schema)() = nullptr;  ///< of the --json document; null: {}
};

/// names_option says whether a word begins a named parameter: then an optional value before it was
/// left out.
bool names_option(const Command& command, const std::string& word);

/// Grammar is the tree of command words that an account of one privilege level sees.
class Grammar {
 public:
  struct Node {
    std::map<std::string, Node, std::less<>> words;
    const Command* command = nullptr;
  };

  /// Takes all commands of `level` and below. Throws std::logic_error when two have the same words.
  Grammar(std::vector<Command> commands, int level);
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  const Node& root() const noexcept { return root_; }

  const std::vector<Command>& commands() const noexcept { return commands_; }  ///< by their words

  /// names_secret says whether a line with these words could hold a secret.
  bool names_secret(const std::vector<std::string>& words) const;

 private:
  std::vector<Command> commands_;
  Node root_;
};

}  // namespace ringfence::shell
