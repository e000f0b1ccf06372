// The provider over a real signer and token, judged by the openssl program.
#include <thread>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/store.h>

#include "tests/integration/hsm/provider_fixture.h"

namespace ringfence::hsm::test {
namespace {

Bytes digest_sign(OSSL_LIB_CTX* library, EVP_PKEY* key, const char* digest, BytesView data,
                  const OSSL_PARAM* params = nullptr) {
  const MdCtx context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (EVP_DigestSignInit_ex(context.get(), nullptr, digest, library, nullptr, key, params) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1)
    return {};
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
    return {};
  signature.resize(size);
  return signature;
}

bool digest_verify(OSSL_LIB_CTX* library, EVP_PKEY* key, const char* digest, BytesView data,
                   const Bytes& signature, const OSSL_PARAM* params = nullptr) {
  const MdCtx context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, library, nullptr, key, params) ==
             1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(),
                          data.size()) == 1;
}

void write_bytes(const std::string& path, const Bytes& bytes) {
  write_text(path, std::string(bytes.begin(), bytes.end()));
}

void write_public(const std::string& path, const Bytes& spki) {
  write_bytes(path + ".der", spki);
  shell("openssl pkey -pubin -inform DER -in " + path + ".der -out " + path);
}

TEST_F(ProviderTest, SignsAnRsaCertificateThatOpensslVerifies) {
  const KeyHandle key = house().provider.key(house().rsa);
  const Cert certificate = self_signed(house().provider, *key, "CAPF-test");
  write_pem(file("rsa.pem"), *certificate);
  const CommandResult verified =
      shell("openssl verify -check_ss_sig -CAfile " + file("rsa.pem") + " " + file("rsa.pem"));
  EXPECT_EQ(verified.status, 0) << verified.output;
  const CommandResult shown = shell("openssl x509 -noout -text -in " + file("rsa.pem"));
  EXPECT_NE(shown.output.find("Signature Algorithm: sha256WithRSAEncryption"), std::string::npos);
  EXPECT_NE(shown.output.find("Public-Key: (2048 bit)"), std::string::npos) << shown.output;
}

TEST_F(ProviderTest, SignsAnEcCertificateThatOpensslVerifies) {
  const KeyHandle key = house().provider.key(house().ec);
  const Cert certificate = self_signed(house().provider, *key, "host-EC", "SHA384");
  write_pem(file("ec.pem"), *certificate);
  const CommandResult verified =
      shell("openssl verify -check_ss_sig -CAfile " + file("ec.pem") + " " + file("ec.pem"));
  EXPECT_EQ(verified.status, 0) << verified.output;
  const CommandResult shown = shell("openssl x509 -noout -text -in " + file("ec.pem"));
  EXPECT_NE(shown.output.find("Signature Algorithm: ecdsa-with-SHA384"), std::string::npos);
  EXPECT_NE(shown.output.find("NIST CURVE: P-384"), std::string::npos) << shown.output;
}

TEST_F(ProviderTest, SignsARequestThatOpensslVerifies) {
  const KeyHandle key = house().provider.key(house().rsa);
  X509_REQ* request = X509_REQ_new_ex(house().provider.context(), nullptr);
  X509_REQ_set_pubkey(request, key.get());
  EVP_MD* md = EVP_MD_fetch(house().provider.context(), "SHA256", nullptr);
  EXPECT_GT(X509_REQ_sign(request, key.get(), md), 0) << openssl_errors();
  EVP_MD_free(md);
  BIO* bio = BIO_new_file(file("request.pem").c_str(), "w");
  PEM_write_bio_X509_REQ(bio, request);
  BIO_free(bio);
  X509_REQ_free(request);
  const CommandResult verified = shell("openssl req -verify -noout -in " + file("request.pem"));
  EXPECT_EQ(verified.status, 0) << verified.output;
  EXPECT_NE(verified.output.find("verify OK"), std::string::npos) << verified.output;
}

