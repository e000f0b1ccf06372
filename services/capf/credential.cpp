// The certificate a phone shows, and its proof that it has the key.
#include "services/capf/credential.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Digest;
using core::Error;

using StoreContext = core::Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

/// kMaxDepth is how many certificates may stand between a phone's and its anchor.
constexpr int kMaxDepth = 4;

[[noreturn]] void refuse(const std::string& why) {
  ERR_clear_error();
  throw Error(Code::refused, why);
}

core::X509Cert parse(BytesView der) {
  try {
    return core::parse_certificate(der);
  } catch (const Error& error) {
    refuse(error.what());
  }
}

/// common_names lists every CN of the subject: a second one must not hide behind the first.
std::vector<std::string> common_names(const X509& certificate) {
  std::vector<std::string> names;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, value);
    if (length < 0) refuse("the certificate's common name cannot be read");
    names.emplace_back(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
    OPENSSL_free(utf8);
  }
  return names;
}

void check_subject(const X509& certificate, const std::string& device, std::string_view model) {
  const std::vector<std::string> names = common_names(certificate);
  if (names.size() != 1) {
    refuse(fmt::format("the certificate's subject has {} common names, not one", names.size()));
  }
  if (!core::names_device(names[0], device, model)) {
    refuse("the certificate is of another device: " + core::subject_of(certificate));
  }
}

/// check_rsa builds the only block that is right and compares all of it: a check that looks for the
/// digest behind the padding could be deceived by what stands elsewhere in the block.
bool check_rsa(EVP_PKEY& key, BytesView digest, BytesView signature) {
  constexpr std::size_t kLeastPadding = 8;
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(&key));
  if (signature.size() != size || size < digest.size() + kLeastPadding + 3) return false;
  Bytes right{0x00, 0x01};
  right.resize(size - digest.size() - 1, 0xff);
  right.push_back(0x00);
  right.insert(right.end(), digest.begin(), digest.end());

  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), "EVP_PKEY_CTX_new"));
  core::ensure(EVP_PKEY_verify_recover_init(context.get()) == 1, "EVP_PKEY_verify_recover_init");
  core::ensure(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1,
               "EVP_PKEY_CTX_set_rsa_padding");
  Bytes block(size);
  std::size_t length = block.size();
  if (EVP_PKEY_verify_recover(context.get(), block.data(), &length, signature.data(),
                              signature.size()) != 1) {
    return false;
  }
  block.resize(length);
  return block == right;
}

bool check_ec(EVP_PKEY& key, BytesView digest, BytesView signature) {
  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), "EVP_PKEY_CTX_new"));
  core::ensure(EVP_PKEY_verify_init(context.get()) == 1, "EVP_PKEY_verify_init");
  return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                         digest.size()) == 1;
}

void check_signature(EVP_PKEY& key, Digest algorithm, BytesView data, BytesView signature,
                     std::string_view what) {
  const Bytes digest = core::digest(algorithm, data);
  bool right = false;
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA: right = check_rsa(key, digest, signature); break;
    case EVP_PKEY_EC: right = check_ec(key, digest, signature); break;
    default: refuse("the certificate's key is neither RSA nor EC");
  }
  if (!right) refuse(fmt::format("{} does not verify with the certificate's key", what));
}

/// Proof is what was signed, and the signatures: empty where there is none.
struct Proof {
  Bytes data;
  BytesView sha1;
  BytesView sha512;
  std::string_view name;
};

/// Judge is what a phone's certificates are held against.
struct Judge {
  const std::string& device;
  std::string_view model;
  const Anchors& anchors;
  core::Time now;
};

void check_maker(const Anchors::Issuer& issuer) {
  if (issuer.purpose == core::CapfTrustPurpose::mic) return;
  refuse(
      fmt::format("its issuer {} is in CAPF-trust, but not as a manufacturer's CA; if it is one, "
                  "import it again with 'set cert import trust CAPF purpose mic'",
                  issuer.subject));
}

/// check_certificate returns who signed `der`.
Anchors::Issuer check_certificate(BytesView der, CertificateKind kind, const Proof& proof,
                                  const Judge& judge) {
  const core::X509Cert certificate = parse(der);
  check_subject(*certificate, judge.device, judge.model);
  if (X509_check_ca(certificate.get()) != 0) {
    refuse("the certificate is one of a CA, not of a phone");
  }
  Anchors::Issuer issuer = judge.anchors.check_chain(*certificate, judge.now);
  if (proof.sha1.empty() && proof.sha512.empty()) {
    refuse(fmt::format("the certificate came without {}", proof.name));
  }
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) refuse("the certificate's key cannot be read");
  if (!proof.sha1.empty()) {
    check_signature(*key, Digest::sha1, proof.data, proof.sha1,
                    fmt::format("{} with SHA-1", proof.name));
  }
  if (!proof.sha512.empty()) {
    check_signature(*key, Digest::sha512, proof.data, proof.sha512,
                    fmt::format("{} with SHA-512", proof.name));
  }
  if (kind == CertificateKind::mic) check_maker(issuer);
  return issuer;
}

