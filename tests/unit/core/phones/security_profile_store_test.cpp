#include "core/phones/security_profile_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/phone_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

const SecurityProfile kFloor = {"Floor 1", AuthMode::auth_string, KeyOrder::ec_preferred, 3072,
                                521};

class SecurityProfileStoreTest : public testing::Test {
 protected:
  Phone with_profile(const std::string& name, const std::string& profile) {
    Phone phone;
    phone.name = name;
    phone.security_profile = profile;
    return phone;
  }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  SecurityProfileStore store_{database_};
  PhoneStore phones_{database_};
};

template <typename Call>
std::string refusal(Code code, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST_F(SecurityProfileStoreTest, KeepsEveryFieldAndReplacesByName) {
  store_.save(kFloor);
  store_.save({"Abc", AuthMode::mic, KeyOrder::ec_only, 2048, 256});
  EXPECT_EQ(store_.find("Floor 1"), kFloor);
  EXPECT_EQ(store_.find("floor 1"), std::nullopt);
  SecurityProfile changed = kFloor;
  changed.auth_mode = AuthMode::lsc;
  store_.save(changed);
  const auto all = store_.list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "Abc");
  EXPECT_EQ(all[1], changed);
}

TEST_F(SecurityProfileStoreTest, RefusesWhatNoPhoneCanHave) {
  SecurityProfile profile = kFloor;
  profile.rsa_bits = 1000;
  EXPECT_THAT(refusal(Code::malformed, [&] { store_.save(profile); }), HasSubstr("RSA key size"));
  profile = kFloor;
  for (const std::string name : {"", "-", "a\nb"}) {
    profile.name = name;
    refusal(Code::malformed, [&] { store_.save(profile); });
  }
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(SecurityProfileStoreTest, IsNotRemovedWhilePhonesHaveIt) {
  store_.save(kFloor);
  phones_.save({with_profile("CSFanna", "Floor 1"), with_profile("CSFbob", "")},
               PhoneStore::Ask::changed_only);
  EXPECT_EQ(phones_.find("CSFanna")->security_profile, "Floor 1");
  EXPECT_THAT(refusal(Code::conflict, [&] { store_.remove("Floor 1"); }),
              HasSubstr("1 phone has the security profile"));
  phones_.save({with_profile("CSFanna", "")}, PhoneStore::Ask::changed_only);
  store_.remove("Floor 1");
  EXPECT_TRUE(store_.list().empty());
  refusal(Code::not_found, [&] { store_.remove("Floor 1"); });
}

TEST_F(SecurityProfileStoreTest, APhoneNamesOnlyOneThatExists) {
  EXPECT_THAT(refusal(Code::not_found,
                      [&] {
                        phones_.save({with_profile("CSFbob", ""), with_profile("CSFanna", "none")},
                                     PhoneStore::Ask::changed_only);
                      }),
              HasSubstr("phone CSFanna: there is no security profile \"none\""));
  EXPECT_EQ(phones_.count(), 0U);
}

TEST(ModeMismatch, NamesBothModes) {
  EXPECT_EQ(mode_mismatch(kFloor, AuthMode::auth_string), std::nullopt);
  EXPECT_THAT(mode_mismatch(kFloor, AuthMode::null_string).value(),
              HasSubstr("\"Floor 1\" says auth-string, this says null-string"));
}

}  // namespace
}  // namespace ringfence::core
