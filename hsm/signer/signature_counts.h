// How many signatures of which form each role got: totals, and a log line of each beyond TLS.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/key.h"
#include "hsm/signer/form.h"
#include "hsm/status.h"

namespace ringfence::hsm {

/// SignatureCounts counts what was signed. What is no TLS handshake is told in a line: how many of
/// that role, form and key since the last such line, which is a second old or more. Pure.
class SignatureCounts {
 public:
  using Clock = std::chrono::steady_clock;

  /// add counts one signature. `role` is a name that stays.
  void add(std::string_view role, Form form, const KeyRef& key, Clock::time_point now);

  /// due returns the lines whose time has come; all returns every one that is held.
  std::vector<std::string> due(Clock::time_point now);
  std::vector<std::string> all();

  /// next_due returns when `due` will have a line.
  std::optional<Clock::time_point> next_due() const;

  /// totals lists what is not zero, by role and form.
  std::vector<SignatureCount> totals() const;

 private:
  struct Pending {
    std::string_view role;
    Form form;
    KeyRef key;

    auto operator<=>(const Pending&) const = default;
  };

  std::map<std::string_view, std::array<std::uint64_t, kForms>> totals_;
  std::map<Pending, std::uint64_t> pending_;
  Clock::time_point pending_since_;
};

}  // namespace ringfence::hsm
