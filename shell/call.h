// One run of one command: its arguments, the daemon it asks, and where its answer goes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/admin/json.h"
#include "shell/admin.h"
#include "shell/console.h"
#include "shell/grammar.h"
#include "shell/remarks.h"
#include "shell/table.h"

namespace ringfence::shell {

enum class Output { text, json };
enum class Questions { ask, answer_yes };

/// Session is what lasts from one command to the next.
struct Session {
  std::shared_ptr<Admin> admin;
  Console& console;
  Output output = Output::text;
  Questions questions = Questions::ask;
  Paging paging = Paging::on;
  bool leaving = false;  ///< set by quit
};

/// Call is handed to a command's functions. Text is escaped on its way to the console, so a
/// command may print what a phone sent.
struct Call {
  Session& session;
  const Grammar& grammar;
  const Arguments& arguments;
  Remarks remarks = {};  ///< what was told so far beside the answer

  /// ask asks ringfence-admin by a method of core/admin.
  template <typename Request, typename Answer>
  Answer ask(const core::admin::Method<Request, Answer>& method,
             const std::type_identity_t<Request>& request,
             std::chrono::seconds timeout = std::chrono::seconds(60)) const {
    return shell::ask(*session.admin, method, request, timeout);
  }

  /// columns is how wide lines for people may be: kAnyWidth unless a terminal shows them.
  std::size_t columns() const {
    return session.console.interactive() ? session.console.columns() : kAnyWidth;
  }

  /// say prints text for people; nothing when the output is JSON.
  void say(std::string_view text) const;

  /// document prints the JSON document with all remarks; nothing when the output is text.
  void document(boost::json::object document);

  /// answer prints the one or the other. The warnings and notes among the facts are told to
  /// scripts as well: with --json and --yes on the error stream.
  template <typename T>
  void answer(const T& facts, std::string_view text) {
    if (session.output == Output::json) return document(core::admin::to_json(facts));
    say(text);
    if (session.questions == Questions::answer_yes) tell(remarks_of(core::admin::to_json(facts)));
  }

  /// warn prints text for people on `stream`, and tells the remarks that stand in it.
  void warn(std::string_view text, Stream stream = Stream::output);

  /// tell remembers remarks that stand in no text of their own yet, and with --json or --yes writes
  /// those that are new to the error stream.
  void tell(const Remarks& more);

  /// tell_apart writes a text on the error stream that --yes has on the output already: not when
  /// both are the same file or terminal, where it would stand twice.
  void tell_apart(std::string_view text) const;
};

}  // namespace ringfence::shell
