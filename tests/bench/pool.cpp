#include "tests/bench/pool.h"

#include <memory>

#include <openssl/x509.h>

#include "core/crypto/handles.h"

namespace ringfence::bench {
namespace {

using Md = core::Handle<EVP_MD, EVP_MD_free>;

hsm::SignRequest request_for(const MeasuredKey& key, const hsm::KeyRef& ref) {
  hsm::SignRequest request;
  request.key = ref;
  request.scheme =
      key.spec.algorithm == hsm::KeyAlgorithm::rsa ? hsm::Scheme::rsa_pkcs1 : hsm::Scheme::ecdsa;
  request.hash = key.hash;
  request.input = digest_for(key);
  return request;
}

/// Certificate is one thread's certificate, signed again and again.
class Certificate {
 public:
  Certificate(const MeasuredKey& measured, OSSL_LIB_CTX* context, EVP_PKEY* key)
      : key_(key),
        md_(core::ensure(
            EVP_MD_fetch(context, measured.hash == hsm::Hash::sha384 ? "SHA384" : "SHA256",
                         nullptr),
            "EVP_MD_fetch")),
        certificate_(core::ensure(X509_new_ex(context, nullptr), "X509_new_ex")) {
    X509* certificate = certificate_.get();
    core::ensure(X509_set_version(certificate, X509_VERSION_3) == 1, "X509_set_version");
    core::ensure(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 0x5eed) == 1,
                 "ASN1_INTEGER_set_uint64");
    static const unsigned char name[] = "SEP001122334455";
    for (X509_NAME* of : {X509_get_subject_name(certificate), X509_get_issuer_name(certificate)})
      core::ensure(X509_NAME_add_entry_by_txt(of, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1,
                   "X509_NAME_add_entry_by_txt");
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * 365);
    core::ensure(X509_set_pubkey(certificate, key_) == 1, "X509_set_pubkey");
  }

  void sign() { core::ensure(X509_sign(certificate_.get(), key_, md_.get()) > 0, "X509_sign"); }

 private:
  EVP_PKEY* key_;
  Md md_;
  core::X509Cert certificate_;
};

}  // namespace

Pool::Pool(const std::filesystem::path& folder)
    : signer_(folder), client_(signer_.socket("admin")), provider_(client_) {
  for (const MeasuredKey& key : kKeys) {
    refs_[&key] = client_.generate(key.label, key.spec);
    keys_[&key] = provider_.key(refs_[&key]);
  }
}

MakeWork Pool::sign(const MeasuredKey& key) {
  return [this, &key]() -> Work {
    return [this, request = request_for(key, refs_.at(&key))] { client_.sign(request); };
  };
}

MakeWork Pool::x509_sign(const MeasuredKey& key) {
  return [this, &key]() -> Work {
    const auto certificate =
        std::make_shared<Certificate>(key, provider_.context(), keys_.at(&key).get());
    return [certificate] { certificate->sign(); };
  };
}

Seconds Pool::workers_time() const {
  Seconds sum(0);
  for (const pid_t worker : signer_.workers()) sum += processor_time(worker);
  return sum;
}

}  // namespace ringfence::bench
