#include "tests/fleet/tests/test_lists.h"

#include <map>

#include <fmt/format.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/trust/signed_file.h"

namespace ringfence::fleet::test {

using core::ensure;

namespace {

constexpr core::Time kTime{std::chrono::seconds(1800000000)};

core::X509Cert blank(const std::string& common_name, EVP_PKEY* key) {
  core::X509Cert certificate(ensure(X509_new(), "X509_new"));
  X509_set_version(certificate.get(), 2);
  const core::Bytes serial = core::random_bytes(8);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          (serial[0] & 0x7FU) * 256 + serial[1] + 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  ensure(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1, "name");
  ensure(X509_set_pubkey(certificate.get(), key) == 1, "X509_set_pubkey");
  return certificate;
}

}  // namespace

core::Bytes Identity::der() const {
  return core::to_der(*certificate);
}

Identity make_identity(const std::string& common_name) {
  static std::map<std::string, core::EvpPkey> keys;
  core::EvpPkey& key = keys[common_name];
  if (!key) key.reset(ensure(EVP_RSA_gen(2048), "EVP_RSA_gen"));
  Identity identity{blank(common_name, key.get()), core::share(key.get())};
  X509* certificate = identity.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  ensure(X509_sign(certificate, key.get(), EVP_sha256()) > 0, "X509_sign");
  return identity;
}

core::X509Cert issue(const std::string& common_name, EVP_PKEY* key, const Identity& issuer) {
  core::X509Cert certificate = blank(common_name, key);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.certificate.get()));
  ensure(X509_sign(certificate.get(), issuer.key.get(), EVP_sha256()) > 0, "X509_sign");
  return certificate;
}

core::Bytes make_itl(const Identity& signer, const std::vector<const Identity*>& others,
                     const Identity* tvs, const Identity* capf) {
  using core::Content;
  using core::Role;
  std::vector<core::RecordRequest> records;
  const auto add = [&records](const Identity& identity, Role function, Content content) {
    core::RecordRequest record;
    record.certificate = identity.certificate.get();
    record.function = function;
    record.content = content;
    records.push_back(record);
  };
  add(signer, Role::sast, Content::full);
  add(signer, Role::tftp, Content::full);
  for (const Identity* other : others) add(*other, Role::sast, Content::full);
  if (tvs != nullptr) add(*tvs, Role::tvs, Content::hash);
  if (capf != nullptr) add(*capf, Role::capf, Content::hash);
  return core::build_trust_list(core::ListKind::itl, records, signer.signer(), core::Digest::sha1,
                                kTime);
}

core::Bytes make_config(const Identity& signer, const std::string& device, const std::string& stamp,
                        std::uint16_t sip_port, std::uint16_t tvs_port) {
  const std::string xml = fmt::format(
      "<?xml version=\"1.0\"?>\n<device><devicePool><callManagerGroup><members>"
      "<member priority=\"0\"><callManager><ports><sipPort>{}</sipPort></ports>"
      "<processNodeName>127.0.0.1</processNodeName></callManager></member></members>"
      "</callManagerGroup></devicePool><TVS><members><member priority=\"0\"><port>{}</port>"
      "<address>127.0.0.1</address></member></members></TVS>"
      "<versionStamp>{{{}}}</versionStamp><capfAuthMode>0</capfAuthMode></device>\n",
      sip_port, tvs_port, stamp);
  return core::sign_file(device + ".cnf.xml", core::bytes_of(xml), signer.signer(),
                         core::Digest::sha1, kTime);
}

}  // namespace ringfence::fleet::test
