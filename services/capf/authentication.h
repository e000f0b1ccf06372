// Whether a phone is who it says, by the mode of its record.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "core/base/clock.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "services/capf/credential.h"
#include "services/capf/evidence.h"
#include "services/capf/protocol.h"
#include "services/capf/records.h"
#include "services/capf/throttle.h"

namespace ringfence::services::capf {

/// Authentication judges AUTH RESPONSEs of one device in one session. What it was made with must
/// outlive it; calls block on the records.
class Authentication {
 public:
  struct Parts {
    Records& records;
    Throttle& throttle;
    const core::Clock& clock;
    const Witness& witness;
  };

  /// `address` is the peer's, without its port, and `who` whether it is one of the phone's.
  Authentication(const Parts& parts, const core::Phone& phone, std::uint32_t session,
                 std::string_view address, Throttle::Who who)
      : parts_(parts), phone_(phone), session_(session), address_(address), who_(who) {}

  /// Admitted: `proves` tells that what it showed is the phone's alone; the null string is not, nor
  /// an LSC that was given for it.
  struct Admitted {
    bool proves = true;
  };

  /// AskFor: the proof of the record's mode is missing, and the phone was not told to bring it.
  struct AskFor {
    AuthType type = AuthType::none;
  };

  /// Refused says what the operation has come to; without a status it stays pending.
  struct Refused {
    std::optional<core::OperationStatus> status;
  };

  /// ComeBack: too many wrong strings.
  struct ComeBack {
    std::chrono::seconds after{};
  };

  using Verdict = std::variant<Admitted, AskFor, Refused, ComeBack>;

  /// judge gives the verdict and writes the evidence for it. `asked` is what the phone was asked
  /// for: `none` leaves it the choice, and then it may be asked once more.
  Verdict judge(const AuthResponse& response, AuthType asked) const;

 private:
  Verdict judge_string(const AuthResponse& response, AuthType asked) const;
  Verdict judge_certificate(const AuthResponse& response, AuthType asked) const;
  Verdict judge_shown(const AuthResponse& response, CertificateKind kind) const;
  void check_journal(const Credential& lsc) const;
  bool proves(const Credential& lsc) const;
  bool holds_valid_lsc() const;

  const Parts parts_;
  const core::Phone& phone_;
  const std::uint32_t session_;
  const std::string_view address_;
  const Throttle::Who who_;
};

}  // namespace ringfence::services::capf
