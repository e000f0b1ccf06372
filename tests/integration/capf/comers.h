// Phones and strangers that come in a phone's name, by hand-written bytes over TLS.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/phones/registration_store.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/unit/services/capf/phone_certificates.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {

using namespace std::chrono_literals;
using core::AuthMode;
using core::Bytes;
using core::Operation;

inline constexpr const char* kHome = "127.0.0.1";
inline constexpr const char* kStranger = "127.0.0.66";
inline const Bytes kByNullString = element(8, {2});
inline const Bytes kByString = element(8, {1});

/// ComersTest lets phones and strangers come to CAPF from several loopback addresses.
class ComersTest : public HouseTest {
 protected:
  static core::Phone expect_phone(const std::string& name, AuthMode mode = AuthMode::null_string) {
    core::Phone phone;
    phone.name = name;
    phone.model = "CP-8861";
    phone.capf.operation = Operation::install;
    phone.capf.auth_mode = mode;
    if (mode == AuthMode::auth_string) phone.capf.auth_string = "482915";
    phone.capf.key_order = core::KeyOrder::ec_only;
    phone.capf.ec_bits = 256;
    phone.capf.completes_by = house().clock.now() + 24h;
    house().save(phone);
    return *house().phones.find(name);
  }

  static Said introduce(MiniPhone& phone, const std::string& name, const Bytes& how) {
    EXPECT_EQ(phone.hear().command, 1);
    phone.say(2, name_element(name) + how);
    return phone.hear();
  }

  /// enrols does a whole enrolment; returns the last message's command and reason.
  static std::pair<int, Bytes> enrols(std::uint16_t port, const std::string& name, const char* from,
                                      const Bytes& how = kByNullString) {
    MiniPhone phone(port, from);
    Said said = introduce(phone, name, how);
    if (said.command == 3) phone.enrol(spki(ec_key("P-256").get()), said);
    return {said.command, said.command == 15 ? said.value(1) : Bytes{}};
  }

  /// enrols_with does the same with a key; returns the LSC, empty when no key was asked for.
  static Bytes enrols_with(std::uint16_t port, const std::string& name, const char* from,
                           const Bytes& how, EVP_PKEY* key) {
    MiniPhone phone(port, from);
    Said said = introduce(phone, name, how);
    EXPECT_EQ(said.command, 3);
    if (said.command != 3) return {};
    return phone.enrol(spki(key), said);
  }

  /// shown_lsc is how a phone authenticates by its LSC: elements 8, 4 and 20.
  static Bytes shown_lsc(const std::string& name, const Bytes& der, EVP_PKEY* key) {
    return element(8, {3}) + lsc_element(der) +
           sha2_element(bare_signature(key, "SHA512", name_and_certificate(name, der)));
  }

  /// abandons takes a certificate and goes without a word; false when none was offered.
  static bool abandons(std::uint16_t port, const std::string& name, const char* from) {
    MiniPhone phone(port, from);
    if (introduce(phone, name, kByNullString).command != 3) return false;
    phone.say(4, element(9, spki(ec_key("P-256").get())));
    return phone.hear().command == 9;
  }

  /// registers writes what Cisco CallManager knows, and leaves takes it back.
  static void registers(const std::string& name, const char* from) {
    core::Database registrar(house().folder / "callmanager.db", core::Schema::callmanager,
                             core::Access::read_write);
    core::Registration one;
    one.device = name;
    one.contact = fmt::format("sip:{}@{}", name, from);
    one.peer = fmt::format("{}:5060", from);
    one.registered_at = one.refreshed_at = house().clock.now();
    one.expires_at = one.registered_at + 1h;
    core::RegistrationStore(registrar).save(one);
  }

  static void leaves(const std::string& name, const char* from) {
    core::Database registrar(house().folder / "callmanager.db", core::Schema::callmanager,
                             core::Access::read_write);
    core::RegistrationStore(registrar).remove(name, fmt::format("sip:{}@{}", name, from), from);
  }
};

inline const std::pair<int, Bytes> kDone{15, Bytes{1}};

}  // namespace ringfence::test
