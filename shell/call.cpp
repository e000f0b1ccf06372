#include "shell/call.h"

#include "shell/printable.h"

namespace ringfence::shell {

void Call::say(std::string_view text) const {
  if (session.output == Output::text) session.console.print(printable(text));
}

void Call::document(boost::json::object document) const {
  if (session.output != Output::json) return;
  document.erase("text");  // the same facts laid out for people
  session.console.write(Stream::output, printable_json(boost::json::serialize(document)) + "\n");
}

}  // namespace ringfence::shell
