// What is typed at the prompt: words that say the same again, one command or one Error, nothing
// raw.
#include <algorithm>
#include <cstdlib>

#include "core/base/error.h"
#include "shell/admin.h"
#include "shell/commands.h"
#include "shell/complete.h"
#include "shell/parse.h"
#include "shell/printable.h"
#include "shell/words.h"

namespace {

using namespace ringfence;
using namespace ringfence::shell;

/// Nobody is a ringfence-admin that does not answer: Tab has the grammar alone.
class Nobody final : public Admin {
 public:
  boost::json::object call(std::string_view, const boost::json::object&,
                           std::chrono::seconds) override {
    throw core::Error(core::Code::io, "nobody");
  }
};

const Grammar& grammar() {
  static const Grammar all(all_commands(), 4);
  return all;
}

bool safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return value == '\n' || value == '\t' || (value >= 0x20 && value != 0x7f);
  });
}

void check_words(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back('"' + word + '"');
  if (split(join(quoted, " ")) != words) std::abort();
  const Parsed parsed = parse(grammar(), words);
  if ((parsed.verdict == Verdict::command) != (parsed.command != nullptr)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  Nobody nobody;
  const Completion completion = complete(grammar(), nobody, line);
  if (completion.erase > size) std::abort();
  if (!in_quotes(line)) question(grammar(), line);
  if (!safe(printable(line)) || printable(printable(line)) != printable(line)) std::abort();
  if (one_line(line).find_first_of("\n\t") != std::string::npos) std::abort();
  try {
    check_words(split(line));
  } catch (const core::Error& error) {
    if (error.code() != core::Code::malformed) std::abort();
  }
  return 0;
}
