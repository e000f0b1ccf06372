// The signer's status as the admin API tells it.
#include "services/admin/node/hsm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/admin/json.h"

namespace ringfence::services::admin {
namespace {

using core::TokenState;
using core::TokenStatus;

TokenStatus whole() {
  TokenStatus status;
  status.state = TokenState::operational;
  status.module = "/usr/lib/softhsm/libsofthsm2.so";
  status.token = {"SoftHSM 2.6",
                  "ringfence",
                  "SoftHSM project",
                  "SoftHSM v2",
                  "7e1a",
                  "2.5",
                  "2.6",
                  {{1528799798, "SoftHSM slot", "ringfence", true}}};
  status.keys.resize(2);
  status.keys[0] = {{{"CAPF", 2}, {}}, "2026-11-21", 2};
  status.keys[1].key.ref = {"CallManager-ECDSA", 1};
  status.keys[1].key.spec = {hsm::KeyAlgorithm::ec, 384};
  status.workers = {{4242, true, 60, 120000, 2}, {4243, false, 1, 0, 0}};
  status.workers_wanted = 2;
  status.restarts = 1;
  status.queued = 3;
  status.queue_limit = 1024;
  status.signed_total = 120017;
  status.failed_total = 4;
  status.signatures_per_second_x100 = 123456;
  status.latency_p50_us = 812;
  status.latency_p99_us = 2149;
  status.started = 1795258800;  // 2026-11-21T11:00:00Z
  status.signatures = {{"capf", "ca_certificate", 7}};
  return status;
}

TEST(DescribeToken, CarriesEveryFact) {
  const auto show = describe(whole());
  EXPECT_EQ(boost::json::serialize(core::admin::to_json(show)),
            R"({"state":"operational","reason":"","next_step":"","degraded_since":null,)"
            R"("retry_seconds":null,"module":"/usr/lib/softhsm/libsofthsm2.so",)"
            R"("library":"SoftHSM 2.6","token":"ringfence","manufacturer":"SoftHSM project",)"
            R"("model":"SoftHSM v2","serial":"7e1a","hardware":"2.5","firmware":"2.6",)"
            R"("slots":[{"id":1528799798,"description":"SoftHSM slot","token":"ringfence",)"
            R"("used":true}],"keys":[{"label":"CAPF","version":2,"type":"RSA","bits":2048,)"
            R"("since":"2026-11-21","copies":2},{"label":"CallManager-ECDSA","version":1,)"
            R"("type":"EC","bits":384,"since":"","copies":0}],"workers":[{"pid":4242,)"
            R"("state":"ready","age_seconds":60,"answered":120000,"in_hand":2},{"pid":4243,)"
            R"("state":"starting","age_seconds":1,"answered":0,"in_hand":0}],"workers_wanted":2,)"
            R"("restarts":1,"queued":3,"queue_limit":1024,"signatures_per_second":1.23456E3,)"
            R"("latency_p50_us":812,"latency_p99_us":2149,"signed_total":120017,)"
            R"("failed_total":4,"started":"2026-11-21T11:00:00Z",)"
            R"("signatures":[{"role":"capf","form":"ca_certificate","count":7}]})");
}

TEST(DescribeToken, SaysSinceWhenItIsDegradedAndWhenItIsTriedAgain) {
  TokenStatus status = whole();
  status.state = TokenState::degraded;
  status.reason = "C_Sign: CKR_DEVICE_REMOVED (0x32)";
  status.degraded_since = 1795258847;
  status.retry_after = 27;
  const auto show = describe(status);
  EXPECT_EQ(show.state, "degraded");
  EXPECT_EQ(show.reason, "C_Sign: CKR_DEVICE_REMOVED (0x32)");
  EXPECT_EQ(show.degraded_since, "2026-11-21T11:00:47Z");
  EXPECT_EQ(show.retry_seconds, 27);
  EXPECT_EQ(show.next_step, "it is tried again by itself in 27 s");
}

TEST(DescribeToken, PromisesNoOtherTryOfARefusedPin) {
  TokenStatus status = whole();
  status.state = TokenState::degraded;
  status.reason = "C_Login: CKR_PIN_INCORRECT (0xa0)";
  EXPECT_THAT(describe(status).next_step, testing::HasSubstr("not tried again by itself"));
}

TEST(DescribeToken, SaysHowToUnlock) {
  TokenStatus status;
  status.state = TokenState::locked;
  EXPECT_THAT(describe(status).reason, testing::HasSubstr("not typed"));
  EXPECT_THAT(describe(status).next_step, testing::HasSubstr("utils hsm unlock"));
  EXPECT_THAT(warning_of(status), testing::HasSubstr("utils hsm unlock"));
  EXPECT_EQ(describe(status).started, std::nullopt);
}

TEST(CanSign, AsLongAsOneWorkerIsReadyAndTheTokenIsNotLocked) {
  TokenStatus status = whole();
  EXPECT_TRUE(can_sign(status));
  status.state = TokenState::degraded;
  EXPECT_TRUE(can_sign(status)) << "one of two workers is left";
  status.workers[0].ready = false;
  EXPECT_FALSE(can_sign(status));
  status.workers[0].ready = true;
  status.state = TokenState::locked;
  EXPECT_FALSE(can_sign(status));
  EXPECT_FALSE(can_sign(TokenStatus{}));
}

TEST(WarningOf, IsEmptyOnlyWhenTheTokenIsOperational) {
  TokenStatus status = whole();
  EXPECT_EQ(warning_of(status), "");
  status.state = TokenState::degraded;
  EXPECT_EQ(warning_of(status), "the token is degraded; see 'show hsm'");
}

}  // namespace
}  // namespace ringfence::services::admin
