// Chains as other houses' CAs make them.
#include "core/certificates/chain.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/crypto/x509.h"
#include "tests/support/openssl_ca.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using Ders = std::vector<Bytes>;
using test::OpensslCa;

class ChainTest : public testing::Test {
 protected:
  test::TemporaryFolder folder;
  OpensslCa root{folder.path(), "root"};
  OpensslCa upper{folder.path(), "upper", &root};
  OpensslCa lower{folder.path(), "lower", &upper};
  OpensslCa own{folder.path(), "own", &lower};
};

TEST_F(ChainTest, LeadsUpToTheRootAndLeavesItOut) {
  const Ders known{root.der(), upper.der(), lower.der(), own.der()};
  EXPECT_EQ(chain_above(own.der(), known), (Ders{lower.der(), upper.der()}));
  EXPECT_TRUE(chain_above(root.der(), known).empty());
  EXPECT_TRUE(signs_itself(*parse_certificate(root.der())));
  EXPECT_FALSE(signs_itself(*parse_certificate(own.der())));
}

TEST_F(ChainTest, EndsWhereACaIsMissing) {
  EXPECT_EQ(chain_above(own.der(), Ders{root.der(), lower.der()}), Ders(1, lower.der()));
  EXPECT_TRUE(chain_above(own.der(), Ders{root.der(), upper.der()}).empty());
}

TEST_F(ChainTest, PassesOverRubbishAndNamesakesWithAnotherKey) {
  std::filesystem::create_directory(folder / "other");
  const OpensslCa namesake(folder / "other", "lower");
  const Ders known{{1, 2, 3}, namesake.der(), lower.der()};
  EXPECT_EQ(chain_above(own.der(), known), Ders(1, lower.der()));
}

TEST_F(ChainTest, EndsAtARootThoughAnotherCaHasSignedItsKeyToo) {
  // The upper CA's key has a root certificate of its own besides.
  const std::string key = (folder / "upper.key").string();
  const std::string self =
      test::openssl("req -x509 -new -key " + key + " -subj /C=DE/O=Other-House/CN=upper -days 30");
  const Bio bio(BIO_new_mem_buf(self.data(), static_cast<int>(self.size())));
  const Bytes own_root = to_der(*X509Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)));
  const Ders known{upper.der(), own_root, lower.der(), root.der()};
  EXPECT_EQ(chain_above(own.der(), known), Ders(1, lower.der()));
}

}  // namespace
}  // namespace ringfence::core
