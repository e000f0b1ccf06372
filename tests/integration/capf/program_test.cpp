// The program itself: it starts from a state folder, answers its control socket, enrols and stops.
#include "tests/integration/capf/program.h"

#include <signal.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/net/rpc.h"
#include "services/capf/throttle.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/support/database_file.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

TEST(CapfProgram, StartsEnrolsAnswersAndStops) {
  House house;
  const std::uint16_t port = free_port(4804);
  core::write_atomically(house.folder / "ringfence.toml",
                         core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port - 3804)));
  core::Phone record;
  record.name = "SEP0000000000B1";
  record.capf.operation = core::Operation::install;
  record.capf.key_order = core::KeyOrder::ec_only;
  record.capf.completes_by = house.clock.now() + 24h;
  house.save(record);

  Program program(house.folder.path());
  const auto socket = house.folder / "run" / "capf.sock";
  EXPECT_EQ(program.status().at("issued").to_number<int>(), 0);
  MiniPhone phone(port);
  phone.hear();
  phone.say(2, name_element(record.name));
  phone.hear();
  Said last;
  EXPECT_TRUE(house.verified(phone.enrol(spki(ec_key("P-384").get()), last)));
  EXPECT_EQ(last.value(1), core::Bytes{1});
  EXPECT_EQ(house.status(record.name), "Upgrade Success");

  EXPECT_NO_THROW(core::rpc_call(socket, "reload", {}));
  const boost::json::object status = program.status();
  EXPECT_EQ(status.at("name").as_string(), "capf");
  EXPECT_EQ(status.at("issued").to_number<int>(), 1);
  EXPECT_EQ(status.at("failed").to_number<int>(), 0);
  EXPECT_GE(status.at("uptime").to_number<int>(), 0);
  EXPECT_THROW(core::rpc_call(socket, "dance", {}), core::Error);

  MiniPhone idle(port);  // a waiting phone does not keep the program from stopping
  idle.hear();
  EXPECT_EQ(program.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

/// wrong_string sends one, and returns the command of CAPF's answer: 15 ends the session, 16 says
/// RETRY LATER. The answer is the word that it was judged.
std::uint8_t wrong_string(std::uint16_t port, const std::string& name) {
  MiniPhone phone(port);
  phone.hear();
  phone.say(2, name_element(name) + password_element("731064"));
  return static_cast<std::uint8_t>(phone.hear().command);
}

/// Killed behind each answer, it has counted what it answered.
TEST(CapfProgram, CountsWrongStringsThoughItIsKilledBehindEach) {
  House house;
  const std::uint16_t port = free_port(4804);
  core::write_atomically(house.folder / "ringfence.toml",
                         core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port - 3804)));
  core::Phone record;
  record.name = "SEP0000000000B2";
  record.capf.operation = core::Operation::install;
  record.capf.key_order = core::KeyOrder::ec_only;
  record.capf.auth_mode = core::AuthMode::auth_string;
  record.capf.auth_string = "482915";
  record.capf.completes_by = house.clock.now() + 24h;
  house.save(record);
  constexpr int kMost = services::capf::Throttle::kAttempts;
  for (int tried = 1; tried <= kMost; ++tried) {
    Program program(house.folder.path());
    program.status();
    EXPECT_EQ(wrong_string(port, record.name), 15) << tried;
    EXPECT_EQ(program.kill(), 128 + SIGKILL);
    EXPECT_EQ(
        sqlite3(house.folder / "db" / "capf.db",
                "select count from attempt where address <> '' and phone = '" + record.name + "'"),
        std::to_string(tried));
  }
  Program program(house.folder.path());
  program.status();
  EXPECT_EQ(wrong_string(port, record.name), 16) << "one more than it may have";
}

TEST(CapfProgram, EndsWithAMessageWhenItsDatabaseIsNotThere) {
  const TemporaryFolder folder;
  std::string output;
  const int status = run(
      std::string(RINGFENCE_BIN_DIR) + "/ringfence-capf --state " + folder.path().string(), output);
  EXPECT_EQ(status, 1);
  EXPECT_NE(output.find("admin.db"), std::string::npos) << output;
}

}  // namespace
}  // namespace ringfence::test
