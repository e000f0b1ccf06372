#include "core/certificates/unit.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(Unit, IsFoundByItsExactNameOrFile) {
  for (const Unit unit : kUnits) {
    const std::string word(name(unit));
    EXPECT_EQ(unit_named(word), unit);
    EXPECT_EQ(unit_named(word + "/" + word + ".pem"), unit);
  }
  for (const char* word : {"", "capf", "CAPF/", "CAPF/TVS.pem", "CAPF.pem", "CallManager-",
                           "tomcat", "CAPF/.pem", "CAPF/CAPF.pem "})
    EXPECT_FALSE(unit_named(word).has_value()) << word;
}

TEST(Unit, HasAP384KeyOnlyForTheEcUnit) {
  EXPECT_EQ(key_spec_of(Unit::call_manager_ecdsa).bits, 384U);
  EXPECT_EQ(key_spec_of(Unit::call_manager_ecdsa).algorithm, KeyAlgorithm::ec);
  EXPECT_EQ(key_spec_of(Unit::capf).bits, 2048U);
  EXPECT_EQ(key_spec_of(Unit::capf).algorithm, KeyAlgorithm::rsa);
}

}  // namespace
}  // namespace ringfence::core
