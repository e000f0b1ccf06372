// A node with a real token, certificates in admin.db and a published ITL, for tests of services.
#pragma once

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "core/base/file.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/net/asio.h"
#include "core/trust/itl.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// StateFolder is a state folder with the folders that daemons write into.
class StateFolder : public TemporaryFolder {
 public:
  StateFolder() {
    for (const char* name : {"db", "tftp", "run"}) {
      std::filesystem::create_directory(path() / name);
    }
  }
};

/// Node is what ringfence-admin leaves behind after a first start.
class Node {
 public:
  Node() : signer(folder.path()), token(signer.socket("admin")) {
    for (const core::Unit unit : core::kUnits) regenerate(unit);
    publish();
  }

  /// regenerate makes the unit's next key and certificate; the old one goes to Phone-SAST-trust.
  void regenerate(core::Unit unit) {
    core::OwnCertificate own;
    own.unit = unit;
    own.key = token.generate(std::string(core::name(unit)), core::key_spec_of(unit));
    own.created = clock.now();
    const core::EvpPkey key = token.key(own.key);
    const core::Node facts = {"ringfence", {"Voice", "Example, Inc", "Prague", "", "CZ"}};
    own.der =
        core::to_der(*core::issue_self_signed(unit, facts, *key, token.context(), clock.now()));
    std::vector<core::TrustedCertificate> trusted;
    if (const auto old = store.own(unit)) {
      core::TrustedCertificate& entry = trusted.emplace_back();
      entry.store = "Phone-SAST-trust";
      entry.file = std::string(core::name(unit)) + "-old.pem";
      entry.der = old->der;
      entry.added = clock.now();
    }
    store.replace(own, trusted);
  }

  core::X509Cert certificate(core::Unit unit) const {
    return core::parse_certificate(store.own(unit)->der);
  }

  /// publish writes folder/tftp/ITLFile.tlv and its .good copy.
  void publish() {
    core::Cluster cluster;
    core::ClusterNode& self = cluster.nodes.emplace_back();
    self.id = core::kThisNode;
    self.role = core::NodeRole::publisher;
    self.name = "ringfence";
    self.services = {core::NodeService::tftp, core::NodeService::tvs, core::NodeService::capf};
    for (const core::OwnCertificate& own : store.all_own())
      self.certificates[own.unit] = core::shared_certificate(own.der);
    const core::EvpPkey key = token.key(store.own(core::Unit::call_manager)->key);
    const core::FileSigner file_signer = {self.certificate(core::Unit::call_manager), key.get(),
                                          token.context()};
    itl = core::build_trust_list(core::ListKind::itl, core::itl_records(cluster, self), file_signer,
                                 core::Digest::sha1, clock.now());
    core::write_atomically(itl_path(), itl);
    core::write_atomically(itl_path().string() + ".good", itl);
  }

  std::filesystem::path itl_path() const { return folder / "tftp" / "ITLFile.tlv"; }

  std::filesystem::path database(const std::string& name) const { return folder / "db" / name; }

  StateFolder folder;
  SignerProcess signer;
  core::Token token;
  core::SystemClock clock;
  core::Database admin{database("admin.db"), core::Schema::admin, core::Access::read_write};
  core::CertificateStore store{admin};
  core::Bytes itl;
};

/// Running runs an io_context on a few threads; `join` waits until it has nothing left to do.
class Running {
 public:
  explicit Running(core::asio::io_context& io) {
    for (int i = 0; i < 3; ++i) threads_.emplace_back([&io] { io.run(); });
  }

  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  ~Running() { join(); }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  std::vector<std::thread> threads_;
};

}  // namespace ringfence::test
