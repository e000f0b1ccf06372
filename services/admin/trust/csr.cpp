#include "services/admin/trust/csr.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/certificates/request.h"
#include "core/crypto/x509.h"
#include "services/admin/trust/certificates.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Unit;
using core::admin::CsrFacts;

namespace {

std::string file_of(Unit unit) {
  return std::string(name(unit)) + ".csr";
}

std::string key_of(const X509_REQ& request) {
  const EVP_PKEY* key = X509_REQ_get0_pubkey(const_cast<X509_REQ*>(&request));
  return fmt::format("{} {}", EVP_PKEY_is_a(key, "EC") == 1 ? "EC" : "RSA", EVP_PKEY_get_bits(key));
}

CsrFacts describe(const core::PendingRequest& pending, const X509_REQ& request) {
  return {std::string(name(pending.unit)), file_of(pending.unit), core::subject_of(request),
          key_of(request), core::to_iso(pending.created)};
}

}  // namespace

Unit requestable_or_refuse(const std::string& word) {
  const Unit unit = unit_or_refuse(word);
  if (unit == Unit::capf) return unit;
  throw Error(Code::refused,
              fmt::format("the certificate of {} is signed by itself: phones know it from the ITL "
                          "and ask no CA about it; a third party can sign CAPF, whose LSCs others "
                          "verify",
                          name(unit)));
}

core::admin::CsrGenerated generate_csr(core::Database& admin, TrustKeeper& keeper,
                                       const std::string& unit, const std::string& who) {
  const Unit of = requestable_or_refuse(unit);
  core::admin::CsrGenerated generated;
  generated.replaced = core::CsrStore(admin).find(of).has_value();
  const core::PendingRequest pending = keeper.request(of, who);
  generated.csr = describe(pending, *core::parse_request(pending.der));
  return generated;
}

core::admin::CsrList list_csrs(core::Database& admin) {
  core::admin::CsrList list;
  for (const core::PendingRequest& pending : core::CsrStore(admin).all())
    list.csrs.push_back(describe(pending, *core::parse_request(pending.der)));
  return list;
}

core::admin::CsrShow show_csr(core::Database& admin, const std::string& name_given) {
  for (const core::PendingRequest& pending : core::CsrStore(admin).all()) {
    const std::string unit(name(pending.unit));
    const std::string file = file_of(pending.unit);
    if (name_given != unit && name_given != file && name_given != unit + "/" + file) continue;
    const core::X509Request request = core::parse_request(pending.der);
    core::admin::CsrShow show;
    show.csr = describe(pending, *request);
    show.pem = core::to_pem(*request);
    show.text = core::describe_request(*request) + show.pem;
    return show;
  }
  throw Error(Code::not_found,
              fmt::format("there is no request '{}'; 'show csr list own' prints the names, and "
                          "'set csr gen CAPF' makes one",
                          name_given));
}

}  // namespace ringfence::services::admin
