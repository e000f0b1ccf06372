#include "shell/shell.h"

#include "core/base/error.h"
#include "core/base/text.h"
#include "shell/complete.h"
#include "shell/parse.h"
#include "shell/printable.h"
#include "shell/prose.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

constexpr std::string_view kUnknown = "No valid command entered";
constexpr std::string_view kIncomplete = "Incomplete command entered";
constexpr std::string_view kUnsuccessful = "Executed command unsuccessfully";

/// is_comment says whether a line is passed over, as in a script or a pasted configuration.
bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with('!');
}

bool yes(std::string_view answer) {
  answer = core::trimmed(answer, " \t\r\n");
  return equal_ignoring_case(answer, "yes") || equal_ignoring_case(answer, "y");
}

}  // namespace

std::size_t Shell::columns() const {
  return session_.console.interactive() ? session_.console.columns() : kAnyWidth;
}

Status Shell::run_line(std::string_view line) {
  line = core::trimmed(line, " \t\r\n");
  session_.console.begin(session_.paging);
  if (line.empty() || is_comment(line)) return Status::success;
  if (line.size() > kMaxLineBytes) {
    return fail(Status::failed, "malformed", "The line is longer than 65536 bytes.");
  }
  if (valid_utf8_bytes(line) != line.size()) {
    return fail(Status::failed, "malformed", "The command is not UTF-8 text.");
  }
  std::vector<std::string> words;
  try {
    if (line.back() == '?' && !in_quotes(line)) {
      const std::string help = question(grammar_, line.substr(0, line.size() - 1), columns());
      if (help.empty()) return fail(Status::not_understood, "not_found", kUnknown);
      if (session_.output == Output::json) {
        const boost::json::object document{{"help", help}};
        session_.console.write(Stream::output,
                               printable_json(boost::json::serialize(document)) + "\n");
      } else {
        session_.console.print(wrapped(printable(help), columns()));
      }
      return Status::success;
    }
    words = split(line);
  } catch (const core::Error& error) {
    return fail(Status::failed, core::name(error.code()), error.what());
  }
  return run_words(words);
}

Status Shell::run_words(const std::vector<std::string>& words) {
  session_.console.begin(session_.paging);
  try {
    const Parsed parsed = parse(grammar_, words);
    switch (parsed.verdict) {
      case Verdict::unknown: return fail(Status::not_understood, "not_found", kUnknown);
      case Verdict::incomplete: return fail(Status::not_understood, "malformed", kIncomplete);
      case Verdict::command: return run(*parsed.command, parsed.arguments);
    }
    return Status::failed;
  } catch (const core::Error& error) {
    return fail(Status::failed, core::name(error.code()), error.what());
  }
}

Status Shell::run(const Command& command, const Arguments& arguments) {
  Call call{session_, grammar_, arguments};
  try {
    if (command.confirm) {
      const std::optional<Confirmation> confirmation = command.confirm(call);
      if (confirmation && !confirmed(call, *confirmation)) {
        if (session_.output == Output::json)
          return fail(Status::failed, "refused", confirmation->cancelled, call.remarks);
        return Status::failed;
      }
    }
    return command.run(call);
  } catch (const core::Error& error) {
    return fail(Status::failed, core::name(error.code()), error.what(), call.remarks);
  }
}

/// confirmed says the warning and asks, and says so when the answer is not yes. What stands on the
/// output for a person is told on the error stream as well where a script runs the command.
bool Shell::confirmed(Call& call, const Confirmation& confirmation) {
  Console& console = session_.console;
  const bool json = session_.output == Output::json;
  const Stream stream = json ? Stream::error : confirmation.stream;
  const auto say = [&](std::string_view text) {
    if (stream == Stream::output) return call.say(text);
    console.write(Stream::error, wrapped(printable(text), columns()));
  };
  say(confirmation.warning);
  call.remarks.add(remarks_in(confirmation.warning));
  if (session_.questions == Questions::answer_yes) {
    if (!json) say(confirmation.question + "yes\n");
    if (stream == Stream::output) call.tell_apart(confirmation.warning);
    return true;
  }
  const auto answer =
      console.ask(wrapped(printable(confirmation.question), columns()), Echo::visible, stream);
  if (answer && yes(*answer)) return true;
  if (!json) say((answer ? "" : "\n") + confirmation.cancelled + "\n");
  return false;
}

Status Shell::fail(Status status, std::string_view code, std::string_view message,
                   const Remarks& remarks) {
  if (session_.output == Output::json) {
    boost::json::object document{{"error", {{"code", code}, {"message", message}}}};
    if (!remarks.empty()) put_remarks(document, remarks);
    session_.console.write(Stream::output, printable_json(boost::json::serialize(document)) + "\n");
  } else {
    std::string text(message);
    if (status == Status::failed) text += "\n" + std::string(kUnsuccessful);
    session_.console.print(wrapped(printable(text), columns()) + "\n");
  }
  return status;
}

}  // namespace ringfence::shell
