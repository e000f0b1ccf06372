// Certificates and the ITL that goes with them: real stores, and keys in a real token.
#include "services/admin/trust/trust_keeper.h"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "core/trust/itl.h"
#include "tests/unit/services/admin/trust/made_house.h"

namespace ringfence::services::admin {
namespace {

using core::Unit;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class TrustKeeperTest : public testing::Test {
 protected:
  core::Bytes der_of(Unit unit) const { return house_.certificates.own(unit)->der; }

  /// keys lists those of a unit in the token, as "TVS/1".
  std::vector<std::string> keys(Unit unit) const {
    std::vector<std::string> found;
    for (const core::KeyRef& key : house_.token.keys())
      if (key.label == name(unit)) found.push_back(fmt::format("{}/{}", key.label, key.version));
    return found;
  }

  std::filesystem::path file() const { return list_path(house_.config, core::ListKind::itl); }

  core::Bytes served() const { return core::read_file(file(), kMaxListBytes); }

  core::TrustList list() const { return core::parse_trust_list(served()); }

  /// signer returns which of our certificates the served list is signed by.
  std::optional<Unit> signer() const {
    const core::TrustList list = this->list();
    for (const core::OwnCertificate& own : house_.certificates.all_own())
      if (core::signer_name_of(*core::parse_certificate(own.der)) == list.header.signer) {
        core::verify_file(served(),
                          [&](const core::SignerName&) { return std::optional(own.der); });
        return own.unit;
      }
    return std::nullopt;
  }

  bool lists(Unit unit) const {
    const core::Bytes der = der_of(unit);
    const auto records = list().records;
    return std::ranges::any_of(records, [&](const core::Record& one) { return one.matches(der); });
  }

  MadeHouse made_;
  House& house_ = made_.house;
  TrustKeeper& keeper_ = made_.trust.keeper;
};

TEST_F(TrustKeeperTest, TheFirstStartGivesEachUnitAKeyAndPublishesTheirList) {
  const core::ListVersion version = *house_.lists.last(core::ListKind::itl);
  EXPECT_EQ(version.reason, "first start");
  EXPECT_EQ(version.file, served());
  for (const Unit unit : core::kUnits) {
    ASSERT_TRUE(house_.certificates.own(unit).has_value()) << name(unit);
    EXPECT_EQ(keys(unit).size(), 1U) << name(unit);
  }
  for (const Unit unit : core::kUnits) EXPECT_TRUE(lists(unit)) << name(unit);
  EXPECT_EQ(signer(), core::normal_signer_of(house_.config.release()));
  const core::Bytes first = der_of(Unit::capf);
  keeper_.ensure_certificates();
  EXPECT_EQ(der_of(Unit::capf), first) << "what is there stays";
  EXPECT_FALSE(keeper_.ensure_itl("again").has_value()) << "the file is that list";
}

TEST_F(TrustKeeperTest, ARegenerationChangesOneUnitAndTheListNamesTheNewOne) {
  const core::Bytes old = der_of(Unit::tvs);
  const core::Bytes capf = der_of(Unit::capf);
  const Published published = keeper_.regenerate(Unit::tvs, "anna");
  EXPECT_NE(der_of(Unit::tvs), old);
  EXPECT_EQ(der_of(Unit::capf), capf);
  EXPECT_TRUE(lists(Unit::tvs));
  EXPECT_EQ(published.sha1, keeper_.served_itl_sha1());
  EXPECT_THAT(published.warnings, testing::IsEmpty());
  EXPECT_THAT(keys(Unit::tvs), UnorderedElementsAre("TVS/1", "TVS/2")) << "sessions may finish";
  keeper_.regenerate(Unit::tvs, "anna");
  EXPECT_THAT(keys(Unit::tvs), UnorderedElementsAre("TVS/2", "TVS/3"));
}

TEST_F(TrustKeeperTest, ADamagedFileIsReplacedByTheLastGoodListByteForByte) {
  const core::Bytes good = served();
  core::Bytes bad = good;
  bad.back() ^= 1U;
  core::write_atomically(file(), bad);
  const auto ensured = keeper_.ensure_itl("start");
  ASSERT_TRUE(ensured.has_value());
  EXPECT_EQ(ensured->by, Ensured::By::last_good);
  EXPECT_FALSE(ensured->first);
  EXPECT_EQ(served(), good);
}

TEST_F(TrustKeeperTest, AListOfOtherCertificatesIsRebuilt) {
  keeper_.regenerate(Unit::capf, "anna");
  // What the history has is not the list of these certificates either.
  core::ListStore(house_.database)
      .add({0, core::ListKind::itl, "CallManager", "00", "somebody", {1, 2}, house_.clock.now()});
  core::write_atomically(file(), core::Bytes{1, 2});
  const auto ensured = keeper_.ensure_itl("start");
  ASSERT_TRUE(ensured.has_value());
  EXPECT_EQ(ensured->by, Ensured::By::new_list);
  EXPECT_EQ(ensured->sha1, keeper_.served_itl_sha1());
  EXPECT_TRUE(lists(Unit::capf));
}

TEST_F(TrustKeeperTest, ARecoveryListStaysUntilItIsEnded) {
  const Unit normal = core::normal_signer_of(house_.config.release());
  const Unit other = core::recovery_signer_of(house_.config.release());
  keeper_.reset_localkey();
  EXPECT_TRUE(keeper_.publisher().recovering());
  EXPECT_EQ(signer(), other);
  keeper_.regenerate(Unit::capf, "anna");
  EXPECT_EQ(signer(), other) << "a regeneration does not end it";
  const TrustWiring restarted(house_);
  EXPECT_TRUE(restarted.keeper.publisher().recovering()) << "nor does a restart";
  keeper_.end_recovery("restart of Cisco Tftp");
  EXPECT_FALSE(keeper_.publisher().recovering());
  EXPECT_EQ(signer(), normal);
  const core::Bytes ended = served();
  keeper_.end_recovery("again");
  EXPECT_EQ(served(), ended);
}

TEST_F(TrustKeeperTest, ARequestLeavesTheCertificateAndTakesThePlaceOfThePendingOne) {
  const core::Bytes before = der_of(Unit::capf);
  const core::Bytes list = served();
  const core::PendingRequest first = keeper_.request(Unit::capf, "anna");
  EXPECT_THAT(keys(Unit::capf), UnorderedElementsAre("CAPF/1", "CAPF/2"));
  const core::PendingRequest second = keeper_.request(Unit::capf, "anna");
  EXPECT_NE(first.key, second.key);
  EXPECT_THAT(keys(Unit::capf), UnorderedElementsAre("CAPF/1", "CAPF/3"));
  EXPECT_EQ(core::CsrStore(house_.database).find(Unit::capf)->key, second.key);
  EXPECT_EQ(der_of(Unit::capf), before);
  EXPECT_EQ(served(), list);
}

TEST_F(TrustKeeperTest, WhatTheJudgeOfAnImportThrowsLeavesEverythingAsItWas) {
  const core::PendingRequest pending = keeper_.request(Unit::capf, "anna");
  const core::Bytes before = der_of(Unit::capf);
  const auto refuse = []() -> TrustKeeper::Adopted {
    throw core::Error(core::Code::refused, "the chain is not trusted");
  };
  EXPECT_THROW(keeper_.adopt(Unit::capf, "anna", refuse), core::Error);
  EXPECT_EQ(der_of(Unit::capf), before);
  EXPECT_EQ(core::CsrStore(house_.database).find(Unit::capf)->key, pending.key);
  EXPECT_THAT(keys(Unit::capf), UnorderedElementsAre("CAPF/1", "CAPF/2"));
  EXPECT_EQ(house_.audit.last(1).front().event, "CERTIFICATE_IMPORT_FAILED");
}

TEST_F(TrustKeeperTest, AStoreTakesOneCertificateASubjectAndTheNewerOne) {
  const auto trust = [&](const core::Bytes& der) {
    std::vector<core::X509Cert> certificates;
    certificates.push_back(core::parse_certificate(der));
    return keeper_.trust(core::TrustStore::phone_vpn, certificates, "anna").front().result;
  };
  const core::Bytes older = der_of(Unit::tvs);
  EXPECT_EQ(trust(older), "added");
  EXPECT_EQ(trust(older), "known");
  EXPECT_EQ(house_.certificates.trusted(name(core::TrustStore::phone_vpn)).size(), 1U);
}

}  // namespace
}  // namespace ringfence::services::admin
