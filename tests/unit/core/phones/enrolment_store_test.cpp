#include "core/phones/enrolment_store.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/capf_inventory.h"
#include "tests/support/database_file.h"
#include "tests/unit/core/phones/enrolment_fixture.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST_F(EnrolmentStoreTest, FollowsACertificateFromIssueToThePhone) {
  const Bytes serial = issue("CSFa", 7, 1);
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_EQ(store_.outcome("CSFa", 7), std::nullopt);
  ASSERT_EQ(store_.stale().size(), 1U);
  store_.delivered(serial, kNow + hours(2));
  EXPECT_EQ(store_.held("CSFa"), std::nullopt) << "delivered is not confirmed";
  EXPECT_EQ(store_.stale().at(0).delivered_at, kNow + hours(2));
  store_.confirmed(serial, kNow + hours(3));

  Database reader(file(), Schema::capf, Access::read_only);
  const EnrolmentStore seen(reader);
  EXPECT_TRUE(seen.stale().empty());
  const auto held = seen.held("CSFa");
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->phone, "CSFa");
  EXPECT_EQ(held->request, 7);
  EXPECT_EQ(held->serial, (Bytes{0, 1, 0xff}));
  EXPECT_EQ(held->subject, "CN=CSFa");
  EXPECT_EQ(held->issuer, "CN=CAPF-7f0ae8d7");
  EXPECT_EQ(held->der, (Bytes{0x30, 0, 1, 0}));
  EXPECT_EQ(held->key, "RSA 2048");
  EXPECT_EQ(held->not_after, from_seconds(4'102'444'800));
  EXPECT_EQ(held->issued_at, kNow + hours(1));
  EXPECT_EQ(held->confirmed_at, kNow + hours(3));
  EXPECT_EQ(held->deleted_at, std::nullopt);
  const auto outcome = seen.outcome("CSFa", 7);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->operation, Operation::install);
  EXPECT_EQ(outcome->status, OperationStatus::success);
  EXPECT_EQ(outcome->at, kNow + hours(3));
}

TEST_F(EnrolmentStoreTest, NeverTakesASerialTwice) {
  issue("CSFa", 1, 1);
  try {
    issue("CSFb", 2, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
  }
  EXPECT_EQ(test::sqlite3(file(), "select serial, phone from issued"), "0001ff|CSFa");
}

TEST_F(EnrolmentStoreTest, SaysNotFoundForASerialItNeverIssued) {
  for (const auto& call : {+[](EnrolmentStore& store) { store.delivered(Bytes{9}, kNow); },
                           +[](EnrolmentStore& store) { store.confirmed(Bytes{9}, kNow); }}) {
    try {
      call(store_);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::not_found);
      EXPECT_STREQ(error.what(), "no certificate of serial 09 was issued");
    }
  }
  EXPECT_EQ(test::sqlite3(file(), "select count(*) from outcome"), "0");
}

TEST_F(EnrolmentStoreTest, MarksCertificateAndOutcomeTogetherOrNeither) {
  const Bytes serial = issue("CSFa", 1, 1);
  test::sqlite3(file(),
                "create trigger t before insert on outcome begin select raise(abort, 'full'); end");
  EXPECT_THROW(store_.confirmed(serial, kNow), Error);
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_EQ(store_.stale().size(), 1U);
}

TEST_F(EnrolmentStoreTest, HoldsTheLastConfirmedOneOfEachPhone) {
  const Bytes first = issue("CSFb", 1, 1);
  const Bytes second = issue("CSFb", 2, 2);
  const Bytes lost = issue("CSFb", 3, 3);
  const Bytes other = issue("CSFa", 4, 4);
  issue("CSFc", 5, 5);
  store_.confirmed(first, kNow);
  store_.confirmed(second, kNow);  // in the same second: the later request is the later certificate
  store_.confirmed(other, kNow);
  EXPECT_EQ(store_.held("CSFb")->serial, second);
  EXPECT_EQ(store_.held("CSFa")->serial, other);
  EXPECT_EQ(store_.held("CSFc"), std::nullopt);
  const auto stale = store_.stale();
  ASSERT_EQ(stale.size(), 2U);
  EXPECT_EQ(stale[0].serial, lost);
  EXPECT_EQ(stale[1].phone, "CSFc");
}

