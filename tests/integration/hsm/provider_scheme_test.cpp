// Each scheme of signatures by the provider, named and verified as OpenSSL does.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "tests/integration/hsm/provider_fixture.h"

namespace ringfence::hsm::test {
namespace {

/// SchemeCase is a digest and, for PSS, a salt length and MGF1's digest.
struct SchemeCase {
  bool rsa;
  std::string digest;
  std::string salt;  ///< empty: no PSS
  std::string mgf_digest;
};

std::vector<SchemeCase> schemes() {
  std::vector<SchemeCase> all;
  for (const char* digest : {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}) {
    all.push_back({true, digest, "", ""});
    all.push_back({false, digest, "", ""});
    for (const char* salt : {"digest", "max", "auto", "0", "20", "130"})
      all.push_back({true, digest, salt, digest});
  }
  all.push_back({true, "SHA256", "digest", "SHA1"});
  all.push_back({true, "SHA1", "20", "SHA512"});
  all.push_back({true, "MD5", "", ""});
  return all;
}

/// signing begins to sign as `wanted` says and returns the context to go on with.
EVP_PKEY_CTX* begin_signing(EVP_MD_CTX* context, EVP_PKEY* key, const SchemeCase& wanted) {
  EVP_PKEY_CTX* operation = nullptr;
  if (EVP_DigestSignInit_ex(context, &operation, wanted.digest.c_str(), nullptr, nullptr, key,
                            nullptr) != 1)
    return nullptr;
  if (wanted.salt.empty()) return operation;
  const bool good = EVP_PKEY_CTX_ctrl_str(operation, "rsa_padding_mode", "pss") == 1 &&
                    EVP_PKEY_CTX_ctrl_str(operation, "rsa_pss_saltlen", wanted.salt.c_str()) == 1 &&
                    EVP_PKEY_CTX_ctrl_str(operation, "rsa_mgf1_md", wanted.mgf_digest.c_str()) == 1;
  return good ? operation : nullptr;
}

Bytes algorithm_id(EVP_PKEY* key, const SchemeCase& wanted) {
  const MdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* operation = begin_signing(context.get(), key, wanted);
  Bytes id(128);
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, id.data(), id.size()),
      OSSL_PARAM_construct_end()};
  if (operation == nullptr || EVP_PKEY_CTX_get_params(operation, params) != 1) return {};
  id.resize(params[0].return_size);
  return id;
}

TEST_F(ProviderTest, NamesEachSchemeAsOpensslDoes) {
  OSSL_LIB_CTX* library = house().provider.context();
  const KeyHandle rsa = house().provider.key(house().rsa);
  const KeyHandle ec = house().provider.key(house().ec);
  const KeyHandle soft_rsa(EVP_PKEY_Q_keygen(library, nullptr, "RSA", std::size_t{2048}));
  const KeyHandle soft_ec(EVP_PKEY_Q_keygen(library, nullptr, "EC", "P-384"));
  for (const SchemeCase& one : schemes()) {
    const Bytes theirs = algorithm_id(one.rsa ? soft_rsa.get() : soft_ec.get(), one);
    EXPECT_FALSE(theirs.empty()) << one.digest << openssl_errors();
    EXPECT_EQ(algorithm_id(one.rsa ? rsa.get() : ec.get(), one), theirs)
        << one.rsa << one.digest << one.salt << one.mgf_digest << openssl_errors();
  }
}

TEST_F(ProviderTest, SignsCertificatesBySchemesThatOpensslVerifies) {
  for (const SchemeCase& one : schemes()) {
    // SoftHSM knows PSS with one digest for both purposes only, and no MD5.
    if (one.digest == "MD5" || (!one.salt.empty() && one.mgf_digest != one.digest)) continue;
    const KeyRef& ref = one.rsa ? house().rsa : house().ec;
    const KeyHandle key = house().provider.key(ref);
    const Cert certificate = self_signed(house().provider, *key, "scheme");
    const MdCtx context(EVP_MD_CTX_new());
    ASSERT_NE(begin_signing(context.get(), key.get(), one), nullptr) << openssl_errors();
    ASSERT_GT(X509_sign_ctx(certificate.get(), context.get()), 0)
        << one.digest << one.salt << openssl_errors();
    const Bytes spki = house().client.public_key(ref);
    const std::uint8_t* at = spki.data();
    const KeyHandle open(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    EXPECT_EQ(X509_verify(certificate.get(), open.get()), 1)
        << one.digest << one.salt << openssl_errors();
  }
}

TEST_F(ProviderTest, NamesThePaddingThatItDoesNotSignWith) {
  const KeyHandle key = house().provider.key(house().rsa);
  const PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(house().provider.context(), key.get(), nullptr));
  ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1) << openssl_errors();
  EXPECT_LE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_X931_PADDING), 0);
  EXPECT_NE(openssl_errors().find("PKCS#1 v1.5 or PSS padding only"), std::string::npos);
  EXPECT_LE(EVP_PKEY_CTX_ctrl_str(context.get(), "digest", "SHA3-256"), 0);
  EXPECT_NE(openssl_errors().find("none that the signer knows"), std::string::npos);
  for (const char* salt : {"-4", "99999", "1x", ""}) {
    EVP_PKEY_CTX_ctrl_str(context.get(), "rsa_padding_mode", "pss");
    EXPECT_LE(EVP_PKEY_CTX_ctrl_str(context.get(), "rsa_pss_saltlen", salt), 0) << salt;
  }
  ERR_clear_error();
}

}  // namespace
}  // namespace ringfence::hsm::test
