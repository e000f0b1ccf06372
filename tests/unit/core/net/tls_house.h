// A TLS server with token keys as a daemon has one, and the openssl program as its clients.
#pragma once

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/certificates/issue.h"
#include "core/certificates/peer_verifier.h"
#include "core/crypto/x509.h"
#include "core/net/signing_pool.h"
#include "core/net/tls.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/openssl_ca.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// TlsHouse serves `spec`, as it is when a client comes, and tells each client who it is.
class TlsHouse : public testing::Test {
 protected:
  TlsHouse() {
    const auto handler = [this](core::tcp::socket socket, core::Seat&) {
      return serve(std::move(socket));
    };
    const core::tcp::endpoint anywhere(core::asio::ip::address_v4::loopback(), 0);
    listener_ = std::make_unique<core::TcpListener>(io_, anywhere, core::Limits{}, "test", handler);
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io_.run(); });
  }

  ~TlsHouse() override {
    listener_->close();
    for (std::thread& thread : threads_) thread.join();
  }

  /// identity makes a token key with a certificate that `ca` signed, or that it signed itself.
  core::TlsIdentity identity(core::Unit unit, const OpensslCa* ca = nullptr) {
    core::TlsIdentity made;
    made.key = token.generate(std::string(core::name(unit)), core::key_spec_of(unit));
    const core::EvpPkey key = token.key(made.key);
    const core::Node facts = {"ringfence", {"Voice", "Example", "Prague", "", "CZ"}};
    const core::X509Cert self =
        core::issue_self_signed(unit, facts, *key, token.context(), core::SystemClock().now());
    made.certificate = core::to_der(*self);
    if (ca == nullptr) return made;
    core::write_atomically(path("self.pem"), core::bytes_of(core::to_pem(*self)));
    const std::string subject = fmt::format("/O=Example/CN={}", core::name(unit));
    made.certificate = der_of(ca->certify(openssl("x509 -noout -pubkey -in " + path("self.pem")),
                                          subject, OpensslCa::kLsc));
    return made;
  }

  static core::Bytes der_of(const std::string& pem) {
    const std::string der = openssl("x509 -outform der", pem);
    return {der.begin(), der.end()};
  }

  std::string path(const std::string& name) const { return (folder.path() / name).string(); }

  /// Shook is what `openssl s_client` came to.
  struct Shook {
    bool served = false;
    std::string said;  ///< all that it printed
  };

  /// shake connects `openssl s_client` with `words`, and returns once both sides are done.
  Shook shake(const std::string& words) {
    const std::size_t before = ends();
    std::vector<std::string> command{"timeout",
                                     "20",
                                     "openssl",
                                     "s_client",
                                     "-ign_eof",
                                     "-connect",
                                     fmt::format("127.0.0.1:{}", listener_->endpoint().port())};
    std::istringstream stream(words);
    for (std::string word; stream >> word;) command.push_back(word);
    const Result result = run(command);
    EXPECT_TRUE(eventually([&] { return ends() > before; })) << "the server has not done with it";
    const std::string said = result.out + result.err;
    return {said.find("\nyou are ") != std::string::npos, said};
  }

  /// ended returns how the server's last handshake or conversation ended; empty for a good end.
  std::string ended() {
    const std::lock_guard lock(mutex_);
    return ends_.empty() ? "nobody came" : ends_.back();
  }

  /// serve_with replaces what the next client meets.
  void serve_with(core::TlsServerSpec spec) {
    const std::lock_guard lock(mutex_);
    spec_ = std::move(spec);
  }

  TemporaryFolder folder;
  SignerProcess signer{folder.path()};
  core::Token token{signer.socket("admin")};

 private:
  std::size_t ends() {
    const std::lock_guard lock(mutex_);
    return ends_.size();
  }

  core::Task<void> serve(core::tcp::socket socket) {
    std::string end;
    try {
      const core::SigningPool::Choose choose = [this] {
        const std::lock_guard lock(mutex_);
        return core::make_tls_server(token, spec_);
      };
      auto shaken = pool_.shake_hands(std::move(socket), choose, std::chrono::seconds(20));
      core::TlsStream stream = co_await std::move(shaken);
      const core::X509Cert peer = stream.peer_certificate();
      const std::string text =
          fmt::format("\nyou are {}\n", peer ? core::subject_of(*peer) : "unknown");
      const auto all = core::asio::buffer(text);
      co_await core::asio::async_write(stream, all, core::asio::use_awaitable);
      co_await stream.async_shutdown(core::asio::use_awaitable);
    } catch (const std::exception& error) {
      end = error.what();
    }
    const std::lock_guard lock(mutex_);
    ends_.push_back(end);
  }

  core::SigningPool pool_{{2, 10}};
  std::mutex mutex_;  // for what follows
  core::TlsServerSpec spec_;
  std::vector<std::string> ends_;
  core::asio::io_context io_;
  std::unique_ptr<core::TcpListener> listener_;
  std::vector<std::thread> threads_;
};

}  // namespace ringfence::test