TEST_F(ProviderTest, SignsPssWithTheParametersInTheCertificate) {
  const KeyHandle key = house().provider.key(house().rsa);
  Cert certificate = self_signed(house().provider, *key, "pss");
  const MdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey = nullptr;
  ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), &pkey, "SHA256", house().provider.context(),
                                  nullptr, key.get(), nullptr),
            1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST), 1);
  ASSERT_GT(X509_sign_ctx(certificate.get(), context.get()), 0) << openssl_errors();
  write_pem(file("pss.pem"), *certificate);
  const CommandResult verified =
      shell("openssl verify -check_ss_sig -CAfile " + file("pss.pem") + " " + file("pss.pem"));
  EXPECT_EQ(verified.status, 0) << verified.output;
  const CommandResult shown = shell("openssl x509 -noout -text -in " + file("pss.pem"));
  EXPECT_NE(shown.output.find("rsassaPss"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("0x20"), std::string::npos) << shown.output;
}

TEST_F(ProviderTest, SignsCmsThatOpensslVerifies) {
  for (const KeyRef& ref : {house().rsa, house().ec}) {
    const KeyHandle key = house().provider.key(ref);
    const Cert certificate = self_signed(house().provider, *key, "cms-signer");
    write_pem(file("cms.pem"), *certificate);
    BIO* data = BIO_new_mem_buf("hello phones", -1);
    CMS_ContentInfo* cms = CMS_sign_ex(certificate.get(), key.get(), nullptr, data, CMS_BINARY,
                                       house().provider.context(), nullptr);
    ASSERT_NE(cms, nullptr) << openssl_errors();
    BIO* out = BIO_new_file(file("cms.der").c_str(), "w");
    i2d_CMS_bio(out, cms);
    BIO_free(out);
    BIO_free(data);
    CMS_ContentInfo_free(cms);
    const CommandResult verified =
        shell("openssl cms -verify -binary -purpose any -inform DER -in " + file("cms.der") +
              " -CAfile " + file("cms.pem"));
    EXPECT_EQ(verified.status, 0) << to_text(ref) << verified.output;
    EXPECT_NE(verified.output.find("hello phones"), std::string::npos) << verified.output;
  }
}

TEST_F(ProviderTest, PadsABareHashOfAnyKindAsType1) {
  const KeyHandle key = house().provider.key(house().rsa);
  const PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(house().provider.context(), key.get(), nullptr));
  ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1) << openssl_errors();
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING), 1);
  const Bytes hash = bytes_of("0123456789abcdefghij");
  Bytes signature(256);
  std::size_t size = signature.size();
  ASSERT_EQ(EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash.size()), 1)
      << openssl_errors();
  write_bytes(file("raw.sig"), signature);
  write_public(file("raw.pub"), house().client.public_key(house().rsa));
  const CommandResult recovered =
      shell("openssl pkeyutl -verifyrecover -pkeyopt rsa_padding_mode:pkcs1 -pubin -inkey " +
            file("raw.pub") + " -in " + file("raw.sig"));
  EXPECT_EQ(recovered.status, 0);
  EXPECT_EQ(recovered.output, "0123456789abcdefghij");
}

TEST_F(ProviderTest, VerifiesWhatItSigned) {
  OSSL_LIB_CTX* library = house().provider.context();
  const Bytes data = bytes_of("some words");
  for (const KeyRef& ref : {house().rsa, house().ec}) {
    const KeyHandle key = house().provider.key(ref);
    for (const char* digest : {"SHA1", "SHA256", "SHA384", "SHA512"}) {
      Bytes signature = digest_sign(library, key.get(), digest, data);
      EXPECT_TRUE(digest_verify(library, key.get(), digest, data, signature))
          << to_text(ref) << digest << openssl_errors();
      signature.back() ^= 1;
      EXPECT_FALSE(digest_verify(library, key.get(), digest, data, signature));
    }
  }
  ERR_clear_error();
}

TEST_F(ProviderTest, NeverExportsAPrivateKey) {
  for (const KeyRef& ref : {house().rsa, house().ec}) {
    const KeyHandle key = house().provider.key(ref);
    ERR_clear_error();
    OSSL_PARAM* params = nullptr;
    EXPECT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_KEYPAIR, &params), 0);
    EXPECT_NE(openssl_errors().find("never leaves the token"), std::string::npos);
    unsigned char* der = nullptr;
    EXPECT_LE(i2d_PrivateKey(key.get(), &der), 0);
    ERR_clear_error();
    ASSERT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_PUBLIC_KEY, &params), 1);
    EXPECT_EQ(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_RSA_D), nullptr);
    EXPECT_EQ(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PRIV_KEY), nullptr);
    OSSL_PARAM_free(params);
  }
}

