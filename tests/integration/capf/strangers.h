// Strangers that do CAPF's operations in a phone's name, and the phone that has moved.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "core/phones/capf_policy.h"
#include "core/phones/security_event_store.h"
#include "core/phones/trust_sign.h"
#include "tests/integration/capf/comers.h"
#include "tests/support/eventually.h"

namespace ringfence::test {

/// CapfStranger is a house in which somebody else comes in a phone's name.
class CapfStranger : public ComersTest {
 protected:
  static constexpr int kDelete = 13;
  static constexpr int kFetch = 11;
  static constexpr int kEnd = 15;
  static constexpr const char* kUnproven =
      "Upgrade Unproven: at an address that is not known to be the phone's";

  // Cisco CallManager has made its database: an absent one is looked for again only after a while.
  CapfStranger() { callmanager(); }

  ~CapfStranger() override {
    set_issuer(core::LscIssuer::capf);
    core::Database registrar = callmanager();
    core::RegistrationStore(registrar).registrar_stopped(house().clock.now());
  }

  static core::Database callmanager() {
    return {house().folder / "callmanager.db", core::Schema::callmanager, core::Access::read_write};
  }

  /// serves_for lets Cisco CallManager have begun so long ago.
  static void serves_for(std::chrono::seconds time) {
    core::Database registrar = callmanager();
    core::RegistrationStore(registrar).registrar_started(house().clock.now() - time);
  }

  /// was_seen lets the phone have registered from there so long ago, and not since.
  static void was_seen(const std::string& name, const std::string& from, std::chrono::seconds ago) {
    core::Database registrar = callmanager();
    core::TrustSignStore(registrar).save(
        {{name, core::TrustSignKind::registered, from, "", "", core::sign_time() - ago}});
  }

  static void set_issuer(core::LscIssuer issuer) {
    core::CapfPolicyStore policies(house().admin_db);
    core::CapfPolicy policy = policies.load();
    policy.issuer = issuer;
    policies.save(policy);
  }

  /// ask asks the phone for another operation.
  static void ask(const std::string& name, Operation operation,
                  AuthMode mode = AuthMode::null_string) {
    core::Phone phone = *house().phones.find(name);
    phone.capf.operation = operation;
    phone.capf.auth_mode = mode;
    phone.capf.auth_string = mode == AuthMode::auth_string ? "482915" : "";
    house().save(phone);
  }

  /// answers_delete says that the LSC is deleted; returns what was asked.
  static int answers_delete(std::uint16_t port, const std::string& name, const char* from) {
    MiniPhone phone(port, from);
    const int asked = introduce(phone, name, kByNullString).command;
    if (asked != kDelete) return asked;
    phone.say(14, element(1, {1}));
    phone.hear();
    return asked;
  }

  /// shows brings `der` as whatever is fetched; returns what was asked first.
  static int shows(std::uint16_t port, const std::string& name, const char* from,
                   const Bytes& der) {
    MiniPhone phone(port, from);
    const int asked = introduce(phone, name, kByNullString).command;
    if (asked != kFetch) return asked;
    phone.say(12, element(1, {1}) + lsc_element(der));
    if (phone.hear().command != kFetch) return asked;
    phone.say(12, element(1, {1}) + mic_element(der));
    phone.hear();
    return asked;
  }

  /// hands_in brings a key; returns the command and the reason of what was said to it.
  static std::pair<int, Bytes> hands_in(std::uint16_t port, const std::string& name,
                                        const char* from, EVP_PKEY* key) {
    MiniPhone phone(port, from);
    Said said = introduce(phone, name, kByNullString);
    if (said.command == 3) {
      phone.say(4, element(9, spki(key)));
      said = phone.hear();
    }
    return {said.command, said.command == kEnd ? said.value(1) : Bytes{}};
  }

  /// told tells whether a security event of the phone names that address.
  static bool told(RunningServer& server, const std::string& name, const std::string& address) {
    return eventually([&] {
      server.records().flush();
      for (const core::CapfEvent& event :
           core::SecurityEventStore(house().capf_db).after(0, 100'000))
        if (event.phone == name && event.kind.ends_with("_elsewhere") &&
            event.peer.starts_with(address + ":"))
          return true;
      return false;
    });
  }

  static core::CapfVisit visit(const std::string& name) {
    const core::Phone phone = *house().phones.find(name);
    return core::capf_visit(phone, house().journal.outcome(name, phone.capf.request),
                            house().clock.now());
  }

  static Bytes held(const std::string& name) {
    const auto row = house().journal.held(name);
    return row ? row->der : Bytes{};
  }
};

}  // namespace ringfence::test
