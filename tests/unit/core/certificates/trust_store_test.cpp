#include "core/certificates/trust_store.h"

#include <gtest/gtest.h>

#include "core/certificates/issue.h"
#include "core/certificates/roles.h"
#include "core/crypto/x509.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1479761383);

/// made returns facts of a certificate that is `hours` old on the scale of these tests.
CertificateFacts made(const std::string& subject, int hours,
                      CertificateKind kind = CertificateKind::end_entity) {
  CertificateFacts facts;
  facts.subject = subject;
  facts.issuer = subject;
  facts.not_before = kNow + std::chrono::hours(hours);
  facts.kind = kind;
  facts.der = Bytes(subject.begin(), subject.end());
  facts.der.push_back(static_cast<std::uint8_t>(hours));
  return facts;
}

StoreContents after(Unit unit, const std::optional<CertificateFacts>& old,
                    const CertificateFacts& fresh, StoreContents stores = {}) {
  const auto changes = changes_on_regeneration(unit, old, fresh, stores);
  apply(changes, stores);
  return stores;
}

using Store = std::vector<CertificateFacts>;

TEST(TrustStore, IsFoundByItsExactName) {
  for (const TrustStore store : kTrustStores) EXPECT_EQ(trust_store_named(name(store)), store);
  EXPECT_EQ(name(TrustStore::phone_sast), "Phone-SAST-trust");
  EXPECT_FALSE(trust_store_named("callmanager-trust").has_value());
  EXPECT_FALSE(trust_store_named("").has_value());
}

TEST(TrustStore, HoldsOneCertificateOfASubjectTheNewer) {
  const Store store = {made("CN=a", 5)};
  EXPECT_EQ(admit(store, made("CN=b", 1)), Admission::add);
  EXPECT_EQ(admit(store, made("CN=a", 6)), Admission::replace);
  EXPECT_EQ(admit(store, made("CN=a", 5)), Admission::known);
  EXPECT_EQ(admit(store, made("CN=a", 4)), Admission::refuse);
  CertificateFacts same_second = made("CN=a", 5);
  same_second.der.push_back(0);
  EXPECT_EQ(admit(store, same_second), Admission::refuse);
}

TEST(Regeneration, OfCapfKeepsTheOldOneBesideTheNew) {
  const auto first = made("CN=CAPF-00000001", 1, CertificateKind::authority);
  const auto second = made("CN=CAPF-00000002", 2, CertificateKind::authority);
  const auto third = made("CN=CAPF-00000003", 3, CertificateKind::authority);
  StoreContents stores = after(Unit::capf, std::nullopt, first);
  EXPECT_EQ(stores[TrustStore::call_manager], Store({first}));
  stores = after(Unit::capf, first, second, stores);
  stores = after(Unit::capf, second, third, stores);
  EXPECT_EQ(stores[TrustStore::call_manager], Store({first, second, third}));
  EXPECT_EQ(stores[TrustStore::capf], Store({first, second, third}));
  EXPECT_TRUE(stores[TrustStore::phone_sast].empty());
}

TEST(Regeneration, OfCapfBringsTheOldOneBackWhenAStoreLacksIt) {
  const auto first = made("CN=CAPF-00000001", 1);
  const auto second = made("CN=CAPF-00000002", 2);
  const StoreContents stores = after(Unit::capf, first, second);
  EXPECT_EQ(stores.at(TrustStore::capf), Store({first, second}));
}

TEST(Regeneration, OfCallManagerLetsTvsVouchForTheOldSigner) {
  const auto first = made("CN=host", 1);
  const auto second = made("CN=host", 2);
  const auto third = made("CN=host", 3);
  StoreContents stores = after(Unit::call_manager, std::nullopt, first);
  EXPECT_TRUE(stores[TrustStore::phone_sast].empty());
  stores = after(Unit::call_manager, first, second, stores);
  EXPECT_EQ(stores[TrustStore::phone_sast], Store({first}));
  EXPECT_EQ(stores[TrustStore::call_manager], Store({second}));
  stores = after(Unit::call_manager, second, third, stores);
  EXPECT_EQ(stores[TrustStore::phone_sast], Store({second}));  // one a subject
  EXPECT_EQ(stores[TrustStore::call_manager], Store({third}));
}

