#include "services/tvs/book.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/roles.h"
#include "core/crypto/x509.h"

namespace ringfence::services::tvs {

namespace asio = core::asio;
using core::Code;
using core::Error;

namespace {

/// add vouches for `der` with the roles of its place; a row that cannot be read is passed over.
void add(std::vector<Vouched>& vouched, const core::Bytes& der, core::Place place) {
  try {
    const core::X509Cert certificate = core::parse_certificate(der);
    const auto roles = core::roles_of(core::certificate_facts_of(*certificate), {&place, 1});
    Vouched entry{der, {}};
    for (const core::Role role : roles) entry.roles.push_back(static_cast<std::uint8_t>(role));
    vouched.push_back(std::move(entry));
  } catch (const Error& error) {
    // One bad row must not silence the service.
    core::log(core::Level::warning, "TVS_CERTIFICATE_UNREADABLE", {{"why", error.what()}});
  }
}

std::shared_ptr<const Page> read(core::Database& admin) {
  const core::CertificateStore rows(admin);
  auto shown = served_certificate(rows, core::Unit::tvs);
  if (!shown) {
    throw Error(Code::not_found,
                "admin.db has no TVS certificate yet: start ringfence-admin first");
  }
  std::vector<Vouched> certificates;
  for (const core::OwnCertificate& certificate : rows.all_own()) {
    add(certificates, certificate.der, certificate.unit);
  }
  for (const core::OtherCertificate& other : rows.others()) {
    add(certificates, other.der, other.unit);
  }
  for (const core::TrustedCertificate& trusted : rows.trusted()) {
    const auto store = core::trust_store_named(trusted.store);
    if (store) add(certificates, trusted.der, *store);
  }
  auto page = std::make_shared<Page>();
  page->directory = Directory(certificates);
  page->shown = std::move(*shown);
  core::log(core::Level::info, "TVS_CERTIFICATES_READ",
            {{"vouched", std::to_string(page->directory.size())}});
  return page;
}

}  // namespace

Book::Book(core::Database& admin, const core::Token& token)
    : token_(token), page_(admin, [&admin] { return read(admin); }) {
  page_.get();
  tls();
}

std::shared_ptr<const Page> Book::current() {
  try {
    auto page = page_.get();
    complain("");
    return page;
  } catch (const std::exception& error) {
    // The last good page is better than no answer; the next request tries again.
    complain(error.what());
    return page_.last();
  }
}

std::shared_ptr<asio::ssl::context> Book::tls() {
  const std::shared_ptr<const Page> page = current();
  const auto make = [&] {
    const auto& [own, chain] = page->shown;
    return core::make_tls_server(token_, {.identities = {{own.der, own.key, chain}}});
  };
  return tls_.renewed(page->shown.bytes(), make);
}

void Book::reload() {
  tls_.outdate();
  page_.outdate();
}

void Book::complain(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why == complaint_) return;
  complaint_ = why;
  if (why.empty()) return;
  core::log(core::Level::error, "TVS_CERTIFICATES_KEPT", {{"why", why}});
}

}  // namespace ringfence::services::tvs
