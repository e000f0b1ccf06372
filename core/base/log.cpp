#include "core/base/log.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/base/log_file.h"
#include "core/base/log_throttle.h"

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

/// Writer is the one way out: within the throttle, the file's bounds, and what the disk takes.
class Writer {
 public:
  void keep_within(const std::filesystem::path& file, LogBounds bounds) {
    const std::lock_guard lock(mutex_);
    file_.emplace(file, bounds);
    file_->make_room(0);
  }

  bool make_room(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    return !file_ || file_->make_room(bytes);
  }

  void write(Level level, std::string_view id, std::initializer_list<Field> fields) {
    if (!logger().should_log(spdlog_level(level))) return;
    const auto now = LogThrottle::Clock::now();
    const std::lock_guard lock(mutex_);
    if (throttle_.admit(id, peer_of(fields), now)) write_line(level, id, fields);
    tell(throttle_.due(now));
  }

  void tell(Telling telling) {
    const std::lock_guard lock(mutex_);
    const auto now = LogThrottle::Clock::now();
    tell(telling == Telling::everything ? throttle_.rest() : throttle_.due(now));
  }

 private:
  static std::string_view peer_of(std::initializer_list<Field> fields) {
    for (const Field& field : fields) {
      if (field.name == "peer" || field.name == "address") return field.value;
    }
    return {};
  }

  void write_line(Level level, std::string_view id, std::initializer_list<Field> fields) {
    std::string line(id);
    for (const Field& field : fields) {
      line += fmt::format(" {}={}", field.name, escaped(field.value));
    }
    write_bytes(level, line);
    if (lost_ == 0 || failed_) return;
    const std::size_t lost = std::exchange(lost_, 0);
    write_bytes(Level::warning, fmt::format("LOG_LINES_LOST count={}", lost));
  }

  void write_bytes(Level level, const std::string& line) {
    constexpr std::size_t kPrefix = 80;  // time, process, level
    failed_ = file_ && !file_->make_room(line.size() + kPrefix);
    if (!failed_) {
      logger().log(spdlog_level(level), "{}", line);
      failed_ = std::ferror(stderr) != 0;  // such as a full disk
      std::clearerr(stderr);
    }
    if (failed_) ++lost_;
  }

  void tell(const std::vector<LogThrottle::Repeated>& all) {
    for (const LogThrottle::Repeated& one : all) {
      write_line(Level::warning, one.event,
                 {{"peer", one.peer.empty() ? "others" : one.peer},
                  {"note", fmt::format("repeated {} times", one.times)}});
    }
  }

  std::mutex mutex_;  // for what follows
  LogThrottle throttle_;
  std::optional<LogFile> file_;
  std::size_t lost_ = 0;
  bool failed_ = false;
};

Writer& writer() {
  static Writer instance;
  return instance;
}

}  // namespace

void log(Level level, std::string_view id, std::initializer_list<Field> fields) noexcept {
  try {
    writer().write(level, id, fields);
  } catch (...) {
    // A log line that cannot be written must not end the work it describes.
  }
}

void keep_log_within(const std::filesystem::path& file, LogBounds bounds) {
  writer().keep_within(file, bounds);
}

bool make_log_room(std::size_t bytes) noexcept {
  return writer().make_room(bytes);
}

void keep_log_bounds() noexcept {
  make_log_room(0);
}

void tell_repeated(Telling telling) noexcept {
  try {
    writer().tell(telling);
  } catch (...) {
    // As above: it is told the next time.
  }
}

void log_as(std::string_view process) {
  logger().set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%eZ {}[{}] %l %v", process, ::getpid()),
                       spdlog::pattern_time_type::utc);
}

}  // namespace ringfence::core
