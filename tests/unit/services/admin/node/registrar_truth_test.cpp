#include "services/admin/node/registrar_truth.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include <gtest/gtest.h>

#include "core/base/file.h"
#include "services/admin/node/control_socket.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using std::chrono::seconds;

const core::Time kNow = core::from_seconds(1'795'255'200);

core::Registration contact() {
  core::Registration row;
  row.device = "SEP1";
  row.peer = "10.0.0.7:5060";
  row.registered_at = kNow - seconds(100);
  row.refreshed_at = kNow - seconds(10);
  row.expires_at = kNow + seconds(115);
  return row;
}

TEST(RegistrarTruth, OfASocketThatNobodyListensOnIsThatItDoesNotServe) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "callmanager.sock";
  EXPECT_FALSE(serves(path)) << "there is none";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.string().size() + 1);
  {
    const core::Fd daemon(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(daemon.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(daemon.get(), 1), 0);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(serves(path)) << "its backlog may be full";
  }
  EXPECT_FALSE(serves(path)) << "the file is left of a crash";
}

TEST(Registered, IsWhoAnswersARegistrarThatServes) {
  const RegistrarTruth serving{true, std::nullopt};
  EXPECT_TRUE(registered({contact()}, serving, kNow).now);
  EXPECT_EQ(registered({contact()}, serving, kNow).words, "registered");
  EXPECT_FALSE(registered({}, serving, kNow).now);
  EXPECT_EQ(registered({}, serving, kNow).words, "not registered");
  EXPECT_EQ(registered({contact()}, serving, kNow + seconds(115)).words, "not registered");
  core::Registration silent = contact();
  silent.silent_since = kNow - seconds(3);
  EXPECT_FALSE(registered({silent}, serving, kNow).now);
  EXPECT_EQ(registered({silent}, serving, kNow).words,
            "not answering since " + core::to_iso(kNow - seconds(3)));
  EXPECT_TRUE(registered({silent, contact()}, serving, kNow).now) << "another line answers";
}

TEST(Registered, IsNobodyWhileTheRegistrarIsStopped) {
  const RegistrarTruth stopped{false, kNow};
  EXPECT_FALSE(registered({contact()}, stopped, kNow + seconds(1000)).now);
  EXPECT_EQ(registered({contact()}, stopped, kNow + seconds(1000)).words,
            "unknown: Cisco CallManager stopped at " + core::to_iso(kNow) +
                ", the phone was registered until then");
  EXPECT_EQ(registered({}, stopped, kNow).words,
            "unknown: Cisco CallManager stopped at " + core::to_iso(kNow));
  const RegistrarTruth crashed{false, std::nullopt};
  EXPECT_FALSE(registered({contact()}, crashed, kNow).now);
  EXPECT_EQ(registered({}, crashed, kNow).words, "unknown: Cisco CallManager is not running");
  const RegistrarTruth hanging{false, std::nullopt, true};
  EXPECT_FALSE(registered({contact()}, hanging, kNow).now);
  EXPECT_EQ(registered({contact()}, hanging, kNow).words,
            "unknown: Cisco CallManager is not responding, the phone was registered before");
  EXPECT_EQ(registered({}, hanging, kNow).words, "unknown: Cisco CallManager is not responding");
}

TEST(LastWords, AreThePhonesOwn) {
  core::PhoneReport report;
  EXPECT_EQ(last_words(report), std::nullopt);
  report.reported_at = kNow;
  EXPECT_EQ(last_words(report), std::nullopt);
  report.cause = 23;
  EXPECT_EQ(last_words(report), "alarm 23 at " + core::to_iso(kNow));
  report.last_reason = "Reset-Restart";
  EXPECT_EQ(last_words(report), "Reset-Restart (alarm 23) at " + core::to_iso(kNow));
  report.other = {"10.0.0.9", 14, "", kNow};
  const std::string other = "unproven: alarm 14 at " + core::to_iso(kNow) +
                            ", said by 10.0.0.9, which is not this phone's address";
  EXPECT_EQ(last_words(report), "Reset-Restart (alarm 23) at " + core::to_iso(kNow) + "; " + other);
  core::PhoneReport stranger;
  stranger.other = report.other;
  EXPECT_EQ(last_words(stranger), other);
}

}  // namespace
}  // namespace ringfence::services::admin
