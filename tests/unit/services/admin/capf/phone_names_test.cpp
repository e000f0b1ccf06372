// phone.names: what Tab offers, bounded.
#include "services/admin/capf/phone_names.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/phones/phone_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PhoneNamesTest : public testing::Test {
 protected:
  PhoneNamesTest() {
    std::vector<core::Phone> phones;
    for (const char* name : {"CSFanna", "CSF_ben", "SEP001122334455", "SEP001122334466",
                             "SEP001122334477", "SEP009922334455"}) {
      phones.emplace_back();
      phones.back().name = name;
      phones.back().device_pool = "Default";
    }
    core::PhoneStore(database_).save(phones, core::PhoneStore::Ask::changed_only);
  }

  core::admin::PhoneNames like(const std::string& prefix, std::int64_t limit = 40) {
    return phone_names(database_, {prefix, limit});
  }

  ::ringfence::test::TemporaryFolder folder_;
  core::Database database_{folder_ / "admin.db", core::Schema::admin, core::Access::read_write};
};

TEST_F(PhoneNamesTest, BeginLikeThisInAnyCase) {
  EXPECT_THAT(like("sep00112233447").names, ElementsAre("SEP001122334477"));
  EXPECT_THAT(like("csf").names, ElementsAre("CSF_ben", "CSFanna"));
  EXPECT_EQ(like("").matched, 6);
  EXPECT_THAT(like("XYZ").names, IsEmpty());
}

TEST_F(PhoneNamesTest, HaveTheLastOneWhereTheyAreTooMany) {
  const auto found = like("SEP", 3);
  EXPECT_THAT(found.names, ElementsAre("SEP001122334455", "SEP001122334466", "SEP009922334455"));
  EXPECT_EQ(found.matched, 4);
}

TEST_F(PhoneNamesTest, TakeNoSignForAPattern) {
  EXPECT_THAT(like("CSF_").names, ElementsAre("CSF_ben"));
  EXPECT_THAT(like("%").names, IsEmpty());
  EXPECT_THAT(like("\\").names, IsEmpty());
  EXPECT_THAT(like(std::string(100'000, 'S')).names, IsEmpty());
  EXPECT_THROW(like("S", 1), core::Error);
  EXPECT_THROW(like("S", 100'000), core::Error);
}

}  // namespace
}  // namespace ringfence::services::admin
