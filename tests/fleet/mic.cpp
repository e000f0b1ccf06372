#include "tests/fleet/mic.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/fleet/key_pool.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::ensure;

namespace {

constexpr std::size_t kLongestPem = 64 * 1024;
constexpr long kTenYears = 10L * 365 * 24 * 3600;

void add_extension(X509* certificate, int nid, const char* value) {
  const core::Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      ensure(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), "X509V3_EXT_conf_nid"));
  ensure(X509_add_ext(certificate, extension.get(), -1) == 1, "X509_add_ext");
}

/// make_certificate signs with `issuer_key`, in the name of `issuer`, or of the subject when null.
core::X509Cert make_certificate(const std::string& common_name, EVP_PKEY* key, const X509* issuer,
                                EVP_PKEY* issuer_key) {
  core::X509Cert certificate(ensure(X509_new(), "X509_new"));
  X509_set_version(certificate.get(), X509_VERSION_3);
  Bytes serial(16);
  ensure(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1, "RAND_bytes");
  serial[0] &= 0x7f;
  const core::Handle<BIGNUM, BN_free> number(
      ensure(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr), "BN_bin2bn"));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  ensure(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                                    -1, 0) == 1,
         "X509_NAME_add_entry");
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kTenYears);
  X509_set_pubkey(certificate.get(), key);
  X509_set_issuer_name(certificate.get(),
                       issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  if (issuer == nullptr) {
    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate.get(), NID_key_usage, "critical,keyCertSign");
  } else {
    add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment");
  }
  ensure(X509_sign(certificate.get(), issuer_key, EVP_sha256()) > 0, "X509_sign");
  return certificate;
}

core::Bio bio_of(const std::string& text) {
  return core::Bio(
      ensure(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), "BIO_new_mem_buf"));
}

std::string pem_of(EVP_PKEY* key) {
  const core::Bio out(ensure(BIO_new(BIO_s_mem()), "BIO_new"));
  ensure(PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "PEM_write_bio_PKCS8PrivateKey");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Maker::Maker(const std::filesystem::path& file) {
  const std::filesystem::path key_file = file.string() + ".key";
  if (!file.empty() && std::filesystem::exists(file)) {
    const std::string certificate = core::text_of(core::read_file(file, kLongestPem));
    const std::string key = core::text_of(core::read_file(key_file, kLongestPem));
    certificate_.reset(PEM_read_bio_X509(bio_of(certificate).get(), nullptr, nullptr, nullptr));
    key_.reset(PEM_read_bio_PrivateKey(bio_of(key).get(), nullptr, nullptr, nullptr));
    if (!certificate_ || !key_ || X509_check_private_key(certificate_.get(), key_.get()) != 1) {
      ERR_clear_error();
      throw core::Error(core::Code::malformed,
                        file.string() + " and its .key are no CA that this program made");
    }
    return;
  }
  key_ = make_ec_key(256);
  certificate_ = make_certificate("Simulated Manufacturing CA", key_.get(), nullptr, key_.get());
  if (file.empty()) return;
  core::write_atomically(key_file, core::bytes_of(pem_of(key_.get())), 0600);
  core::write_atomically(file, core::bytes_of(core::to_pem(*certificate_)));
}

Proof Maker::mic_of(const std::string& device) {
  std::call_once(once_, [this] { mic_key_.reset(ensure(EVP_RSA_gen(2048), "EVP_RSA_gen")); });
  const core::X509Cert mic =
      make_certificate("CP-8861-" + device, mic_key_.get(), certificate_.get(), key_.get());
  return {core::to_der(*mic), core::share(mic_key_.get())};
}

Bytes bare_signature(EVP_PKEY* key, const char* digest, BytesView data) {
  Bytes hashed(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  ensure(
      EVP_Q_digest(nullptr, digest, nullptr, data.data(), data.size(), hashed.data(), &size) == 1,
      "EVP_Q_digest");
  hashed.resize(size);
  const core::EvpPkeyCtx context(ensure(EVP_PKEY_CTX_new(key, nullptr), "EVP_PKEY_CTX_new"));
  ensure(EVP_PKEY_sign_init(context.get()) == 1, "EVP_PKEY_sign_init");
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    // Without a digest's name there is no DigestInfo in the block.
    ensure(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1, "rsa_padding");
  }
  ensure(EVP_PKEY_sign(context.get(), nullptr, &size, hashed.data(), hashed.size()) == 1, "sign");
  Bytes signature(size);
  ensure(EVP_PKEY_sign(context.get(), signature.data(), &size, hashed.data(), hashed.size()) == 1,
         "sign");
  signature.resize(size);
  return signature;
}

}  // namespace ringfence::fleet
