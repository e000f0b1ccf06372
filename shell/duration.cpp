#include "shell/duration.h"

#include "core/base/error.h"
#include "shell/parameters.h"
#include "shell/words.h"

namespace ringfence::shell {

std::optional<std::chrono::seconds> duration_from(std::string_view text) noexcept {
  constexpr std::int64_t kMostSeconds = std::int64_t{1000} * 3600;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::int64_t unit = 1;
  bool bare = false;
  switch (text.back()) {
    case 's': break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    default: bare = true; break;
  }
  const auto number = integer_from(bare ? text : text.substr(0, text.size() - 1));
  if (!number || *number < 1 || *number > kMostSeconds / unit) return std::nullopt;
  return std::chrono::seconds(*number * unit);
}

Parameter timeout_parameter() {
  return named("timeout",
               "how long to watch at most, like 90 (seconds), 90s, 10m or 2h; the job goes on");
}

std::optional<std::chrono::seconds> timeout_of(const Arguments& arguments) {
  const auto text = arguments.find("timeout");
  if (!text) return std::nullopt;
  const auto time = duration_from(*text);
  if (!time)
    throw core::Error(core::Code::malformed,
                      "Enter valid values for the timeout.\nIt is a number of seconds, or one "
                      "with s, m or h, from 1s to 1000h, like 90, 90s, 10m or 2h");
  return time;
}

}  // namespace ringfence::shell
