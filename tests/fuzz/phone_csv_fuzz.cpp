// The CSV of `utils phone import`: whatever the text, phones that may be saved or one Error.
#include "core/phones/phone_csv.h"

#include <cstdlib>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringfence::core;
  try {
    const auto nobody = [](std::string_view) { return std::optional<Phone>(); };
    const Time now{std::chrono::seconds(1'700'000'000)};
    for (const Phone& phone : parse_phone_csv(text_of({data, size}), now, nobody).phones)
      check_phone(phone);
  } catch (const Error& error) {
    if (error.code() != Code::malformed) std::abort();
  }
  return 0;
}