TEST_F(EnrolmentStoreTest, ForgetsNothingWhenThePhoneDeletedItsCertificate) {
  store_.confirmed(issue("CSFa", 1, 1), kNow);
  store_.removed("CSFa", 2, kNow + hours(9));
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_EQ(store_.outcome("CSFa", 2)->operation, Operation::remove);
  EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::success);
  EXPECT_EQ(test::sqlite3(file(), "select deleted_at - confirmed_at from issued"), "32400");
  const Bytes next = issue("CSFa", 3, 3);
  store_.confirmed(next, kNow + hours(10));
  EXPECT_EQ(store_.held("CSFa")->serial, next);
}

TEST_F(EnrolmentStoreTest, KeepsTheLastOutcomeOfARequestAndOfAPhone) {
  store_.finished({"CSFa", 1, Operation::install, OperationStatus::communication_failure, kNow});
  store_.finished(
      {"CSFa", 1, Operation::install, OperationStatus::invalid_auth_string, kNow + hours(1)});
  store_.finished({"CSFb", 2, Operation::remove, OperationStatus::late, kNow});
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::invalid_auth_string);
  store_.finished({"CSFa", 10, Operation::troubleshoot, OperationStatus::success, kNow});
  EXPECT_EQ(store_.outcome("CSFa", 10)->operation, Operation::troubleshoot);
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::invalid_auth_string);
  EXPECT_EQ(store_.outcome("CSFb", 2)->at, kNow);
}

TEST_F(EnrolmentStoreTest, LetsASuccessStandWhenAFailureComesLate) {
  store_.confirmed(issue("CSFa", 1, 1), kNow);
  store_.finished(
      {"CSFa", 1, Operation::install, OperationStatus::communication_failure, kNow + hours(1)});
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::success);
  EXPECT_EQ(store_.outcome("CSFa", 1)->at, kNow);
}

TEST_F(EnrolmentStoreTest, CallsStaleOnlyWhatNothingCanConfirmAnyMore) {
  const Bytes lost = issue("CSFa", 1, 1);
  const Bytes under_way = issue("CSFb", 2, 2);  // an hour later
  EXPECT_EQ(store_.stale().size(), 2U);
  const auto stale = store_.stale(now_);
  ASSERT_EQ(stale.size(), 1U);
  EXPECT_EQ(stale[0].serial, lost);
  EXPECT_EQ(store_.stale(now_ + EnrolmentStore::kUnderWay - std::chrono::seconds(1)).size(), 1U);
  EXPECT_EQ(store_.stale(now_ + EnrolmentStore::kUnderWay).size(), 2U);

  EXPECT_EQ(store_.clear_stale(std::nullopt, now_), 1U);
  EXPECT_EQ(store_.certificate(lost)->cleared_at, now_);
  EXPECT_EQ(store_.certificate(under_way)->cleared_at, std::nullopt);
  store_.confirmed(under_way, now_);
  EXPECT_TRUE(store_.stale().empty());
  EXPECT_EQ(store_.clear_stale(std::nullopt, now_ + hours(1)), 0U);
}

TEST_F(EnrolmentStoreTest, ClearsTheStaleOnesOfOnePhoneAndKeepsTheirRows) {
  const Bytes first = issue("CSFa", 1, 1);
  const Bytes second = issue("CSFa", 1, 2);
  const Bytes other = issue("CSFb", 2, 3);
  const Time later = now_ + hours(1);
  EXPECT_EQ(store_.clear_stale("CSFc", later), 0U);
  EXPECT_EQ(store_.clear_stale("CSFa", later), 2U);
  EXPECT_EQ(store_.clear_stale("CSFa", later), 0U) << "cleared twice";
  ASSERT_EQ(store_.stale(later).size(), 1U);
  EXPECT_EQ(store_.stale(later)[0].serial, other);
  for (const Bytes& serial : {first, second}) EXPECT_TRUE(store_.certificate(serial));
  EXPECT_THROW(issue("CSFd", 4, 1), Error) << "the serial of a cleared one was given again";
}