Proof proof_of(const AuthResponse& response) {
  core::Writer data;
  data.text(response.device).u8(0).bytes(response.certificate->der);
  Proof proof{data.take(), response.sha1_signature, {}, "the phone's signature"};
  if (response.sha512_signature) proof.sha512 = response.sha512_signature->bytes;
  return proof;
}

Proof proof_of(const Sudi& sudi, std::uint32_t session) {
  core::Writer data;
  for (int shift = 0; shift < 32; shift += 8) data.u8(static_cast<std::uint8_t>(session >> shift));
  data.bytes(sudi.certificate);
  return {data.take(), sudi.sha1_signature, sudi.sha512_signature,
          "the SUDI signature of this session"};
}

}  // namespace

Anchors::Anchors() : store_(core::ensure(X509_STORE_new(), "X509_STORE_new")) {}

void Anchors::trust(BytesView der, Purpose purpose) {
  const core::X509Cert certificate = core::parse_certificate(der);
  core::ensure(X509_STORE_add_cert(store_.get(), certificate.get()) == 1, "X509_STORE_add_cert");
  purposes_[{der.begin(), der.end()}] = purpose;
}

void Anchors::own(BytesView der) {
  trust(der, Purpose::capf);
  own_.assign(der.begin(), der.end());
}

Anchors::Issuer Anchors::check_chain(X509& certificate, core::Time now) const {
  const StoreContext context(core::ensure(X509_STORE_CTX_new(), "X509_STORE_CTX_new"));
  core::ensure(X509_STORE_CTX_init(context.get(), store_.get(), &certificate, nullptr) == 1,
               "X509_STORE_CTX_init");
  X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(how, kMaxDepth);
  X509_VERIFY_PARAM_set_time(how, static_cast<time_t>(core::to_seconds(now)));
  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    const bool unknown = error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
                         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
    const std::string issuer = core::issuer_of(certificate);
    if (unknown)
      refuse(
          fmt::format("its issuer is {}, which is not in CAPF-trust; if that is right, import "
                      "the issuer's certificate with 'set cert import trust CAPF', and with "
                      "purpose mic where it is the phone's manufacturer",
                      issuer));
    refuse(fmt::format("the certificate, issued by {}, does not verify up to CAPF-trust: {}",
                       issuer, X509_verify_cert_error_string(error)));
  }
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  // One that stands in CAPF-trust itself is signed by nobody there.
  if (sk_X509_num(chain) < 2) refuse("the certificate is itself an entry of CAPF-trust");
  const X509& issuer = *sk_X509_value(chain, 1);
  const Bytes der = core::to_der(issuer);
  const auto purpose = purposes_.find(der);
  return {purpose == purposes_.end() ? Purpose::ca : purpose->second, der == own_,
          core::subject_of(issuer)};
}

Credential check_credential(const AuthResponse& response, std::uint32_t session,
                            std::string_view model, const Anchors& anchors, core::Time now) {
  const Judge judge{response.device, model, anchors, now};
  const Sudi* sudi = response.sudi ? &*response.sudi : nullptr;
  Credential credential;
  if (sudi != nullptr) {
    credential = {CertificateKind::mic, sudi->certificate, {}, {}};
    credential.issuer =
        check_certificate(sudi->certificate, CertificateKind::mic, proof_of(*sudi, session), judge);
  }
  if (response.certificate) {
    const Proof proof = proof_of(response);
    // What the SUDI signatures have just proven needs no second proof.
    const bool proven = sudi != nullptr && sudi->certificate == response.certificate->der &&
                        proof.sha1.empty() && proof.sha512.empty();
    credential.kind = response.certificate->kind;
    credential.der = response.certificate->der;
    if (!proven) {
      credential.issuer = check_certificate(credential.der, credential.kind, proof, judge);
    }
  }
  if (credential.der.empty()) refuse("the phone showed no certificate");
  credential.serial = core::serial_of(*parse(credential.der));
  return credential;
}

}  // namespace ringfence::services::capf
