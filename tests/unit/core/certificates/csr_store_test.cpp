#include "core/certificates/csr_store.h"

#include <gtest/gtest.h>

#include "core/certificates/certificate_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1479761383);

class CsrStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  CsrStore store_{database_};
};

TEST_F(CsrStoreTest, KeepsOneRequestAUnit) {
  EXPECT_FALSE(store_.find(Unit::capf));
  store_.save({Unit::capf, {1, 2}, {"CAPF", 2}, kNow});
  store_.save({Unit::capf, {0, 255}, {"CAPF", 3}, kNow + std::chrono::seconds(1)});
  const auto found = store_.find(Unit::capf);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->unit, Unit::capf);
  EXPECT_EQ(found->der, (Bytes{0, 255}));
  EXPECT_EQ(found->key, (KeyRef{"CAPF", 3}));
  EXPECT_EQ(found->created, kNow + std::chrono::seconds(1));
  EXPECT_EQ(store_.all().size(), 1U);
  store_.remove(Unit::capf);
  EXPECT_TRUE(store_.all().empty());
}

TEST_F(CsrStoreTest, TrustIsChangedInOneStep) {
  CertificateStore certificates(database_);
  const TrustedCertificate old{"CAPF-trust", "Root.pem", {1}, kNow, "Trust Certificate"};
  certificates.trust({old}, {});
  certificates.trust({{"CAPF-trust", "Root-2.pem", {2}, kNow, "Trust Certificate"}}, {old});
  const auto now = certificates.trusted("CAPF-trust");
  ASSERT_EQ(now.size(), 1U);
  EXPECT_EQ(now[0].file, "Root-2.pem");
  EXPECT_EQ(now[0].der, Bytes{2});
}

}  // namespace
}  // namespace ringfence::core
