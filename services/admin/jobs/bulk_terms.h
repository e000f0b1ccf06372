// What a bulk job asks of each of its phones, and how fast.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "core/admin/bulk_api.h"
#include "core/base/clock.h"
#include "core/phones/phone.h"

namespace ringfence::services::admin {

/// BulkTerms is what a bulk job asks of each of its phones; as JSON, the job's arguments.
struct BulkTerms {
  core::Operation operation = core::Operation::install;
  std::optional<core::AuthMode> auth_mode;  ///< absent: what the phone has; likewise the next three
  std::optional<core::KeyOrder> key_order;
  std::optional<int> rsa_bits;
  std::optional<int> ec_bits;
  core::Time completes_by;
  std::size_t string_digits = 0;  ///< of the string that each phone gets; 0: it keeps what it has
  std::size_t wave = kUsualWave;  ///< phones on their way at a time

  static constexpr std::size_t kUsualWave = 500;
  static constexpr std::size_t kMostWave = 5000;
  static constexpr std::chrono::days kUsualTime{7};

  std::string to_text() const;
  static BulkTerms from_text(const std::string& text);
  std::string subject() const;  ///< what is done, in a few words
};

/// bulk_terms reads a request. Throws Error{malformed}: a word or a number that cannot be, unique
/// strings in another mode, a time that is over.
BulkTerms bulk_terms(const core::admin::BulkRequest& request, core::Time now);

}  // namespace ringfence::services::admin
