// What waits until the token can sign, and in which order it is done: a real signer, and services
// that only write down what they are told.
#include "services/admin/node/opening.h"

#include <map>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "services/admin/node/stopped_services.h"
#include "tests/support/eventually.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using core::admin::ServiceFacts;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

/// Events is what happened, in order.
class Events {
 public:
  void add(const std::string& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }

  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  bool has(const std::string& event) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(events_, event) != events_.end();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
};

class Services final : public ServiceControl {
 public:
  explicit Services(Events& events) : events_(events) {}

  ServiceFacts state(const Service& service) override {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(service.name);
    if (found != states_.end()) return found->second;
    return {std::string(service.name), "STOPPED", "Service Not Activated"};
  }

  std::vector<ServiceFacts> start(const Service& service) override {
    events_.add("start " + std::string(service.name));
    return {set(service, "STARTED", "")};
  }

  std::vector<ServiceFacts> stop(const Service& service) override {
    events_.add("stop " + std::string(service.name));
    return {set(service, "STOPPED", std::string(kCommandedOut))};
  }

  bool gave_up(const Service& /*service*/) override { return false; }

 private:
  ServiceFacts set(const Service& service, const std::string& state, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    return states_[service.name] = {std::string(service.name), state, reason};
  }

  Events& events_;
  std::mutex mutex_;
  std::map<std::string_view, ServiceFacts> states_;
};

class OpeningTest : public testing::Test {
 protected:
  OpeningTest() {
    work_.make_certificates = [this] {
      events_.add("certificates");
      make_certificates();
    };
    work_.publish = [this] {
      events_.add("publish");
      return std::string("the file was put right");
    };
    work_.refresh = [this] {
      events_.add("refresh");
      return std::string();
    };
    work_.resume_jobs = [this] { events_.add("resume"); };
  }

  /// make_certificates writes rows that count; nothing here looks into them.
  void make_certificates() {
    core::CertificateStore store(database_);
    for (const core::Unit unit : core::kUnits)
      store.replace({unit, {0x30, 0x00}, {std::string(name(unit)), 1}, clock_.now()}, {});
  }

  Opening& opening() {
    // A signer that is there says at once whether it signs.
    const std::chrono::milliseconds patience(with_signer_ ? 20'000 : 0);
    if (!opening_)
      opening_.emplace(Opening::Parts{database_, token_, services_, clock_, work_, patience});
    return *opening_;
  }

  static Service tftp() { return *service_named("Cisco Tftp"); }

  test::TemporaryFolder folder_;
  core::SystemClock clock_;
  core::Database database_{folder_ / "admin.db", core::Schema::admin, core::Access::read_write};
  core::Token token_{folder_ / "run" / "signer" / "admin.sock"};
  Events events_;
  Services services_{events_};
  Opening::Work work_;
  bool with_signer_ = true;
  std::optional<Opening> opening_;
};

TEST_F(OpeningTest, OpensInOneOrderWhenTheTokenSigns) {
  const test::SignerProcess signer(folder_.path());
  opening().begin();
  EXPECT_THAT(events_.all(),
              ElementsAre("certificates", "publish", "start Cisco CallManager", "refresh",
                          "start Cisco Tftp", "start Cisco Certificate Authority Proxy Function",
                          "start Cisco Trust Verification Service", "resume"));
  EXPECT_EQ(opening().warning(), "");
  EXPECT_THAT(opening().notes(), ElementsAre(testing::EndsWith(": the file was put right")));
  EXPECT_THAT(opening().outstanding(), IsEmpty());
}

TEST_F(OpeningTest, WithoutASignerEverythingWaitsAndIsDoneWhenItComes) {
  with_signer_ = false;
  opening().begin();
  EXPECT_THAT(events_.all(), IsEmpty());
  EXPECT_EQ(opening().state(tftp()).reason, "Waiting for the token");
  EXPECT_EQ(opening().warning(), "the token cannot be reached; see 'show hsm'");
  EXPECT_THAT(opening().outstanding(), testing::SizeIs(1 + kServices.size()));
  const test::SignerProcess signer(folder_.path());
  opening().hurry();
  EXPECT_TRUE(test::eventually([&] { return events_.has("resume"); }));
  EXPECT_EQ(opening().state(tftp()).state, "STARTED");
  EXPECT_EQ(opening().warning(), "");
}

TEST_F(OpeningTest, WithCertificatesThoseServeThatNeedNoKey) {
  with_signer_ = false;
  make_certificates();
  opening().begin();
  EXPECT_THAT(events_.all(), ElementsAre("start Cisco CallManager", "refresh", "start Cisco Tftp",
                                         "start Cisco Certificate Authority Proxy Function"));
  const Service tvs = *service_named("Cisco Trust Verification Service");
  EXPECT_EQ(opening().state(tvs).reason, "Waiting for the token");
}

TEST_F(OpeningTest, WhatAnAdministratorStoppedStaysStopped) {
  const test::SignerProcess signer(folder_.path());
  StoppedServices(database_).note_stop(tftp());
  opening().begin();
  EXPECT_THAT(events_.all(), Contains("stop Cisco Tftp"));
  EXPECT_THAT(events_.all(), Not(Contains("start Cisco Tftp")));
  EXPECT_EQ(opening().state(tftp()).reason, kCommandedOut);
}

TEST_F(OpeningTest, AListThatCannotBePublishedKeepsNoServiceDown) {
  const test::SignerProcess signer(folder_.path());
  work_.publish = []() -> std::string { throw core::Error(core::Code::io, "the disk is full"); };
  opening().begin();
  EXPECT_TRUE(events_.has("start Cisco Tftp"));
  EXPECT_TRUE(events_.has("resume"));
  EXPECT_THAT(opening().notes(), IsEmpty());
}

TEST_F(OpeningTest, ATokenThatIsLostMeanwhileIsWaitedForAndNothingElseIsForgiven) {
  const test::SignerProcess signer(folder_.path());
  bool lost = true;  // by whoever opens: begin, then the watch
  work_.make_certificates = [&] {
    if (std::exchange(lost, false)) throw core::Error(core::Code::hsm_unavailable, "it went");
    events_.add("certificates");
    make_certificates();
  };
  opening().begin();
  opening().hurry();
  EXPECT_TRUE(test::eventually([&] { return events_.has("resume"); }));
  opening().stop();

  work_.make_certificates = [] { throw core::Error(core::Code::io, "the disk is full"); };
  Opening other({database_, token_, services_, clock_, work_});
  EXPECT_THROW(other.begin(), core::Error);
}

}  // namespace
}  // namespace ringfence::services::admin
