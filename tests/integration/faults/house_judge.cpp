#include "tests/integration/faults/house_judge.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/audit/audit_log.h"
#include "core/base/file.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/csr_store.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/trust/list_store.h"
#include "core/trust/trust_list.h"
#include "hsm/signer/state.h"
#include "hsm/signer/token_file.h"
#include "hsm/signer/torn_objects.h"
#include "hsm/token.h"

namespace ringfence::test {
namespace {

namespace fs = std::filesystem;
using core::Bytes;

constexpr std::size_t kAll = 100000;  // audit records

std::string sha1_of(const Bytes& bytes) {
  return core::to_hex(core::digest(core::Digest::sha1, bytes));
}

bool verifies(X509& certificate, const Bytes& digest, const Bytes& signature) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(X509_get0_pubkey(&certificate), nullptr);
  const bool sound = EVP_PKEY_verify_init(context) == 1 &&
                     EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
                     EVP_PKEY_verify(context, signature.data(), signature.size(), digest.data(),
                                     digest.size()) == 1;
  EVP_PKEY_CTX_free(context);
  return sound;
}

class Judge {
 public:
  Judge(const fs::path& state, const Promised& said)
      : state_(state),
        said_(said),
        config_(hsm::load_config(state)),
        lock_(hsm::enter_state(config_)),
        torn_(hsm::set_aside_torn_objects(config_)),
        restored_(hsm::restore_token_files(config_)),
        module_(config_.module, config_.module_arguments),
        slot_(hsm::open_slot(config_, module_)),
        token_(module_, slot_, hsm::read_pin(config_).reveal(), config_.versions_file()) {}

  std::vector<std::string> faults() {
    if (!said_.started && !fs::exists(state_ / "db")) return faults_;
    core::Database database(state_ / "db" / "admin.db", core::Schema::admin,
                            core::Access::read_write);
    judge_audit(core::AuditLog(database));
    judge_certificates(core::CertificateStore(database).all_own());
    for (const core::PendingRequest& pending : core::CsrStore(database).all())
      if (!holds(pending.key))
        faults_.push_back(fmt::format("the key of {}'s request is lost", name(pending.unit)));
    judge_lists(core::ListStore(database));
    return faults_;
  }

 private:
  bool holds(const core::KeyRef& key) {
    for (const auto& entry : token_.entries())
      if (entry.info.ref.label == key.label && entry.info.ref.version == key.version) return true;
    return false;
  }

  void judge_audit(const core::AuditLog& audit) {
    if (const auto broken = audit.first_broken(); broken != 0)
      faults_.push_back(fmt::format("the audit log is broken at {}", broken));
    if (audit.last(kAll).size() < said_.audited) faults_.emplace_back("an audit record is lost");
  }

  void judge_certificates(const std::vector<core::OwnCertificate>& all) {
    if (said_.started && all.size() < core::kUnits.size())
      faults_.emplace_back("a certificate is lost");
    for (const core::OwnCertificate& own : all) {
      if (said_.passed.contains(sha1_of(own.der)))
        faults_.push_back(fmt::format("{} has its earlier certificate again", name(own.unit)));
      if (!holds(own.key))
        faults_.push_back(fmt::format("the key of {} is lost", name(own.unit)));
      else if (!signs(own))
        faults_.push_back(fmt::format("the key of {} does not sign", name(own.unit)));
    }
  }

  bool signs(const core::OwnCertificate& own) {
    const core::X509Cert certificate = core::parse_certificate(own.der);
    hsm::SignRequest request;
    request.key = {own.key.label, own.key.version};
    const bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(certificate.get()), "RSA") == 1;
    request.scheme = rsa ? hsm::Scheme::rsa_pkcs1 : hsm::Scheme::ecdsa;
    request.input = core::digest(core::Digest::sha256, Bytes{1, 2, 3});
    return verifies(*certificate, request.input, token_.sign(request));
  }

