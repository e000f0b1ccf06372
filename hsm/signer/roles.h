// Which role may do what with which key: the one place that says so.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "hsm/signer/form.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

enum class Manages { nothing, keys };

/// Forms is a set of forms of messages.
class Forms {
 public:
  constexpr Forms(std::initializer_list<Form> forms) {
    for (const Form form : forms) bits_ |= bit(form);
  }

  /// everything has also what nobody can check.
  static constexpr Forms everything() {
    Forms all{};
    all.bits_ = (1U << kForms) - 1;
    return all;
  }

  constexpr bool has(Form form) const noexcept { return (bits_ & bit(form)) != 0; }

 private:
  static constexpr unsigned bit(Form form) { return 1U << static_cast<unsigned>(form); }

  unsigned bits_ = 0;
};

/// Role is a caller's right: one unix socket each, <state>/run/signer/<name>.sock.
struct Role {
  std::string_view name;
  std::array<std::string_view, 5> labels;  ///< the keys it may see and sign with
  Forms signs;                             ///< what it may have signed with them
  Manages manages = Manages::nothing;      ///< whether it may generate and destroy these
};

/// kRoles follows DESIGN section 3.
inline constexpr std::array kRoles = {
    // clang-format off
    Role{"admin", {"ITLRecovery", "CallManager", "CallManager-ECDSA", "CAPF", "TVS"},
         Forms::everything(), Manages::keys},
    Role{"capf", {"CAPF"}, {Form::tls, Form::certificate, Form::request, Form::crl}},
    Role{"tvs", {"TVS"}, {Form::tls}},
    Role{"tftp", {"CallManager", "CallManager-ECDSA"}, {Form::tls, Form::file}},
    Role{"callmanager", {"CallManager", "CallManager-ECDSA"}, {Form::tls}},
    // clang-format on
};

const Role* role_named(std::string_view name) noexcept;

/// may_see says whether the role's keys include `label`.
bool may_see(const Role& role, std::string_view label) noexcept;

/// may says whether the role may ask for the operation: for a signature by the key and by the form
/// of what is signed. list is for all, and shows only the keys
/// that may_see; status is for all.
bool may(const Role& role, const wire::Operation& operation) noexcept;

/// describe returns "sign a trust list with CAPF/2" and the like, for the audit line.
std::string describe(const wire::Operation& operation);

}  // namespace ringfence::hsm
