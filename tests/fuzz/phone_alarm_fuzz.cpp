// Whatever an alarm says, what is kept of it is short, printable and bounded in number.
#include "services/callmanager/phone_alarm.h"

#include <algorithm>
#include <cstdlib>

using namespace ringfence::services::callmanager;

namespace {

void check(const std::string& text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (text.size() > 256 || !printable) std::abort();
}

void check(const PhoneAlarm& alarm) {
  for (const std::string* text : {&alarm.name, &alarm.device, &alarm.last_reason,
                                  &alarm.active_load, &alarm.inactive_load, &alarm.trust_failure})
    check(*text);
  if (alarm.itl.size() > 4 || alarm.cause < 0) std::abort();
  for (const ReportedHash& hash : alarm.itl) check(hash.hex);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(alarm_in_reason(text));
  check(alarm_in_body("application/x-cisco-alarm+xml", text));
  check(alarm_in_body("multipart/mixed;boundary=b", text));
  return 0;
}
