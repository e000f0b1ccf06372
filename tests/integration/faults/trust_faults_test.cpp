// Disks, audit log and services that fail while a list is made and published: a key that the
// database may name is never destroyed, and what is in force is told and written down.
#include <atomic>
#include <optional>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/certificates/csr_store.h"
#include "core/net/rpc.h"
#include "services/admin/wiring.h"
#include "tests/support/database_file.h"
#include "tests/support/failing_sync.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

namespace fs = std::filesystem;
using core::Unit;
using test::FailingSync;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Neighbour stands in for a daemon's control socket, and counts how often it was told to reload.
class Neighbour {
 public:
  Neighbour(const fs::path& socket, bool obeys)
      : server_(socket,
                [this, obeys](const core::Caller&, std::string_view method,
                              const boost::json::object&) -> boost::json::value {
                  if (!obeys) throw core::Error(core::Code::io, "the disk is full");
                  if (method == "reload") ++told_;
                  return boost::json::object{};
                }) {}

  int told() const { return told_; }

 private:
  std::atomic<int> told_ = 0;
  core::RpcServer server_;
};

class TrustFaults : public testing::Test {
 protected:
  void SetUp() override {
    keeper_.ensure_certificates();
    keeper_.ensure_itl("first start");
  }

  std::string der_of(Unit unit) const { return core::to_hex(house_.certificates.own(unit)->der); }

  std::set<std::string> keys() const {
    std::set<std::string> all;
    for (const core::KeyRef& key : house_.token.keys())
      all.insert(fmt::format("{}/{}", key.label, key.version));
    return all;
  }

  /// audited returns the events from `first` on, in their order.
  std::vector<std::string> audited() const {
    std::vector<std::string> events;
    for (const core::AuditRecord& one : house_.audit.last(100))
      if (one.sequence > before_) events.push_back(one.event);
    return events;
  }

  std::string last_detail() const { return house_.audit.last(1).front().detail; }

  void forget_audit() {
    for (const core::AuditRecord& one : house_.audit.last(1)) before_ = one.sequence;
  }

  /// refuse_audit makes the database refuse audit records whose event is like `pattern`.
  void refuse_audit(const std::string& pattern) {
    test::sqlite3(admin_db(),
                  "create trigger no_audit before insert on audit when new.event like '" + pattern +
                      "' begin select raise(abort, 'the log is full'); end");
  }

  fs::path admin_db() const { return folder_ / "db" / "admin.db"; }

  fs::path list() const { return folder_ / "tftp" / "ITLFile.tlv"; }

  /// Crash is what another program finds when ours ends here: the two files, not the shared memory.
  class Crash {
   public:
    explicit Crash(const TrustFaults& test) {
      for (const char* file : {"admin.db", "admin.db-wal"})
        fs::copy_file(test.folder_ / "db" / file, found_ / file);
    }

    /// named returns the keys that certificates and requests name.
    std::set<std::string> named() const {
      core::Database database(found_ / "admin.db", core::Schema::admin, core::Access::read_write);
      std::set<std::string> all;
      for (const auto& own : core::CertificateStore(database).all_own())
        all.insert(fmt::format("{}/{}", own.key.label, own.key.version));
      for (const auto& pending : core::CsrStore(database).all())
        all.insert(fmt::format("{}/{}", pending.key.label, pending.key.version));
      return all;
    }

   private:
    test::TemporaryFolder found_;
  };

  void expect_keys_named_by(const Crash& crash) const {
    EXPECT_THAT(keys(), testing::IsSupersetOf(crash.named()));
  }

  void expect_all_named_keys() const { expect_keys_named_by(Crash(*this)); }

  /// is_the_decision: the log's syncs from the new list's file on, which is written before the
  /// commit that decides, and renamed behind it.
  bool is_the_decision(const std::string& path) const {
    return path.ends_with("admin.db-wal") && fs::exists(list().string() + ".next");
  }

  test::TemporaryFolder folder_;
  test::SignerProcess signer_{folder_.path()};
  mutable House house_{folder_.path()};
  TrustWiring trust_{house_};
  TrustKeeper& keeper_ = trust_.keeper;
  std::int64_t before_ = 0;
};

// A5: what fails behind a list that is in force.