TEST_F(EnrolmentStoreTest, FindsACertificateBySerial) {
  const Bytes serial = issue("CSFa", 7, 1);
  const auto found = store_.certificate(serial);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->phone, "CSFa");
  EXPECT_EQ(found->der, (Bytes{0x30, 0, 1, 0}));
  EXPECT_EQ(store_.certificate(Bytes{9}), std::nullopt);
}

TEST_F(EnrolmentStoreTest, KeepsTheLastEventsOfEachPhone) {
  for (int i = 0; i < EnrolmentStore::kEventsKept + 10; ++i) {
    store_.happened({0, kNow + std::chrono::seconds(i), "CSFa", "10.1.2.3:4711", "late",
                     "number " + std::to_string(i)});
    if (i == 0) store_.happened({0, kNow, "CSFb", "10.1.2.4:4711", "lost", "it was lost"});
  }
  const auto events = store_.events("CSFa");
  ASSERT_EQ(events.size(), static_cast<std::size_t>(EnrolmentStore::kEventsKept));
  EXPECT_EQ(events.front().detail, "number 59");
  EXPECT_EQ(events.back().detail, "number 10");
  EXPECT_EQ(events.front().at, kNow + std::chrono::seconds(59));
  EXPECT_EQ(events.front().peer, "10.1.2.3:4711");
  EXPECT_EQ(events.front().kind, "late");
  ASSERT_EQ(store_.events("CSFb").size(), 1U);
  EXPECT_TRUE(store_.events("CSFc").empty());
}

TEST_F(EnrolmentStoreTest, GoesByTheOrderOfTheJournalWhenTheClockIsSetBack) {
  const Bytes before = issue("CSFa", 1, 1);
  store_.confirmed(before, kNow);
  const Bytes renewed = issue("CSFa", 2, 2);
  store_.confirmed(renewed, kNow - hours(24));
  EXPECT_EQ(store_.held("CSFa")->serial, renewed);
  EXPECT_EQ(CapfInventory(database_).of("CSFa").held->serial, renewed);
  EXPECT_GT(store_.certificate(renewed)->sequence, store_.certificate(before)->sequence);
  issue("CSFb", 3, 3);
  EXPECT_EQ(store_.stale(kNow - hours(24)).size(), 1U) << "it is not under way for a day";
}

TEST_F(EnrolmentStoreTest, BelievesWhatAPhoneShows) {
  const Bytes older = issue("CSFa", 1, 1);
  store_.confirmed(older, kNow);
  const Bytes held = issue("CSFa", 2, 2);
  store_.confirmed(held, kNow);
  store_.showed("CSFa", std::nullopt, kNow + hours(1));
  EXPECT_FALSE(store_.held("CSFa")) << "nor is it the one before";
  CapfState state = CapfInventory(database_).of("CSFa");
  EXPECT_FALSE(state.held);
  ASSERT_TRUE(state.shown);
  EXPECT_TRUE(state.shown->serial.empty());

  store_.showed("CSFa", store_.certificate(held), kNow + hours(2));
  EXPECT_EQ(store_.held("CSFa")->serial, held);
  EXPECT_FALSE(CapfInventory(database_).of("CSFa").shown);

  IssuedCertificate foreign;
  foreign.serial = {0x77};
  foreign.der = {0x30, 0x01, 0x07};
  foreign.subject = "CN=CSFa";
  foreign.issuer = "CN=CAPF-elsewhere";
  store_.showed("CSFa", foreign, kNow + hours(3));
  state = CapfInventory(database_).of("CSFa");
  EXPECT_FALSE(state.held);
  EXPECT_EQ(state.shown->issuer, "CN=CAPF-elsewhere");

  const Bytes renewed = issue("CSFa", 3, 3);
  store_.confirmed(renewed, kNow);
  EXPECT_EQ(store_.held("CSFa")->serial, renewed);
  EXPECT_FALSE(CapfInventory(database_).of("CSFa").shown);
}