TEST_F(ProviderTest, SaysThatAPrivateNumberNeverLeavesTheToken) {
  for (const KeyRef& ref : {house().rsa, house().ec}) {
    const KeyHandle key = house().provider.key(ref);
    const bool rsa = ref == house().rsa;
    ERR_clear_error();
    BIGNUM* number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(
                  key.get(), rsa ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY, &number),
              0);
    EXPECT_EQ(number, nullptr);
    EXPECT_NE(openssl_errors().find("never leaves the token"), std::string::npos);
    if (rsa) {
      EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, &number), 0);
      EXPECT_NE(openssl_errors().find("never leaves the token"), std::string::npos);
    }
    BIO* out = BIO_new(BIO_s_mem());
    EXPECT_EQ(PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr), 0);
    EXPECT_NE(openssl_errors().find("never leaves the token"), std::string::npos);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    EXPECT_EQ(std::string(text, static_cast<std::size_t>(size)),
              "# the private key " + to_text(ref) + " never leaves the token\n");
    BIO_free(out);
    const KeyHandle copy(EVP_PKEY_dup(key.get()));
    unsigned char* der = nullptr;
    EXPECT_LE(i2d_PrivateKey(copy.get(), &der), 0);
    EXPECT_NE(openssl_errors().find("never leaves the token"), std::string::npos);
    EXPECT_EQ(EVP_PKEY_get1_encoded_public_key(key.get(), &der) > 0, !rsa);
    OPENSSL_free(der);
    ERR_clear_error();
  }
}

TEST_F(ProviderTest, KeepsAKeyOfTheTokenAsItIs) {
  const KeyHandle key = house().provider.key(house().ec);
  const KeyHandle other(EVP_PKEY_Q_keygen(house().provider.context(), nullptr, "EC", "P-384"));
  unsigned char* point = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(other.get(), &point);
  ASSERT_GT(size, 0U);
  EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(key.get(), point, size), 0);
  EXPECT_NE(openssl_errors().find("cannot be changed"), std::string::npos);
  OPENSSL_free(point);
  EXPECT_EQ(EVP_PKEY_eq(key.get(), house().provider.key(house().ec).get()), 1);
}

TEST_F(ProviderTest, OpensAPkcs11Uri) {
  const auto count = [](const std::string& uri, EVP_PKEY* expected) {
    OSSL_STORE_CTX* store =
        OSSL_STORE_open_ex(uri.c_str(), house().provider.context(), "provider=ringfence", nullptr,
                           nullptr, nullptr, nullptr, nullptr);
    if (store == nullptr) return -1;
    int keys = 0;
    while (OSSL_STORE_eof(store) == 0) {
      OSSL_STORE_INFO* info = OSSL_STORE_load(store);
      if (info == nullptr) break;
      const EVP_PKEY* key = OSSL_STORE_INFO_get0_PKEY(info);
      if (key != nullptr && EVP_PKEY_eq(key, expected) == 1) ++keys;
      OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return keys;
  };
  const KeyHandle key = house().provider.key(house().rsa);
  EXPECT_EQ(count("pkcs11:object=CAPF;id=%00%00%00%01;type=private", key.get()), 1)
      << openssl_errors();
  EXPECT_EQ(count("pkcs11:token=ringfence;object=CAPF", key.get()), 1);
  EXPECT_EQ(count("pkcs11:token=other;object=CAPF", key.get()), 0);
  EXPECT_EQ(count("pkcs11:object=CAPF;id=%00%00%00%09", key.get()), 0);
  EXPECT_EQ(count("pkcs11:object=CAPF;type=cert", key.get()), 0);
  EXPECT_EQ(count("pkcs11:object=%zz", key.get()), -1);
  ERR_clear_error();
}

TEST_F(ProviderTest, SaysWhatTheSignerAnswered) {
  EXPECT_EQ(kind_thrown([] { house().provider.key({"CAPF", 9}); }), Kind::not_found);
  SignerClient tvs(house().signer.socket("tvs"));
  const Provider provider(tvs);
  EXPECT_EQ(kind_thrown([&] { provider.key(house().rsa); }), Kind::refused);
}

TEST_F(ProviderTest, TellsTheKindOfAFailureThroughOpenssl) {
  const KeyRef doomed = house().client.generate("TVS", {KeyAlgorithm::ec, 256});
  const KeyHandle key = house().provider.key(doomed);
  house().client.destroy(doomed);
  ERR_clear_error();
  EXPECT_TRUE(digest_sign(house().provider.context(), key.get(), "SHA256", bytes_of("x")).empty());
  EXPECT_EQ(kind_of_openssl(ERR_peek_last_error()), Kind::not_found);
  EXPECT_NE(openssl_errors().find("the token has no key TVS/1"), std::string::npos);
}

TEST_F(ProviderTest, SignsInSixteenThreads) {
  OSSL_LIB_CTX* library = house().provider.context();
  const KeyHandle rsa = house().provider.key(house().rsa);
  const KeyHandle ec = house().provider.key(house().ec);
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 16; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        EVP_PKEY* key = (thread + i) % 2 == 0 ? rsa.get() : ec.get();
        const Bytes data = bytes_of(std::to_string(thread * 1000 + i));
        const Bytes signature = digest_sign(library, key, "SHA256", data);
        if (digest_verify(library, key, "SHA256", data, signature)) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 16 * 25);
}

