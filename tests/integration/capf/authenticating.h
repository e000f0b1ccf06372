// Phones that authenticate by the certificates they have, byte by byte. Their signatures are made
// by OpenSSL, not by the code that judges them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/phones/capf_policy.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/integration/capf/recording.h"
#include "tests/unit/services/capf/phone_certificates.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {

/// One signer serves all these tests; each makes its own phones and server.
class CapfAuthentication : public HouseTest {
 protected:
  static inline const core::Bytes kVersion3 = element(7, {3});
  static inline const core::Bytes kByLsc = element(8, {3});
  static inline const core::Bytes kByMic = element(8, {4});

  CapfAuthentication() {
    const Wanted authority{"Cisco Manufacturing CA",
                           now() - std::chrono::hours(48),
                           now() + std::chrono::hours(48),
                           true,
                           {}};
    maker_ = make_pair(ec_key("P-256"), authority, nullptr);
    house().certificates.replace(*house().certificates.own(core::Unit::capf), {});
    set_policy({});
  }

  static core::Time now() { return house().clock.now(); }

  static void set_policy(const core::CapfPolicy& policy) {
    core::CapfPolicyStore(house().admin_db).save(policy);
  }

  /// trust adds a certificate to CAPF-trust, as an administrator does.
  void trust(const std::string& file, const core::Bytes& der) {
    house().certificates.replace(*house().certificates.own(core::Unit::capf),
                                 {{"CAPF-trust", file, der, now(), "by a test"}});
  }

  static core::Phone phone(const std::string& name,
                           core::AuthMode mode = core::AuthMode::null_string) {
    core::Phone phone;
    phone.name = name;
    phone.model = "CP-8861";
    phone.capf.operation = core::Operation::install;
    phone.capf.auth_mode = mode;
    phone.capf.key_order = core::KeyOrder::ec_only;
    phone.capf.ec_bits = 256;
    phone.capf.completes_by = now() + std::chrono::hours(24);
    return phone;
  }

  Pair mic_of(const std::string& name) const {
    return make_pair(ec_key("P-256"),
                     {"CP-8861-" + name,
                      now() - std::chrono::hours(24),
                      now() + std::chrono::hours(24),
                      false,
                      {}},
                     &maker_);
  }

  /// shown is elements 4, 6 and 20 of a phone that has `key`.
  static core::Bytes shown(const std::string& name, const core::Bytes& certificate,
                           const core::Bytes& der, EVP_PKEY* key) {
    const core::Bytes data = name_and_certificate(name, der);
    return certificate + element(6, bare_signature(key, "SHA1", data)) +
           sha2_element(bare_signature(key, "SHA512", data));
  }

  static core::Bytes shown_lsc(const std::string& name, const core::Bytes& der, EVP_PKEY* key) {
    return shown(name, lsc_element(der), der, key);
  }

  static core::Bytes shown_mic(const std::string& name, const Pair& mic) {
    return shown(name, mic_element(mic.der()), mic.der(), mic.key.get());
  }

  /// sudi_element is element 16 for a session.
  static core::Bytes sudi_element(std::uint32_t session, const Pair& mic) {
    const core::Bytes data = session_and_certificate(session, mic.der());
    return element(16, element(1, mic.der()) +
                           element(2, bare_signature(mic.key.get(), "SHA1", data)) +
                           element(3, bare_signature(mic.key.get(), "SHA512", data)));
  }

  /// answers is what the server says to an AUTH RESPONSE.
  static Said answers(MiniPhone& client, const std::string& name, const core::Bytes& elements) {
    client.hear();
    client.say(2, name_element(name) + kVersion3 + elements);
    return client.hear();
  }

  /// enrol_by_null_string returns the LSC that a phone got for `key`.
  static core::Bytes enrol_by_null_string(std::uint16_t port, const std::string& name,
                                          EVP_PKEY* key) {
    house().save(phone(name));
    MiniPhone client(port);
    EXPECT_EQ(answers(client, name, element(8, {2})).command, 3);
    Said last;
    return client.enrol(spki(key), last);
  }

  Setting setting(const core::Phone& asked, const core::Bytes& held = {}) const {
    Setting known;
    known.phone = asked;
    known.now = now();
    known.held = held;
    known.trusted = {house().certificates.own(core::Unit::capf)->der, maker_.der()};
    return known;
  }

  static std::vector<std::string> evidence(const std::string& name, RunningServer& server) {
    server.records().flush();
    std::vector<std::string> kinds;
    for (const core::CapfEvent& event : house().journal.events(name)) kinds.push_back(event.kind);
    return kinds;
  }

  Pair maker_;
};

}  // namespace ringfence::test
