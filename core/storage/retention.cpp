// How long what has ended is kept.
#include "core/storage/retention.h"

#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/storage/setting_store.h"

namespace ringfence::core {
namespace {

std::string setting_of(Kept kept) {
  return fmt::format("retention.{}", word(kept));
}

}  // namespace

std::string_view word(Kept kept) noexcept {
  switch (kept) {
    case Kept::jobs: return "jobs";
    case Kept::resets: return "resets";
    case Kept::outcomes: return "outcomes";
    case Kept::fetches: return "fetches";
    case Kept::security_events: return "security-events";
    case Kept::logs: return "logs";
  }
  return "";
}

std::string_view describe(Kept kept) noexcept {
  switch (kept) {
    case Kept::jobs: return "jobs that ended, with what became of each phone";
    case Kept::resets: return "resets sent to phones, but those of jobs that have not ended";
    case Kept::outcomes: return "what became of CAPF operations, but each phone's last";
    case Kept::fetches: return "files fetched by phones, but the last of each phone";
    case Kept::security_events: return "CAPF security events that the audit log has";
    case Kept::logs: return "older log files";
  }
  return "";
}

Kept kept_from(std::string_view text) {
  std::vector<std::string_view> words;
  for (const Kept kept : kAllKept) {
    if (word(kept) == text) return kept;
    words.push_back(word(kept));
  }
  throw Error(Code::malformed,
              fmt::format("what is kept must be one of {}", fmt::join(words, ", ")));
}

void Retention::set(Kept kept, int days) {
  if (days < kLeast || days > kMost)
    throw Error(Code::malformed,
                fmt::format("{} may be kept for {} to {} days", word(kept), kLeast, kMost));
  days_.at(static_cast<std::size_t>(kept)) = days;
}

Retention RetentionStore::load() const {
  const SettingStore settings(database_);
  Retention retention;
  for (const Kept kept : kAllKept) {
    const auto text = settings.find(setting_of(kept));
    if (!text) continue;
    int days = 0;
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, days);
    if (read.ec != std::errc() || read.ptr != end)
      throw Error(Code::malformed, fmt::format("the setting {} is not a number", setting_of(kept)));
    retention.set(kept, days);
  }
  return retention;
}

void RetentionStore::set(Kept kept, int days) {
  Retention().set(kept, days);  // refuses what cannot be
  SettingStore(database_).save(setting_of(kept), std::to_string(days));
}

}  // namespace ringfence::core