/// A TLS server of one handshake on one end of a socket pair; `openssl s_client` cannot take a
/// descriptor, so it connects to a listening port of the kernel's choice.
struct Handshake {
  const char* version;
  const char* options;
  bool rsa;
};

class TlsTest : public ProviderTest, public testing::WithParamInterface<Handshake> {};

TEST_P(TlsTest, ServesAHandshakeFromATokenKey) {
  const Handshake& wanted = GetParam();
  const KeyHandle key = house().provider.key(wanted.rsa ? house().rsa : house().ec);
  const Cert certificate = self_signed(house().provider, *key, "tls-server");
  const std::string pem = file(std::string("tls") + wanted.version + (wanted.rsa ? "r" : "e"));
  write_pem(pem, *certificate);
  std::unique_ptr<SSL_CTX, Freer<SSL_CTX, SSL_CTX_free>> context(
      SSL_CTX_new_ex(house().provider.context(), nullptr, TLS_server_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(context.get(), certificate.get()), 1) << openssl_errors();
  ASSERT_EQ(SSL_CTX_use_PrivateKey(context.get(), key.get()), 1) << openssl_errors();
  ASSERT_EQ(SSL_CTX_check_private_key(context.get()), 1) << openssl_errors();

  BIO* listener = BIO_new_accept("127.0.0.1:0");
  ASSERT_GT(BIO_do_accept(listener), 0) << openssl_errors();
  const std::string port = BIO_get_accept_port(listener);
  const std::string command = "echo Q | timeout 20 openssl s_client -connect 127.0.0.1:" + port +
                              " -verify_return_error -CAfile " + pem + " " + wanted.options;
  CommandResult client;
  std::thread thread([&] { client = shell(command); });
  EXPECT_GT(BIO_do_accept(listener), 0);
  SSL* ssl = SSL_new(context.get());
  BIO* connection = BIO_pop(listener);
  SSL_set_bio(ssl, connection, connection);
  const int accepted = SSL_accept(ssl);
  EXPECT_EQ(accepted, 1) << openssl_errors();
  char byte = 0;
  if (accepted == 1) SSL_read(ssl, &byte, 1);
  SSL_shutdown(ssl);
  SSL_free(ssl);
  BIO_free(listener);
  thread.join();
  EXPECT_NE(client.output.find("Verify return code: 0 (ok)"), std::string::npos) << client.output;
  EXPECT_NE(client.output.find(wanted.version), std::string::npos) << client.output;
  ERR_clear_error();
}

INSTANTIATE_TEST_SUITE_P(
    Versions, TlsTest,
    testing::Values(Handshake{"TLSv1.3", "-tls1_3", true}, Handshake{"TLSv1.3", "-tls1_3", false},
                    Handshake{"TLSv1.2", "-tls1_2", true}, Handshake{"TLSv1.2", "-tls1_2", false},
                    Handshake{"TLSv1.2", "-tls1_2 -sigalgs RSA+SHA256", true}),
    [](const auto& test) {
      return std::string(test.param.rsa ? "Rsa" : "Ec") + std::to_string(test.index);
    });

}  // namespace
}  // namespace ringfence::hsm::test
