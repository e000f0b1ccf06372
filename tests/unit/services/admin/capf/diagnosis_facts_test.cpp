// What a diagnosis looks at: lists that phones fetched, ports, names.
#include "services/admin/capf/diagnosis_facts.h"

#include <gmock/gmock.h>

#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::admin {
namespace {

const core::Time kNow = core::from_seconds(1'795'255'200);  // 2026-11-21T10:00:00Z

TEST(ListFacts, ReadsTheVeryFileThatAPhoneFetched) {
  const core::Node node{"host", {}};
  const core::EvpPkey key(EVP_RSA_gen(2048));
  const auto make = [&](core::Unit unit) {
    return core::issue_self_signed(unit, node, *key, nullptr, kNow);
  };
  const core::X509Cert capf = make(core::Unit::capf);
  const core::X509Cert other = make(core::Unit::capf);
  const core::X509Cert call_manager = make(core::Unit::call_manager);
  const auto version = [&](const X509* listed) {
    std::vector<core::RecordRequest> records(1);
    records[0].certificate = call_manager.get();
    if (listed != nullptr) {
      records.emplace_back();
      records[1].certificate = listed;
      records[1].function = core::Role::capf;
      records[1].content = core::Content::hash;
    }
    core::ListVersion made;
    made.file =
        core::build_trust_list(core::ListKind::itl, records,
                               {call_manager.get(), key.get(), nullptr}, core::Digest::sha1, kNow);
    return made;
  };
  const core::Bytes der = core::to_der(*capf);
  EXPECT_TRUE(list_facts(version(capf.get()), der).current_capf);
  const FetchedList old = list_facts(version(other.get()), der);
  EXPECT_TRUE(old.has_capf);
  EXPECT_FALSE(old.current_capf);
  EXPECT_EQ(old.capf_subject, core::subject_of(*other));
  EXPECT_FALSE(list_facts(version(nullptr), der).has_capf);
  core::ListVersion broken;
  broken.file = {1, 2, 3};
  EXPECT_FALSE(list_facts(broken, der).problem.empty());
}

TEST(TryPort, SaysWhatItMet) {
  const PortAnswer refused = try_port("127.0.0.1", 1);
  EXPECT_FALSE(refused.connected);
  EXPECT_EQ(refused.error, "Connection refused");
  EXPECT_EQ(refused.address, "127.0.0.1:1");
}

TEST(Resolve, SaysWhatItHeard) {
  EXPECT_THAT(resolve("localhost").addresses, testing::Contains("127.0.0.1"));
  const NameAnswer none = resolve("no-such-host.invalid");
  EXPECT_TRUE(none.addresses.empty());
  EXPECT_FALSE(none.error.empty());
}

}  // namespace
}  // namespace ringfence::services::admin
