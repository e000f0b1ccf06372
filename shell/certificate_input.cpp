#include "shell/certificate_input.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "shell/printable.h"
#include "shell/prose.h"

namespace ringfence::shell {
namespace {

using core::Code;
using core::Error;

constexpr std::size_t kMostCertificateBytes = std::size_t{1} << 20;

std::string pasted(Call& call) {
  // Robots wait for the last line.
  const std::string prompt =
      wrapped("An empty line or Ctrl-D ends what you paste; a chain is taken whole.\n",
              call.columns()) +
      "Paste the Certificate and Hit Enter\n";
  const Stream stream = call.session.output == Output::json ? Stream::error : Stream::output;
  Paste paste = call.session.console.paste(prompt, stream, kMostCertificateBytes);
  switch (paste.end) {
    case Paste::End::interrupted:
      throw Error(Code::refused, "the paste was left with Ctrl-C; nothing was imported");
    case Paste::End::too_long:
      throw Error(Code::malformed,
                  "what was pasted is longer than 1 MiB; give a file with 'file PATH'");
    case Paste::End::finished: break;
  }
  if (paste.text.empty())
    throw Error(Code::malformed,
                "no certificate was pasted; paste it from its BEGIN line to its END line");
  return std::move(paste.text);
}

}  // namespace

void without_private_keys(std::string& text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  std::size_t at = 0;
  while ((at = text.find(kBegin, at)) != text.npos) {
    at += kBegin.size();
    const std::size_t closes = text.find(kDashes, at);
    if (closes == text.npos) return;
    const bool key = std::string_view(text).substr(at, closes - at).ends_with("PRIVATE KEY");
    at = closes + kDashes.size();
    if (!key) continue;
    const std::size_t end = std::min(text.find("-----END ", at), text.size());
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(at),
              text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  }
}

CertificateInput read_certificate_input(Call& call) {
  CertificateInput input;
  const auto file = call.arguments.find("file");
  if (!file) {
    input.text = pasted(call);
    without_private_keys(input.text);
    if (valid_utf8_bytes(input.text) != input.text.size()) {  // text of another encoding
      input.content = core::to_base64(core::bytes_of(input.text));
      input.text.clear();
    }
    return input;
  }
  std::string bytes = *file == "-" ? call.session.console.read_input(kMostCertificateBytes)
                                   : core::text_of(core::read_file(*file, kMostCertificateBytes));
  without_private_keys(bytes);
  input.content = core::to_base64(core::bytes_of(bytes));
  return input;
}

}  // namespace ringfence::shell
