#include "shell/call.h"

#include "shell/printable.h"
#include "shell/prose.h"

namespace ringfence::shell {

void Call::say(std::string_view text) const {
  if (session.output == Output::text) session.console.print(wrapped(printable(text), columns()));
}

void Call::document(boost::json::object document) {
  if (session.output != Output::json) return;
  document.erase("text");  // the same facts laid out for people
  tell(remarks_of(document));
  if (!remarks.empty()) put_remarks(document, remarks);
  session.console.write(Stream::output, printable_json(boost::json::serialize(document)) + "\n");
}

void Call::warn(std::string_view text, Stream stream) {
  if (stream == Stream::output || session.output == Output::json) {
    say(text);
    return tell(remarks_in(text));
  }
  session.console.write(stream, wrapped(printable(text), columns()));
  remarks.add(remarks_in(text));
}

void Call::tell(const Remarks& more) {
  const std::string news = remarks.add(more).text();
  if (session.output == Output::json) {
    session.console.write(Stream::error, printable(news));
  } else if (session.questions == Questions::answer_yes) {
    tell_apart(news);
  }
}

void Call::tell_apart(std::string_view text) const {
  if (session.console.errors_apart()) session.console.write(Stream::error, printable(text));
}

}  // namespace ringfence::shell
