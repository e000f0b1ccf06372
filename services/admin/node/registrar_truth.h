// Whether anybody keeps registrations now, and what each phone's is worth.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/phone_report_store.h"
#include "core/phones/registration_store.h"

namespace ringfence::services::admin {

/// RegistrarTruth is whether the registrar serves, and when it stopped if it said so.
struct RegistrarTruth {
  bool serving = false;
  std::optional<core::Time> stopped;  ///< nothing when it was killed, hangs or serves
  bool hangs = false;                 ///< it runs and does not answer; then it does not serve

  /// why says in one sentence why nobody is registered; "" while it serves.
  std::string why() const;
};

/// registrar_truth asks `socket`, which takes 3 s when the registrar hangs, and `store` (which may
/// be null) for when it stopped.
RegistrarTruth registrar_truth(const std::filesystem::path& socket,
                               const core::RegistrationStore* store);

/// Registered is what a phone's contacts are worth.
struct Registered {
  bool now = false;
  std::string words;                      ///< PhoneFacts::registration
  std::optional<core::Registration> row;  ///< the contact to show: one that answers, if any
};

/// registered judges a phone's `contacts` at `now`.
Registered registered(const std::vector<core::Registration>& contacts,
                      const RegistrarTruth& registrar, core::Time now);

/// last_words says "Reset-Restart (alarm 23) at …", and what another address said for the phone, as
/// unproven; nothing when no alarm ever came.
std::optional<std::string> last_words(const core::PhoneReport& report);

}  // namespace ringfence::services::admin
