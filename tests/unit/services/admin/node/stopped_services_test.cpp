// What an administrator stopped, as long as one Ringfence runs.
#include "services/admin/node/stopped_services.h"

#include <thread>

#include <gtest/gtest.h>

#include "core/storage/rows.h"
#include "core/storage/schema.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

TEST(StoppedServices, LastAsLongAsTheRunOfRingfence) {
  const test::TemporaryFolder folder;
  core::Database database(folder / "admin.db", core::Schema::admin, core::Access::read_write);
  const Service tftp = *service_named("Cisco Tftp");
  const Service tvs = *service_named("Cisco Trust Verification Service");
  StoppedServices before(database, "boot/1");
  before.note_stop(tftp);
  before.note_stop(tvs);
  before.note_start(tvs);
  StoppedServices crashed(database, "boot/1");
  EXPECT_TRUE(crashed.has(tftp));
  EXPECT_FALSE(crashed.has(tvs));
  EXPECT_FALSE(StoppedServices(database, "boot/2").has(tftp)) << "started anew";
  crashed.forget();
  EXPECT_FALSE(crashed.has(tftp));
  EXPECT_FALSE(StoppedServices::this_run().empty());
}

TEST(StoppedServices, AreAllKeptWhenTheyAreStoppedAtOnce) {
  const test::TemporaryFolder folder;
  core::Database database(folder / "admin.db", core::Schema::admin, core::Access::read_write);
  const Service tftp = *service_named("Cisco Tftp");
  const Service tvs = *service_named("Cisco Trust Verification Service");
  for (int round = 0; round < 50; ++round) {
    StoppedServices stopped(database, "boot/" + std::to_string(round));
    std::thread other([&] { stopped.note_stop(tftp); });
    stopped.note_stop(tvs);
    other.join();
    ASSERT_TRUE(stopped.has(tftp) && stopped.has(tvs)) << round;
  }
}

TEST(StoppedServices, AreNotForgottenOnAFullDiskAndTheStopGoesOn) {
  const test::TemporaryFolder folder;
  core::Database database(folder / "admin.db", core::Schema::admin, core::Access::read_write);
  const Service tftp = *service_named("Cisco Tftp");
  StoppedServices stopped(database, "boot/1");
  stopped.note_stop(tftp);
  database.write([](soci::session& sql) { sql << "pragma query_only = 1"; });
  EXPECT_NO_THROW(stopped.forget());
  EXPECT_TRUE(stopped.has(tftp));
}

}  // namespace
}  // namespace ringfence::services::admin
