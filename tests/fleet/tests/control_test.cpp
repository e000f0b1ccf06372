#include "tests/fleet/control.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::fleet {
namespace {

using namespace std::chrono_literals;

std::string echo(const std::string& line) {
  return "<" + line + ">";
}

core::Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  core::Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  EXPECT_EQ(::connect(fd.get(), raw, sizeof address), 0);
  return fd;
}

class ControlTest : public testing::Test {
 protected:
  ringfence::test::TemporaryFolder folder_;
  std::string path_ = (folder_ / "control").string();
};

TEST_F(ControlTest, AnswersLines) {
  Control control(path_, echo);
  const core::Fd client = connect_to(path_);
  ASSERT_EQ(::write(client.get(), "report\nagain\n", 13), 13);
  EXPECT_TRUE(control.serve(5s));  // accepts
  EXPECT_TRUE(control.serve(5s));  // answers
  std::array<char, 64> in{};
  std::string answers;
  while (answers.size() < 17) {
    const ssize_t count = ::read(client.get(), in.data(), in.size());
    ASSERT_GT(count, 0);
    answers.append(in.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(answers, "<report>\n<again>\n");
}

TEST_F(ControlTest, OutlivesAClientThatHangsUp) {
  Control control(path_, echo);
  { const core::Fd client = connect_to(path_); }
  EXPECT_TRUE(control.serve(5s));
  EXPECT_TRUE(control.serve(5s));
  EXPECT_TRUE(control.serve(0ms));
}

TEST_F(ControlTest, RefusesASocketThatSomebodyListensOn) {
  const Control first(path_, echo);
  EXPECT_THROW(Control(path_, echo), core::Error);
}

TEST_F(ControlTest, TakesOverAForgottenSocketAndRemovesItsOwn) {
  { const Control crashed(path_, echo); }
  EXPECT_FALSE(std::filesystem::exists(path_));
  const core::Fd orphan(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(orphan.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_NO_THROW(Control(path_, echo));
}

TEST_F(ControlTest, StopsForSigterm) {
  Control control("", echo);
  EXPECT_TRUE(control.serve(0ms));
  ::kill(::getpid(), SIGTERM);
  EXPECT_FALSE(control.serve(5s));
}

}  // namespace
}  // namespace ringfence::fleet
