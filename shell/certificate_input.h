// Certificates that a command is given: pasted, or in a file.
#pragma once

#include <optional>
#include <string>

#include "shell/call.h"

namespace ringfence::shell {

/// CertificateInput is what was given, one of the two: pasted text, or a file's bytes in base64.
///
/// The content of private keys in PEM is taken out before it goes anywhere; the empty block stays,
/// so that the daemon can say that there was one.
struct CertificateInput {
  std::string text;
  std::optional<std::string> content;
};

/// read_certificate_input reads the file that the parameter `file` names (`-` is standard input),
/// or asks for a paste. Throws Error{malformed} when nothing came or it was left with Ctrl-C.
CertificateInput read_certificate_input(Call& call);

/// without_private_keys empties the PEM blocks of private keys, and overwrites what was there.
void without_private_keys(std::string& text);

}  // namespace ringfence::shell
