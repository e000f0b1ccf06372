// Phones that enrol byte by byte, over TLS, with a server whose key is in a real token.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {

/// One signer serves all these tests; each makes its own phones and server.
class CapfServer : public HouseTest {
 protected:
  static constexpr const char* kPhone = "SEP001122334455";
  static inline const core::Bytes kNullString = element(8, {2}) + element(7, {3});

  static core::Phone phone(const std::string& name = kPhone) {
    core::Phone phone;
    phone.name = name;
    phone.model = "CP-8861";
    phone.capf.operation = core::Operation::install;
    phone.capf.key_order = core::KeyOrder::ec_only;
    phone.capf.ec_bits = 256;
    phone.capf.completes_by = house().clock.now() + std::chrono::hours(24);
    return phone;
  }

  /// authenticated returns a phone that has answered the first request by null string.
  static std::unique_ptr<MiniPhone> authenticated(std::uint16_t port,
                                                  const std::string& name = kPhone) {
    auto phone = std::make_unique<MiniPhone>(port);
    EXPECT_EQ(phone->hear().command, 1);
    phone->say(2, name_element(name) + kNullString);
    return phone;
  }

  static core::Bytes new_key() { return spki(ec_key("P-256").get()); }
};

}  // namespace ringfence::test
