#include "core/certificates/peer_verifier.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

/// common_names lists every CN of the subject: a second one must not hide behind the first. What
/// cannot be read is a name with a NUL, which is nobody's.
std::vector<std::string> common_names(const X509& certificate) {
  std::vector<std::string> names;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, value);
    if (length < 0) {
      ERR_clear_error();
      names.emplace_back(1, '\0');
      continue;
    }
    names.emplace_back(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
    OPENSSL_free(utf8);
  }
  return names;
}

/// unknown tells that nobody in the anchors issued it: other words for other cures.
bool unknown(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

constexpr std::string_view kCapfTrust = "CAPF-trust";

}  // namespace

PeerRefusal PeerVerifier::no_way(const X509& certificate, const Anchors::Path& path) const {
  const std::string& store = anchors_->store();
  if (!unknown(path.error)) return {path.error, anchors_->why_not(path)};
  const X509* last = path.at ? path.at.get() : &certificate;
  return {path.error,
          fmt::format("its issuer is {}, which is not in {}; if that is right, import the issuer's "
                      "certificate with 'set cert import trust {}'{}",
                      issuer_of(*last), store, store.substr(0, store.rfind("-trust")),
                      store == kCapfTrust
                          ? ", and with purpose mic where it is the phone's manufacturer"
                          : "")};
}

PeerVerifier::Verdict PeerVerifier::judge(X509& certificate, std::span<X509* const> below) const {
  std::vector<std::string> names = common_names(certificate);
  if (names.size() != 1)
    return PeerRefusal{
        X509_V_ERR_HOSTNAME_MISMATCH,
        fmt::format("the certificate's subject has {} common names, not one", names.size())};
  if (X509_check_ca(&certificate) != 0)
    return PeerRefusal{X509_V_ERR_INVALID_PURPOSE,
                       "the certificate is one of a CA, not of a phone"};
  const Anchors::Path path =
      anchors_->path_of(certificate, Anchors::Up::to_any, clock_.now(), below);
  if (path.error != X509_V_OK) return no_way(certificate, path);
  std::optional<Anchors::Issuer> issuer = anchors_->issuer_in(path);
  // One that stands among the anchors itself is signed by nobody there.
  if (!issuer)
    return PeerRefusal{X509_V_ERR_CERT_UNTRUSTED,
                       fmt::format("the certificate is itself an entry of {}", anchors_->store())};
  if (purpose_ == PeerPurpose::mic && issuer->purpose != CapfTrustPurpose::mic)
    return PeerRefusal{
        X509_V_ERR_CERT_UNTRUSTED,
        fmt::format("its issuer {} is in {}, but not as a manufacturer's CA; if it is one, import "
                    "it again with 'set cert import trust CAPF purpose mic'",
                    issuer->subject, anchors_->store())};
  return VerifiedPeer{std::move(names[0]), std::move(*issuer)};
}

VerifiedPeer PeerVerifier::verify(X509& certificate, std::string_view device,
                                  std::string_view model) const {
  // The name first: whose it is says more than who signed it.
  const std::vector<std::string> names = common_names(certificate);
  if (names.size() == 1 && !names_device(names[0], device, model)) {
    const std::string subject = subject_of(certificate);
    if (device_of(names[0]) != device)
      throw Error(Code::refused, "the certificate is of another device: " + subject);
    // An LSC keeps the model that the record had when it was issued.
    if (purpose_ != PeerPurpose::lsc)
      throw Error(
          Code::refused,
          fmt::format("the certificate is of another model than the phone's record says, {}: {}",
                      model, subject));
  }
  Verdict verdict = judge(certificate);
  if (const auto* refused = std::get_if<PeerRefusal>(&verdict))
    throw Error(Code::refused, refused->why);
  return std::get<VerifiedPeer>(std::move(verdict));
}

std::optional<PeerRefusal> PeerVerifier::refusal(X509& certificate,
                                                 std::span<X509* const> below) const {
  Verdict verdict = judge(certificate, below);
  if (auto* refused = std::get_if<PeerRefusal>(&verdict)) return std::move(*refused);
  if (purpose_ == PeerPurpose::phone &&
      device_of(std::get<VerifiedPeer>(verdict).common_name).empty())
    return PeerRefusal{X509_V_ERR_HOSTNAME_MISMATCH,
                       "it is no phone's: " + subject_of(certificate)};
  return std::nullopt;
}

}  // namespace ringfence::core