TEST_F(TrustFaults, AListWhoseGoodCopyFailsIsInForceToldAndWrittenDown) {
  const Neighbour tftp(house_.config.control_socket("tftp"), true);
  const Neighbour tvs(house_.config.control_socket("tvs"), true);
  fs::remove(list().string() + ".good");
  fs::create_directories(fs::path(list().string() + ".good") / "in the way");
  forget_audit();
  const Published published = keeper_.regenerate(Unit::call_manager, "anna");
  EXPECT_THAT(published.warnings, ElementsAre(HasSubstr("ITLFile.tlv.good could not be written")));
  EXPECT_EQ(keeper_.show(core::ListKind::itl).sha1, published.sha1);
  EXPECT_EQ(keeper_.show(core::ListKind::itl).state, "verified");
  EXPECT_EQ(tftp.told(), 1);
  EXPECT_EQ(tvs.told(), 1);
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_DONE"));
  EXPECT_THAT(last_detail(), HasSubstr(published.sha1));
  EXPECT_THAT(last_detail(), HasSubstr("could not be written"));
}

TEST_F(TrustFaults, AListWhoseNameIsNotSyncedIsInForceAndSaysSo) {
  const Neighbour tftp(house_.config.control_socket("tftp"), true);
  forget_audit();
  Published published;
  {
    // The folder's syncs behind the rename: until then the list lies beside its name.
    const FailingSync disk([this](const std::string& path) {
      return path == list().parent_path() && !fs::exists(list().string() + ".next");
    });
    published = keeper_.regenerate(Unit::capf, "anna");
  }
  EXPECT_THAT(published.warnings, Contains(HasSubstr("its name may be lost in a power cut")));
  EXPECT_EQ(keeper_.show(core::ListKind::itl).sha1, published.sha1);
  EXPECT_EQ(tftp.told(), 1);
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_DONE"));
}

TEST_F(TrustFaults, AServiceThatCannotBeToldKeepsNobodyElseFromBeingTold) {
  const Neighbour callmanager(house_.config.control_socket("callmanager"), false);
  const Neighbour tftp(house_.config.control_socket("tftp"), true);
  const Neighbour tvs(house_.config.control_socket("tvs"), true);  // capf is down: told nothing
  forget_audit();
  const Published published = keeper_.regenerate(Unit::call_manager, "anna");
  EXPECT_EQ(tftp.told(), 1);
  EXPECT_EQ(tvs.told(), 1);
  EXPECT_THAT(published.warnings,
              ElementsAre(HasSubstr("Cisco CallManager was not told of it: the disk is full")));
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_DONE"));
  EXPECT_THAT(last_detail(), HasSubstr("Cisco CallManager was not told"));
}

TEST_F(TrustFaults, AnAuditLogThatFailsBehindItTakesNothingBack) {
  const Neighbour tftp(house_.config.control_socket("tftp"), true);
  refuse_audit("%DONE");
  forget_audit();
  const std::string old = der_of(Unit::call_manager);
  const Published published = keeper_.regenerate(Unit::call_manager, "anna");
  EXPECT_THAT(published.warnings, ElementsAre(StartsWith("The audit log could not be written")));
  EXPECT_NE(der_of(Unit::call_manager), old);
  EXPECT_EQ(keeper_.show(core::ListKind::itl).sha1, published.sha1);
  EXPECT_EQ(tftp.told(), 1);
  EXPECT_THAT(audited(), ElementsAre("CERTIFICATE_REGENERATE_INTENT")) << "and no _FAILED";
  expect_all_named_keys();
  house_.write_owed_audit();
  EXPECT_EQ(audited().size(), 1U) << "it still fails";
  test::sqlite3(admin_db(), "drop trigger no_audit");
  house_.write_owed_audit();
  house_.write_owed_audit();
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_DONE"));
  EXPECT_THAT(last_detail(), HasSubstr(published.sha1));
}

TEST_F(TrustFaults, WhatIsDoneIsOwedToTheAuditLogInItsOrder) {
  forget_audit();
  refuse_audit("%");
  EXPECT_THAT(house_.record_done("anna", "PHONE_ADD_DONE", "{}"),
              StartsWith("The audit log could not be written"));
  EXPECT_NE(house_.record_done("anna", "PHONE_REMOVE_DONE", "{}"), "");
  test::sqlite3(admin_db(), "drop trigger no_audit");
  house_.write_owed_audit();
  EXPECT_EQ(house_.record_done("anna", "PHONE_UPDATE_DONE", "{}"), "");
  EXPECT_THAT(audited(), ElementsAre("PHONE_ADD_DONE", "PHONE_REMOVE_DONE", "PHONE_UPDATE_DONE"));
}

