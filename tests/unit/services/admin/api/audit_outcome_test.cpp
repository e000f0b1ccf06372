// What the audit log says of an answer that says that not all was done.
#include "services/admin/api/audit_outcome.h"

#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

using core::admin::PhoneReset;
using core::admin::ServiceChange;

TEST(AuditOutcome, AResetIsDoneWhenAPhoneTookIt) {
  const AuditOutcome took = audit_outcome(PhoneReset{2, {"SEP3"}, {{"SEP2", 408}}});
  EXPECT_TRUE(took.done);
  EXPECT_EQ(boost::json::serialize(took.detail),
            R"({"took_it":1,"did_not_answer":["SEP2"],"not_registered":["SEP3"]})");
  EXPECT_FALSE(audit_outcome(PhoneReset{1, {}, {{"SEP2", 408}}}).done);
  EXPECT_FALSE(audit_outcome(PhoneReset{1, {}, {{"SEP2", 603}}}).done);
  EXPECT_FALSE(audit_outcome(PhoneReset{0, {"SEP3"}, {}}).done);
}

TEST(AuditOutcome, AServiceThatDidNotStartIsNotStarted) {
  const ServiceChange failed{{{"Cisco Tftp", "STARTING", ""}, {"Cisco Tftp", "STOPPED", "died"}}};
  EXPECT_FALSE(audit_outcome(failed, "STARTED").done);
  EXPECT_EQ(audit_outcome(failed, "STARTED").detail.at("reason").as_string(), "died");
  EXPECT_TRUE(audit_outcome(failed, "STOPPED").done);
}

TEST(AuditOutcome, SaysThatAStringIsSetOnlyWhereItIs) {
  using boost::json::object;
  EXPECT_EQ(as_audited({{"auth_string", nullptr}}), (object{{"auth_string", nullptr}}));
  EXPECT_EQ(as_audited({{"auth_string", ""}}), (object{{"auth_string", ""}}));
  EXPECT_EQ(as_audited({{"auth_string", "123456"}}), (object{{"auth_string", "<set>"}}));
  EXPECT_EQ(as_audited({{"pin", "1"}, {"csv", "abc"}}),
            (object{{"pin", "<set>"}, {"csv", "<3 bytes>"}}));
  EXPECT_EQ(as_audited({{"name", "x"}}), (object{{"name", "x"}}));
}

}  // namespace
}  // namespace ringfence::services::admin
