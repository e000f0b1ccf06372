#include "core/base/log.h"

#include <unistd.h>

#include <memory>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace ringfence::core {
namespace {

std::string escaped(std::string_view value) {
  constexpr std::size_t kMaxBytes = 512;
  const bool cut = value.size() > kMaxBytes;
  value = value.substr(0, kMaxBytes);
  std::string text;
  bool quote = value.empty();
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') text += '\\';
      if (c == ' ' || c == '"' || c == '=') quote = true;
      text += c;
    }
  }
  if (cut) text += "...";
  return quote ? '"' + text + '"' : text;
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info:
    case Level::notice: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto created = std::make_shared<spdlog::logger>(
        "ringfence", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %n %l %v", spdlog::pattern_time_type::utc);
    created->flush_on(spdlog::level::trace);
    return created;
  }();
  return *instance;
}

}  // namespace

void log(Level level, std::string_view id, std::initializer_list<Field> fields) noexcept {
  try {
    std::string line(id);
    for (const Field& field : fields) line += fmt::format(" {}={}", field.name, escaped(field.value));
    logger().log(spdlog_level(level), "{}", line);
  } catch (...) {
    // A log line that cannot be written must not end the work it describes.
  }
}

void log_as(std::string_view process) {
  logger().set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%eZ {}[{}] %l %v", process, ::getpid()),
                       spdlog::pattern_time_type::utc);
}

}  // namespace ringfence::core
