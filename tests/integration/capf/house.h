// A CAPF server on a real token, real databases and a real port, for tests.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/certificates/certificate_store.h"
#include "core/certificates/issue.h"
#include "core/crypto/token.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone_store.h"
#include "services/capf/server.h"
#include "services/capf/stored_records.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// House is a signer with a fresh token, a CAPF key and the databases' folder; slow to make, so a
/// test program makes one.
class House {
 public:
  House();

  /// regenerate gives CAPF a new key and certificate, as the admin daemon does.
  void regenerate();

  /// save adds or changes a phone and asks for its operation anew.
  void save(const core::Phone& phone);

  /// status returns CUCM's words for a phone's last request.
  std::string status(const std::string& phone);

  /// verified asks the openssl program whether `lsc` chains to the current CAPF certificate.
  bool verified(const core::Bytes& lsc);

  TemporaryFolder folder;
  std::unique_ptr<SignerProcess> signer;
  core::SystemClock clock;
  core::Token admin_token;
  core::Token capf_token;
  core::Database admin_db;
  core::Database secrets_db;
  core::Database capf_db;
  core::PhoneStore phones{admin_db, secrets_db};
  core::EnrolmentStore journal{capf_db};
  core::CertificateStore certificates{admin_db};
};

/// RunningServer serves CAPF on a free port until it is destroyed.
class RunningServer {
 public:
  explicit RunningServer(House& house, services::capf::Bounds bounds = {},
                         services::capf::Patience patience = {});
  ~RunningServer();

  std::uint16_t port() const { return server_->endpoint().port(); }

  std::uint16_t legacy_port() const { return server_->legacy_endpoint()->port(); }

  services::capf::Server& server() { return *server_; }

  services::capf::StoredRecords& records() { return records_; }

  const core::SigningPool& signing() const { return signing_; }

 private:
  core::Database admin_db_;
  core::Database secrets_db_;
  services::capf::StoredRecords records_;
  services::capf::Authority authority_;
  core::asio::io_context io_;
  core::asio::thread_pool pool_{4};
  core::SigningPool signing_;
  std::unique_ptr<services::capf::Server> server_;
  std::vector<std::thread> threads_;
};

/// run runs a shell command and returns its exit status; its output goes to `output`.
int run(const std::string& command, std::string& output);

/// HouseTest is for suites whose tests share one house, made before the first and gone after the
/// last.
class HouseTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = std::make_unique<House>(); }

  static void TearDownTestSuite() { house_.reset(); }

  static House& house() { return *house_; }

 private:
  static inline std::unique_ptr<House> house_;
};

}  // namespace ringfence::test
