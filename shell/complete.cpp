#include "shell/complete.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "shell/admin.h"
#include "shell/help.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using Node = Grammar::Node;
using Words = std::vector<std::string>;

/// Line is what stands before the cursor: finished words, and the one being typed (maybe empty).
struct Line {
  Words words;
  std::string partial;
};

Line read_line(std::string_view text) {
  Line line{split(text), {}};
  const bool typing = !text.empty() && text.back() != ' ' && text.back() != '\t';
  if (typing && !line.words.empty()) {
    line.partial = line.words.back();
    line.words.pop_back();
  }
  return line;
}

/// Place is where the finished words lead: a node of the tree and what follows its words.
struct Place {
  const Node* node = nullptr;
  std::string path;  ///< the node's words
  Words arguments;
};

Place walk(const Grammar& grammar, const Words& words) {
  Place place{&grammar.root(), {}, {}};
  std::size_t taken = 0;
  for (; taken < words.size(); ++taken) {
    const auto next = place.node->words.find(words[taken]);
    if (next == place.node->words.end()) break;
    place.node = &next->second;
    place.path += (place.path.empty() ? "" : " ") + words[taken];
  }
  place.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(taken), words.end());
  return place;
}

std::string list_words(const Place& place, std::string_view start) {
  std::string text;
  for (const auto& [word, below] : place.node->words) {
    if (!word.starts_with(start)) continue;
    text += "   " + place.path + (place.path.empty() ? "" : " ") + word +
            (below.words.empty() ? "" : "*") + "\n";
  }
  return text;
}

Offers offers(const Parameter& parameter, Admin& admin, const std::string& start) {
  if (!parameter.suggest)
    return parameter.choices.empty() ? parameter.spellings : parameter.choices;
  try {
    Offers offers = parameter.suggest(admin, start);
    offers.values.insert(offers.values.begin(), parameter.spellings.begin(),
                         parameter.spellings.end());
    return offers;
  } catch (const core::Error&) {
    return Words();  // no daemon, no suggestions: the command itself will say why
  }
}

/// Values are what may stand at the cursor as an argument.
struct Values {
  Offers candidates = Words();
  std::string partial = {};  ///< what of the candidate is typed already; several words of a rest
};

/// append_names adds the options that do not stand in `used`.
void append_names(const Command& command, const Words& used, Words& names) {
  for (const Parameter& parameter : command.parameters) {
    const bool free = std::ranges::count(used, parameter.name) == 0;
    if (parameter.form != Form::positional && free) names.push_back(parameter.name);
  }
}

Values values_at(const Command& command, const Words& arguments, const std::string& partial,
                 Admin& admin) {
  std::size_t taken = 0;
  for (const Parameter& parameter : command.parameters) {
    if (parameter.form != Form::positional) continue;
    if (parameter.kind == Kind::rest) {
      Words rest(arguments.begin() + static_cast<std::ptrdiff_t>(taken), arguments.end());
      rest.push_back(partial);
      const std::string start = join(rest, " ");
      return {offers(parameter, admin, start), start};
    }
    if (taken == arguments.size()) {
      Offers candidates = offers(parameter, admin, partial);
      if (parameter.presence == Presence::optional) append_names(command, {}, candidates.values);
      return {candidates, partial};
    }
    const bool left_out =
        parameter.presence == Presence::optional && names_option(command, arguments[taken]);
    if (!left_out) ++taken;
  }
  Words used;
  while (taken < arguments.size()) {
    const std::string& name = arguments[taken++];
    const auto option = std::ranges::find(command.parameters, name, &Parameter::name);
    if (option == command.parameters.end()) return {};
    used.push_back(name);
    if (option->form == Form::flag) continue;
    if (taken == arguments.size()) return {offers(*option, admin, partial), partial};
    ++taken;
  }
  Words names;
  append_names(command, used, names);
  return {names, partial};
}

/// extend finishes `partial` as far as all candidates agree, or lists them when that is no further.
Completion extend(const Offers& candidates, const std::string& partial) {
  Words fitting;
  for (const std::string& candidate : candidates.values) {
    if (starts_ignoring_case(candidate, partial)) fitting.push_back(candidate);
  }
  if (fitting.empty()) return {};
  if (fitting.size() == 1) return {partial.size(), fitting.front() + " ", {}};
  std::string common = fitting.front();
  for (const std::string& other : fitting) {
    std::size_t same = 0;
    while (same < std::min(common.size(), other.size()) &&
           starts_ignoring_case(common.substr(same, 1), other.substr(same, 1))) {
      ++same;
    }
    common.resize(same);
  }
  if (common.size() > partial.size()) return {partial.size(), common, {}};
  std::string listing;
  for (const std::string& candidate : fitting) {
    if (candidates.more > 0 && &candidate == &fitting.back())
      listing += fmt::format("   ... {} more, and\n", candidates.more);
    listing += "   " + candidate + "\n";
  }
  return {0, {}, listing};
}

bool takes_command(const Node& node) {
  return node.command != nullptr && !node.command->parameters.empty() &&
         node.command->parameters.front().kind == Kind::command;
}

}  // namespace

Completion complete(const Grammar& grammar, Admin& admin, std::string_view before_cursor) {
  if (in_quotes(before_cursor)) return {};
  const Line line = read_line(before_cursor);
  Place place = walk(grammar, line.words);
  if (takes_command(*place.node)) place = walk(grammar, place.arguments);

  if (place.arguments.empty()) {
    const auto exact = place.node->words.find(line.partial);
    if (exact != place.node->words.end()) {
      if (!exact->second.words.empty()) {
        const Place below{
            &exact->second, place.path + (place.path.empty() ? "" : " ") + line.partial, {}};
        return {0, {}, list_words(below, "")};
      }
      const bool more =
          exact->second.command != nullptr && !exact->second.command->parameters.empty();
      return {0, more ? " " : "", {}};
    }
    Words words;
    for (const auto& [word, below] : place.node->words) {
      if (word.starts_with(line.partial)) words.push_back(word);
    }
    const bool values_too = place.node->command != nullptr && words.empty();
    if (!values_too) {
      Completion completion = extend(words, line.partial);
      if (!completion.listing.empty()) completion.listing = list_words(place, line.partial);
      if (words.size() == 1 && line.partial.empty()) return {0, {}, list_words(place, "")};
      return completion;
    }
  }
  if (place.node->command == nullptr) return {};
  const Values values = values_at(*place.node->command, place.arguments, line.partial, admin);
  return extend(values.candidates, values.partial);
}

std::string question(const Grammar& grammar, std::string_view before_cursor, std::size_t columns) {
  Line line = read_line(before_cursor);
  Place place = walk(grammar, line.words);
  if (takes_command(*place.node) && !(place.arguments.empty() && line.partial.empty())) {
    line.words = place.arguments;
    place = walk(grammar, line.words);
  }
  if (place.arguments.empty() && place.node->words.contains(line.partial)) {
    line.words.push_back(line.partial);
    line.partial.clear();
    place = walk(grammar, line.words);
  }
  std::string text;
  if (place.arguments.empty()) text = list_words(place, line.partial);
  const bool as_argument =
      place.node->command != nullptr && (!place.node->command->parameters.empty() ||
                                         (place.arguments.empty() && line.partial.empty()));
  if (as_argument) text += short_help(*place.node->command, columns);
  return text;
}

}  // namespace ringfence::shell
