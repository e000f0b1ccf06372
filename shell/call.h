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

  /// ask is Admin::call with the structs of core/admin/api.h.
  template <typename Answer, typename Request>
  Answer ask(std::string_view method, const Request& request,
             std::chrono::seconds timeout = std::chrono::seconds(60)) const {
    return core::admin::from_json<Answer>(
        session.admin->call(method, core::admin::to_json(request), timeout));
  }

  /// say prints text for people; nothing when the output is JSON.
  void say(std::string_view text) const;

  /// document prints the JSON document; nothing when the output is text.
  void document(boost::json::object document) const;

  /// answer prints the one or the other.
  template <typename T>
  void answer(const T& facts, std::string_view text) const {
    if (session.output == Output::json) document(core::admin::to_json(facts));
    say(text);
  }
};

}  // namespace ringfence::shell