TEST(Regeneration, TwiceInOneSecondStillPutsTheFreshOneIn) {
  const auto first = made("CN=host", 1);
  auto second = first;
  second.der.push_back(1);
  const StoreContents stores =
      after(Unit::call_manager, first, second, {{TrustStore::call_manager, {first}}});
  EXPECT_EQ(stores.at(TrustStore::call_manager), Store({second}));
}

TEST(Regeneration, OfTheRecoveryKeyKeepsTheOldSigner) {
  const auto first = made("CN=ITLRECOVERY_host", 1);
  const StoreContents stores = after(Unit::itl_recovery, first, made("CN=ITLRECOVERY_host", 2));
  EXPECT_EQ(stores.at(TrustStore::phone_sast), Store({first}));
  EXPECT_EQ(stores.size(), 1U);
}

TEST(Regeneration, OfTvsChangesNoStore) {
  EXPECT_TRUE(after(Unit::tvs, made("CN=host", 1), made("CN=host", 2)).empty());
}

TEST(Regeneration, SaysWhatIsReplaced) {
  const auto first = made("CN=host-EC", 1);
  const auto second = made("CN=host-EC", 2);
  const auto changes = changes_on_regeneration(Unit::call_manager_ecdsa, first, second,
                                               {{TrustStore::call_manager, {first}}});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].store, TrustStore::call_manager);
  EXPECT_EQ(changes[0].added, second);
  EXPECT_EQ(changes[0].replaced, first);
}

TEST(Facts, AreReadFromTheCertificate) {
  const EvpPkey key = test::rsa_key();
  const Node node = {"host", {}};
  const X509Cert capf = issue_self_signed(Unit::capf, node, *key, nullptr, kNow);
  const CertificateFacts facts = certificate_facts_of(*capf);
  EXPECT_EQ(facts.kind, CertificateKind::authority);
  EXPECT_EQ(facts.subject, subject_of(*capf));
  EXPECT_EQ(facts.serial.size(), 32U);
  EXPECT_EQ(facts.not_before, kNow);
  EXPECT_EQ(facts.der, to_der(*capf));
  const X509Cert tvs = issue_self_signed(Unit::tvs, node, *key, nullptr, kNow);
  EXPECT_EQ(certificate_facts_of(*tvs).kind, CertificateKind::end_entity);
}

std::vector<Role> roles(CertificateKind kind, const std::vector<Place>& places) {
  return roles_of(made("CN=x", 1, kind), places);
}

TEST(Roles, OfAnImportedCallManagerAreThoseOfTheDocumentedAnswer) {
  EXPECT_EQ(roles(CertificateKind::end_entity, {TrustStore::phone_sast, TrustStore::call_manager}),
            (std::vector{Role::sast, Role::tftp}));
}

TEST(Roles, OfOurOwnCertificatesAreThoseOfTheItl) {
  const auto own = [](Unit unit) { return roles(CertificateKind::end_entity, {unit}); };
  EXPECT_EQ(own(Unit::call_manager), (std::vector{Role::sast, Role::tftp}));
  EXPECT_EQ(own(Unit::call_manager_ecdsa), (std::vector{Role::tftp}));
  EXPECT_EQ(own(Unit::itl_recovery), (std::vector{Role::sast}));
  EXPECT_EQ(own(Unit::tvs), (std::vector{Role::tvs}));
  EXPECT_EQ(static_cast<int>(Role::tvs), 21);
}

TEST(Roles, NeverLetACaSignFiles) {
  EXPECT_EQ(
      roles(CertificateKind::authority, {Unit::capf, TrustStore::call_manager, TrustStore::capf}),
      (std::vector{Role::capf}));
}

TEST(Roles, KnowAnOldCapfByItsNameAndNoRootOfAThirdParty) {
  const Place store = TrustStore::capf;
  const auto in_capf_trust = [&](const std::string& subject) {
    return roles_of(made(subject, 1, CertificateKind::authority), {&store, 1});
  };
  EXPECT_EQ(in_capf_trust("CN=CAPF-7f0ae8d7;O=Cisco"), std::vector{Role::capf});
  EXPECT_TRUE(in_capf_trust("CN=Cisco Manufacturing CA;O=Cisco Systems").empty());
}

TEST(Roles, AreNoneForWhatPhonesNeedNotTrust) {
  EXPECT_TRUE(
      roles(CertificateKind::end_entity, {TrustStore::phone_vpn, TrustStore::phone}).empty());
  EXPECT_TRUE(roles(CertificateKind::end_entity, {}).empty());
}

}  // namespace
}  // namespace ringfence::core
