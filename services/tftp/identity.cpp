#include "services/tftp/identity.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"

namespace ringfence::services::tftp {

Identity::Identity(core::Database& admin, const core::Token& token)
    : admin_(admin), token_(token), store_(admin) {}

std::shared_ptr<core::asio::ssl::context> Identity::current() {
  const std::lock_guard lock(mutex_);
  try {
    const long long version = admin_.data_version();
    if (version != version_) {
      read();
      version_ = version;
      complaint_.clear();
    }
  } catch (const std::exception& error) {
    if (!context_) throw;
    // The last good certificate is better than none; the next connection tries again.
    if (complaint_ != error.what()) {
      core::log(core::Level::error, "TFTP_IDENTITY_KEPT", {{"why", error.what()}});
    }
    complaint_ = error.what();
  }
  return context_;
}

void Identity::read() {
  std::vector<core::TlsIdentity> identities;
  core::Bytes shown;
  for (const core::Unit unit : {core::Unit::call_manager_ecdsa, core::Unit::call_manager}) {
    const auto own = store_.own(unit);
    if (!own) continue;
    shown.insert(shown.end(), own->der.begin(), own->der.end());
    core::TlsIdentity& identity = identities.emplace_back();
    identity.certificate = core::parse_certificate(own->der);
    identity.key = own->key;
  }
  if (identities.empty()) {
    throw core::Error(core::Code::not_found,
                      "admin.db has no CallManager certificate yet: start ringfence-admin first");
  }
  if (context_ && shown == shown_) return;
  context_ = core::make_tls_server(token_, identities);
  shown_ = std::move(shown);
}

}  // namespace ringfence::services::tftp
