// What fails once a list is in force keeps no phone from being reset.

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/story/house_of_phones.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::size_t kPhones = 3;

class PublishFaults : public HouseOfPhones {
 protected:
  PublishFaults() : HouseOfPhones(kPhones) {}

  void expect_all_were_reset() {
    for (const auto& phone : fleet_->report().phones) EXPECT_GE(phone.resets, 1U) << phone.name;
  }
};

TEST_F(PublishFaults, PhonesAreResetThoughTheGoodCopyCannotBeWritten) {
  const std::filesystem::path good = instance_ / "tftp/ITLFile.tlv.good";
  std::filesystem::remove(good);
  std::filesystem::create_directories(good / "in the way");
  const test::Result done = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(done.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_THAT(done.out + done.err, HasSubstr("ITLFile.tlv.good could not be written"));
  expect_all_were_reset();
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "1");
  EXPECT_EQ(audited("CERT_REGENERATE_DONE"), "1");
  EXPECT_THAT(sql("select detail from audit where event = 'CERTIFICATE_REGENERATE_DONE'"),
              HasSubstr("could not be written"));
}

TEST_F(PublishFaults, PhonesAreResetThoughTheAuditLogCannotBeWritten) {
  sql("create trigger no_audit before insert on audit when new.event like '%_DONE'"
      " begin select raise(abort, 'the log is full'); end");
  const test::Result done = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(done.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_THAT(done.out + done.err, HasSubstr("The audit log could not be written"));
  expect_all_were_reset();
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_FAILED"), "0") << "it did not fail";
  EXPECT_EQ(audited("CERT_REGENERATE_FAILED"), "0");
  sql("drop trigger no_audit");
  const test::Result again = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(again.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "2")
      << "what the log lacked is written once it can be";
}

}  // namespace
}  // namespace ringfence
