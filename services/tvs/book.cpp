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

}  // namespace

Book::Book(core::Database& admin, const core::Token& token)
    : admin_(admin), token_(token), store_(admin) {
  version_ = admin_.data_version();
  page_ = read();
  tls();
}

std::shared_ptr<const Page> Book::current() {
  const std::lock_guard lock(mutex_);
  try {
    // Taken before the rows: what is committed meanwhile shows in the next version.
    const long long version = admin_.data_version();
    if (stale_ || version != version_) {
      page_ = read();
      version_ = version;
      stale_ = false;
      complaint_.clear();
    }
  } catch (const std::exception& error) {
    // The last good page is better than no answer; the next request tries again.
    complain(error.what());
  }
  return page_;
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
  const std::lock_guard lock(mutex_);
  stale_ = true;
}

std::shared_ptr<const Page> Book::read() const {
  auto shown = served_certificate(store_, core::Unit::tvs);
  if (!shown) {
    throw Error(Code::not_found,
                "admin.db has no TVS certificate yet: start ringfence-admin first");
  }
  std::vector<Vouched> certificates;
  for (const core::OwnCertificate& certificate : store_.all_own()) {
    add(certificates, certificate.der, certificate.unit);
  }
  for (const core::OtherCertificate& other : store_.others()) {
    add(certificates, other.der, other.unit);
  }
  for (const core::TrustedCertificate& trusted : store_.trusted()) {
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

void Book::complain(const std::string& why) {
  if (why == complaint_) return;
  complaint_ = why;
  core::log(core::Level::error, "TVS_CERTIFICATES_KEPT", {{"why", why}});
}

}  // namespace ringfence::services::tvs
