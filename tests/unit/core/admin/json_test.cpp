#include "core/admin/json.h"

#include <gtest/gtest.h>

#include "core/admin/api.h"

namespace ringfence::core::admin {
namespace {

TEST(AdminJson, ReadsBackWhatItWrote) {
  JobReport report;
  report.job = 7;
  report.finished = "2026-11-21T10:00:00Z";
  report.missing = {{"SEP001122334455", "failed", "2026-11-21T10:00:00Z"}};
  const auto back = from_json<JobReport>(to_json(report));
  EXPECT_EQ(back.job, 7);
  EXPECT_EQ(back.finished, "2026-11-21T10:00:00Z");
  ASSERT_EQ(back.missing.size(), 1U);
  EXPECT_EQ(back.missing[0].phone, "SEP001122334455");
}

TEST(AdminJson, KeepsDefaultsForAbsentMembers) {
  const auto fields = from_json<PhoneFields>({{"name", "SEP001122334455"}, {"model", nullptr}});
  EXPECT_EQ(fields.name, "SEP001122334455");
  EXPECT_FALSE(fields.model.has_value());
  EXPECT_FALSE(fields.rsa_bits.has_value());
}

TEST(AdminJson, NamesAnUnknownMember) {
  try {
    from_json<PhoneRequest>({{"nam", "x"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    EXPECT_STREQ(error.what(), "unknown parameter 'nam'");
  }
}

TEST(AdminJson, NamesAMemberOfTheWrongType) {
  try {
    from_json<JobRequest>({{"job", "seven"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "parameter 'job' has a wrong type");
  }
}

}  // namespace
}  // namespace ringfence::core::admin