  void judge_lists(const core::ListStore& store) {
    const fs::path served = state_ / "tftp" / "ITLFile.tlv";
    if (!fs::exists(served)) {
      if (said_.started) faults_.emplace_back("the served ITL is lost");
    } else {
      const Bytes file = core::read_file(served, 1U << 20U);
      const std::string sha1 = sha1_of(file);
      const std::vector<core::ListVersion> recorded = store.list(core::ListKind::itl);
      // The same records, signed in the same second by the same key, are the same bytes again.
      const bool newest = !recorded.empty() && recorded[0].sha1 == sha1;
      if (said_.passed.contains(sha1) && !newest)
        faults_.emplace_back("an earlier ITL is served again");
      bool late = false;
      for (std::size_t i = 0; i < recorded.size() && i < 2; ++i) late |= recorded[i].sha1 == sha1;
      if (!late) faults_.emplace_back("the served ITL is not the last nor the one before");
      judge_list("the served ITL", file);
    }
    if (const fs::path good = served.string() + ".good"; fs::exists(good))
      judge_list("the good copy of the ITL", core::read_file(good, 1U << 20U));
  }

  void judge_list(const std::string& what, const Bytes& file) {
    try {
      const core::TrustList list = core::parse_trust_list(file);
      const core::FindSigner find = core::find_signer_in(list);
      core::verify_file(file, find);
      const Bytes spki = core::spki_of(*core::parse_certificate(*find(list.header.signer)));
      for (const auto& entry : token_.entries())
        if (entry.spki == spki) return;
      faults_.push_back(what + " is signed by a key that the token lacks");
    } catch (const std::exception& error) {
      faults_.push_back(what + " is not whole: " + error.what());
    }
  }

  const fs::path state_;
  const Promised& said_;
  const hsm::Config config_;
  const hsm::Fd lock_;
  const std::vector<fs::path> torn_;
  const unsigned restored_;
  const hsm::Module module_;
  const hsm::Slot slot_;
  hsm::Token token_;
  std::vector<std::string> faults_;
};

/// judge_here writes the faults to `out`, a line each.
void judge_here(const fs::path& state, const Promised& said, int out) {
  std::string text;
  try {
    ::setenv("SOFTHSM2_CONF", (state / "hsm" / "softhsm2.conf").c_str(), 1);
    for (const std::string& fault : Judge(state, said).faults()) text += fault + "\n";
  } catch (const std::exception& error) {
    text += std::string(error.what()) + "\n";
  }
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(out, text.data() + at, text.size() - at);
    if (count <= 0) ::_exit(2);
    at += static_cast<std::size_t>(count);
  }
  ::_exit(0);
}

}  // namespace

Promised promised_by(const fs::path& state, const Promised& before) {
  Promised said = before;
  core::Database database(state / "db" / "admin.db", core::Schema::admin, core::Access::read_only);
  said.started = true;
  said.audited = core::AuditLog(database).last(kAll).size();
  const std::vector<core::ListVersion> lists = core::ListStore(database).list(core::ListKind::itl);
  for (std::size_t i = 1; i < lists.size(); ++i) said.passed.insert(lists[i].sha1);
  for (const core::OwnCertificate& own : core::CertificateStore(database).all_own()) {
    std::string& current = said.current[own.unit];
    const std::string sha1 = sha1_of(own.der);
    if (!current.empty() && current != sha1) said.passed.insert(current);
    current = sha1;
  }
  return said;
}

std::vector<std::string> faults_in_house(const fs::path& state, const Promised& said) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) judge_here(state, said, ends[1]);
  ::close(ends[1]);
  std::string text;
  char chunk[4096];
  for (ssize_t count; (count = ::read(ends[0], chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(count));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  std::vector<std::string> faults;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    faults.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (status != 0) faults.push_back(fmt::format("opening it ended with status {}", status));
  return faults;
}

}  // namespace ringfence::test