TEST_F(TrustFaults, ARenameThatFailsIsWrittenDownWithWhatIsInForce) {
  const std::string old = der_of(Unit::capf);
  fs::rename(list(), list().string() + ".kept");
  fs::create_directories(list() / "in the way");
  forget_audit();
  EXPECT_THROW(keeper_.regenerate(Unit::capf, "anna"), core::Error);
  EXPECT_NE(der_of(Unit::capf), old);
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_FAILED"));
  EXPECT_THAT(last_detail(), HasSubstr("the new certificate and the earlier ITL"));
  expect_all_named_keys();
  fs::remove_all(list());
  fs::rename(list().string() + ".kept", list());
  keeper_.ensure_itl("mended");
  EXPECT_EQ(keeper_.show(core::ListKind::itl).state, "verified");
  EXPECT_EQ(keeper_.show(core::ListKind::itl).sha1, house_.lists.last(core::ListKind::itl)->sha1);
}

// C2: a COMMIT whose outcome is unknown, and an audit log that fails.

TEST_F(TrustFaults, ACommitOfUnknownOutcomeKeepsTheKeyThatItMayName) {
  const std::string old = der_of(Unit::capf);
  const std::set<std::string> before = keys();
  std::optional<Crash> crash;  // behind the rows' writes, whose sync fails
  {
    const FailingSync disk([&](const std::string& path) {
      if (!is_the_decision(path)) return false;
      if (!crash) crash.emplace(*this);
      return true;
    });
    EXPECT_THROW(keeper_.regenerate(Unit::capf, "anna"), core::Error);
  }
  ASSERT_TRUE(crash);
  EXPECT_THAT(crash->named(), Not(testing::IsSubsetOf(before))) << "this proves nothing";
  expect_keys_named_by(*crash);
  EXPECT_EQ(der_of(Unit::capf), old);
}

TEST_F(TrustFaults, ACommitThatIsFoundVoidLeavesTheEarlierCertificateAndNoKey) {
  const std::string old = der_of(Unit::capf);
  const std::set<std::string> before = keys();
  bool failed = false;
  forget_audit();
  {
    const FailingSync disk([&](const std::string& path) {
      return is_the_decision(path) && !std::exchange(failed, true);
    });
    EXPECT_THROW(keeper_.regenerate(Unit::capf, "anna"), core::Error);
  }
  ASSERT_TRUE(failed);
  EXPECT_EQ(der_of(Unit::capf), old);
  EXPECT_EQ(keys(), before);
  expect_all_named_keys();
  EXPECT_THAT(audited(),
              ElementsAre("CERTIFICATE_REGENERATE_INTENT", "CERTIFICATE_REGENERATE_FAILED"));
  EXPECT_THAT(last_detail(), HasSubstr("the earlier certificate and ITL"));
  EXPECT_TRUE(keeper_.regenerate(Unit::capf, "anna").warnings.empty());
}

TEST_F(TrustFaults, ARequestWhoseCommitIsOfUnknownOutcomeKeepsBothKeys) {
  const core::KeyRef earlier = keeper_.request(Unit::capf, "anna").key;
  const std::set<std::string> before = keys();
  std::optional<Crash> crash;
  {
    const FailingSync disk([&](const std::string& path) {
      if (!path.ends_with("admin.db-wal")) return false;
      if (!crash) crash.emplace(*this);
      return true;
    });
    EXPECT_THROW(keeper_.request(Unit::capf, "anna"), core::Error);
  }
  ASSERT_TRUE(crash);
  EXPECT_THAT(crash->named(), Not(testing::IsSubsetOf(before))) << "this proves nothing";
  expect_keys_named_by(*crash);
  expect_all_named_keys();
  EXPECT_EQ(core::CsrStore(house_.database).find(Unit::capf)->key, earlier);
}

TEST_F(TrustFaults, AnAuditLogThatFailsDestroysNoKeyOfARequest) {
  refuse_audit("%DONE");
  const core::PendingRequest made = keeper_.request(Unit::capf, "anna");
  EXPECT_EQ(core::CsrStore(house_.database).find(Unit::capf)->key, made.key);
  expect_all_named_keys();
}

TEST_F(TrustFaults, WithoutAnAuditLogNothingBegins) {
  const std::set<std::string> before = keys();
  refuse_audit("%INTENT");
  const std::string old = der_of(Unit::capf);
  EXPECT_THROW(keeper_.regenerate(Unit::capf, "anna"), core::Error);
  EXPECT_EQ(keys(), before);
  EXPECT_EQ(der_of(Unit::capf), old);
}

}  // namespace
}  // namespace ringfence::services::admin
