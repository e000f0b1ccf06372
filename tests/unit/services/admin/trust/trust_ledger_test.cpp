// Which phones believe the list, as the daemons' databases say it, while others act in their names.
#include "services/admin/trust/trust_ledger.h"

#include <filesystem>
#include <fstream>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/registration_store.h"
#include "services/admin/node/house.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using core::TrustSign;
using core::TrustSignKind;
using namespace std::chrono_literals;

const std::string kPhone = "SEP001122334455";
const std::string kHome = "10.0.0.5";
const std::string kStranger = "10.6.6.6";

class TrustLedgerTest : public testing::Test {
 protected:
  TrustLedgerTest() {
    std::filesystem::create_directories(folder_ / "db");
    std::ofstream(folder_ / "ringfence.toml") << "[node]\nhost = \"n1\"\n";
    house_ = std::make_unique<House>(folder_.path());
    registrar_ = std::make_unique<core::Database>(
        folder_ / "db/callmanager.db", core::Schema::callmanager, core::Access::read_write);
    core::Phone phone;
    phone.name = kPhone;
    phone.model = "CP-8861";
    house_->phones.save({phone}, core::PhoneStore::Ask::changed_only);
  }

  /// registers is a REGISTER that began `ago` and was refreshed now, as the registrar writes it.
  void registers(const std::string& address, std::chrono::seconds ago,
                 std::chrono::seconds refreshed_ago = 0s) {
    core::TrustSignStore(*registrar_)
        .save({{kPhone, TrustSignKind::registered, address, "", "", core::sign_time() - ago}});
    core::Registration row;
    row.device = kPhone;
    row.contact = "sip:1000@" + address;
    row.peer = address + ":5060";
    row.registered_at = house_->clock.now() - ago;
    row.refreshed_at = house_->clock.now() - refreshed_ago;
    row.expires_at = house_->clock.now() + 1h;
    core::RegistrationStore(*registrar_).save(row);
  }

  void leaves(const std::string& address) {
    core::RegistrationStore(*registrar_).remove(kPhone, "sip:1000@" + address, address);
  }

  PhoneTrust trust() { return house_->trust().of(kPhone); }

  test::TemporaryFolder folder_;
  std::unique_ptr<House> house_;
  std::unique_ptr<core::Database> registrar_;
};

TEST_F(TrustLedgerTest, AContestEndsWhenTheOtherHasGoneAndThePhoneGoesOn) {
  registers(kHome, 600s, 300s);
  EXPECT_EQ(trust().home, kHome);
  registers(kStranger, 200s);
  EXPECT_EQ(trust().contested_by, kStranger);
  leaves(kStranger);
  EXPECT_EQ(trust().contested_by, kStranger) << "the phone was not seen since";
  registers(kHome, 600s, 100s);
  EXPECT_EQ(trust().contested_by, "");
  EXPECT_EQ(trust().home, kHome);
}

TEST_F(TrustLedgerTest, WhatCouldNotBeWrittenDownIsAtTheNextLook) {
  house_->trust().refresh();
  const std::uint64_t mark = house_->trust().since(0).mark;
  const std::filesystem::path admin = folder_ / "db/admin.db";
  test::sqlite3(admin,
                "create trigger full before insert on trust_holding "
                "begin select raise(abort, 'the disk is full'); end");
  registers(kHome, 600s);
  EXPECT_THROW(house_->trust().refresh(), core::Error);
  EXPECT_THROW(house_->trust().refresh(), core::Error) << "it is still owed";
  test::sqlite3(admin, "drop trigger full");
  EXPECT_THAT(house_->trust().since(mark).devices, testing::ElementsAre(kPhone));
  EXPECT_EQ(test::sqlite3(admin, "select device || ' ' || peer from trust_holding"),
            kPhone + " " + kHome);
}

TEST_F(TrustLedgerTest, APhoneThatOnlyRefreshesKeepsItsAddress) {
  registers(kHome, 3h);
  house_->trust().refresh();
  registers(kStranger, 0s);
  EXPECT_EQ(trust().home, kHome);
}

TEST_F(TrustLedgerTest, APhoneThatHasJustGoneKeepsItsAddress) {
  registers(kHome, 3h, 2h);
  EXPECT_EQ(trust().home, kHome);
  registers(kHome, 3h);
  house_->trust().follow_quietly();  // once a minute it looks who is there
  leaves(kHome);
  registers(kStranger, 0s);
  EXPECT_EQ(trust().home, kHome);
}

TEST_F(TrustLedgerTest, APhoneThatWasSilentForAnHourHasMoved) {
  registers(kHome, 3h, 2h);
  EXPECT_EQ(trust().home, kHome);
  leaves(kHome);
  registers("10.0.0.6", 0s);
  EXPECT_EQ(trust().home, "10.0.0.6");
}

}  // namespace
}  // namespace ringfence::services::admin
