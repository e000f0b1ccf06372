// One mail through a sendmail-compatible command.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace ringfence::services::admin {

/// Mail is a plain text; its lines end with LF. Nothing in it may come from a phone unchecked:
/// addresses and subject hold no line ends.
struct Mail {
  std::string from;
  std::vector<std::string> to;
  std::string subject;
  std::string body;
};

/// mail_text lays it out with its header, as `sendmail -t` reads it (RFC 5322, UTF-8).
std::string mail_text(const Mail& mail, core::Time now);

/// send_mail runs `command` (a program's path and its arguments, no shell) with `text` on its
/// standard input and waits for its end. Throws Error{io} that says how it failed: no such program,
/// a status other than 0 with the last line it said, or killed after `patience`. It leaves no
/// process behind.
void send_mail(const std::vector<std::string>& command, const std::string& text,
               std::chrono::seconds patience);

}  // namespace ringfence::services::admin
