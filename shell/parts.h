// Work that goes on part by part: how far it is, and whether it is to be left.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "shell/call.h"
#include "shell/printable.h"

namespace ringfence::shell {

inline constexpr auto kPartWithin = std::chrono::seconds(180);

/// Parts shows how far long work is, in a terminal that somebody watches.
class Parts {
 public:
  Parts(Call& call, std::string_view verb) : call_(call), verb_(verb) {}

  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  ~Parts() { show(""); }

  void at(std::int64_t done, std::int64_t total) {
    show(printable(fmt::format("{}: {} of {}", verb_, done, total)));
  }

  /// left says whether Ctrl-C was typed since the last part; what is done stays done.
  bool left() { return call_.session.console.interrupted(); }

 private:
  void show(const std::string& line) {
    Console& console = call_.session.console;
    if (call_.session.output == Output::text && console.interactive()) console.progress(line);
  }

  Call& call_;
  const std::string verb_;
};

}  // namespace ringfence::shell