TEST_F(EnrolmentStoreTest, FindsWhoElseHasAKey) {
  IssuedCertificate row;
  row.phone = "CSFa";
  row.request = 1;
  row.serial = {0x01};
  row.key_hash = "abcd";
  row.issued_at = kNow;
  row.not_after = kNow + hours(1);
  store_.issued(row);
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFb", kNow), "CSFa");
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFa", kNow), std::nullopt) << "its own";
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFb", kNow + hours(2)), std::nullopt) << "expired";
  EXPECT_EQ(store_.key_holder("", {}, "CSFb", kNow), std::nullopt);
  row.phone = "CSFb";
  row.serial = {0x02};
  EXPECT_THROW(store_.issued(row), Error) << "two sessions may bring it at once";
  PendingCsr csr;
  csr.phone = "CSFa";
  csr.request = 1;
  csr.spki = {0x30, 0x01};
  store_.requested(csr);
  csr.request = 2;
  store_.requested(csr);
  csr.phone = "CSFb";
  EXPECT_THROW(store_.requested(csr), Error) << "here too";
  EXPECT_EQ(store_.csrs().size(), 1U);
}

TEST_F(EnrolmentStoreTest, CountsTheCertificatesOfARequestByAddress) {
  IssuedCertificate row;
  row.phone = "CSFa";
  row.request = 1;
  row.proof = "null-string";
  const char* const peers[] = {"10.0.0.1:49152", "10.0.0.1:50000", "10.0.0.11:49152"};
  for (std::uint8_t i = 0; i < 3; ++i) {
    row.serial = {std::uint8_t(i + 1)};
    row.peer = peers[i];
    row.issued_at = kNow + seconds(i);
    store_.issued(row);
  }
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.1").count, 2);
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.1").last, kNow + seconds(1));
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.11").count, 1);
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.2").count, 0);
  EXPECT_EQ(store_.issues("CSFa", 1, "").count, 3);
  EXPECT_EQ(store_.issues("CSFa", 2, "").count, 0);
  row = *store_.certificate(Bytes{1});
  EXPECT_EQ(enrolled_from(row), "10.0.0.1:49152") << "by the null string";
  row.proof = "auth-string";
  EXPECT_EQ(enrolled_from(row), std::nullopt);
  row.elsewhere = "10.0.0.9";
  EXPECT_EQ(enrolled_from(row), "10.0.0.1:49152");
}

TEST_F(EnrolmentStoreTest, HoldsNothingThatWentElsewhere) {
  const Bytes own = issue("CSFa", 1, 1);
  store_.confirmed(own, kNow);
  EXPECT_FALSE(store_.maybe_overwritten("CSFa"));
  for (const bool known_late : {false, true}) {
    IssuedCertificate row;
    row.phone = "CSFa";
    row.request = 2;
    row.serial = {static_cast<std::uint8_t>(known_late ? 0x41 : 0x42)};
    row.peer = "10.6.6.6:49152";
    row.proof = known_late ? "address" : "null-string";
    if (!known_late) row.elsewhere = "10.0.0.1";
    row.issued_at = kNow;
    store_.issued(row);
    store_.confirmed(row.serial, kNow, known_late ? "10.0.0.1" : "");
    EXPECT_EQ(store_.held("CSFa")->serial, own);
    EXPECT_TRUE(went_elsewhere(*store_.certificate(row.serial)));
    EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::unproven);
    EXPECT_EQ(store_.outcome("CSFa", 2)->peer, "10.6.6.6:49152");
    EXPECT_TRUE(store_.stale().empty());
    EXPECT_TRUE(store_.maybe_overwritten("CSFa"));
    store_.confirmed(own, kNow);
    EXPECT_FALSE(store_.maybe_overwritten("CSFa")) << "it has said since that it has its own";
  }
  IssuedCertificate proven;  // by its string, whatever the address
  proven.phone = "CSFa";
  proven.request = 2;
  proven.serial = {0x43};
  proven.proof = "auth-string";
  proven.elsewhere = "10.0.0.1";
  proven.issued_at = kNow;
  store_.issued(proven);
  store_.confirmed(proven.serial, kNow);
  EXPECT_EQ(store_.held("CSFa")->serial, proven.serial);
  EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::success);
}

}  // namespace
}  // namespace ringfence::core
