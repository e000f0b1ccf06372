// CAPF's service parameters: their bounds, and what a database gives back.
#include "core/phones/capf_policy.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/setting_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class CapfPolicyTest : public testing::Test {
 protected:
  const test::TemporaryFolder folder_;
  Database database_{folder_.path() / "admin.db", Schema::admin, Access::read_write};
  CapfPolicyStore store_{database_};
};

TEST_F(CapfPolicyTest, HasTheDefaultsOfTheRealSystem) {
  const CapfPolicy policy = store_.load();
  EXPECT_EQ(policy.issuer, LscIssuer::capf);
  EXPECT_EQ(policy.validity_days, 1825);
  EXPECT_EQ(policy.keep_alive_minutes, 15);
  EXPECT_EQ(policy.min_rsa_bits, 2048);
}

TEST_F(CapfPolicyTest, GivesBackWhatWasSaved) {
  CapfPolicy policy;
  policy.issuer = LscIssuer::offline_ca;
  policy.validity_days = 1;
  policy.keep_alive_minutes = 60;
  policy.min_rsa_bits = 512;
  policy.min_ec_bits = 521;
  policy.notify_days = 0;
  policy.notify_to = {"anna@example.com", "night-shift@example.com"};
  store_.save(policy);
  EXPECT_EQ(store_.load(), policy);
}

TEST_F(CapfPolicyTest, RefusesWhatCannotBeAndKeepsWhatWas) {
  const auto refused = [&](auto change) {
    CapfPolicy policy;
    change(policy);
    EXPECT_THROW(store_.save(policy), Error);
  };
  refused([](CapfPolicy& p) { p.validity_days = 0; });
  refused([](CapfPolicy& p) { p.validity_days = 1826; });
  refused([](CapfPolicy& p) { p.keep_alive_minutes = 4; });
  refused([](CapfPolicy& p) { p.keep_alive_minutes = 61; });
  refused([](CapfPolicy& p) { p.min_rsa_bits = 2047; });
  refused([](CapfPolicy& p) { p.min_ec_bits = 255; });
  refused([](CapfPolicy& p) { p.notify_days = 366; });
  refused([](CapfPolicy& p) { p.notify_to = {""}; });
  refused([](CapfPolicy& p) { p.notify_to = {"anna@example.com\nBcc: eve@example.com"}; });
  refused([](CapfPolicy& p) { p.notify_to = {"-oQ/tmp@example.com"}; });
  EXPECT_EQ(store_.load(), CapfPolicy{});
}

TEST_F(CapfPolicyTest, NamesADamagedRow) {
  SettingStore(database_).save("capf.validity_days", "12x");
  try {
    store_.load();
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    EXPECT_NE(std::string(error.what()).find("capf.validity_days"), std::string::npos);
  }
}

std::string refusal(const CapfSettings& capf, const CapfPolicy& policy) {
  try {
    check_minimum_sizes(capf, policy);
    return "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    return error.what();
  }
}

TEST_F(CapfPolicyTest, RefusesKeysBelowTheMinimumAndSaysHowToLowerIt) {
  CapfPolicy policy;
  CapfSettings capf;
  EXPECT_EQ(refusal(capf, policy), "accepted");
  capf.rsa_bits = 1024;
  EXPECT_EQ(refusal(capf, policy),
            "RSA 1024 is below this node's minimum of 2048; 'set capf policy min_rsa_bits 1024' "
            "lowers it");
  capf.key_order = KeyOrder::ec_only;
  EXPECT_EQ(refusal(capf, policy), "accepted") << "no RSA key will be made";
  policy.min_ec_bits = 521;
  EXPECT_EQ(refusal(capf, policy),
            "EC 384 is below this node's minimum of 521; 'set capf policy min_ec_bits 384' "
            "lowers it");
  capf.ec_bits = 521;
  capf.key_order = KeyOrder::ec_preferred;
  EXPECT_NE(refusal(capf, policy), "accepted") << "the backup is RSA 1024";
  policy.min_rsa_bits = 1024;
  EXPECT_EQ(refusal(capf, policy), "accepted");
}

}  // namespace
}  // namespace ringfence::core
