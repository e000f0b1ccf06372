// The program itself: it starts from a state folder, answers its control socket, enrols and stops.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/net/rpc.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

/// free_port asks the kernel for a port above `above` that nobody has.
std::uint16_t free_port(std::uint16_t above) {
  while (true) {
    const core::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), any, size) != 0) throw std::runtime_error("bind failed");
    if (::getsockname(socket.get(), any, &size) != 0) throw std::runtime_error("no port");
    if (ntohs(address.sin_port) > above) return ntohs(address.sin_port);
  }
}

/// Program is ringfence-capf, stopped by its pid at the end.
class Program {
 public:
  explicit Program(const std::filesystem::path& state) {
    const std::string path = std::string(RINGFENCE_BIN_DIR) + "/ringfence-capf";
    const std::string folder = state.string();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(path.c_str(), path.c_str(), "--state", folder.c_str(), nullptr);
      ::_exit(127);
    }
  }

  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  ~Program() {
    if (pid_ > 0) stop();
  }

  int stop() {
    ::kill(pid_, SIGTERM);
    return wait();
  }

  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  bool ended() const {
    siginfo_t state{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           state.si_pid != 0;
  }

 private:
  pid_t pid_ = 0;
};

/// status_of waits until the program answers, or has ended.
boost::json::object status_of(const Program& program, const std::filesystem::path& socket) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (true) {
    try {
      return core::rpc_call(socket, "status", {}).as_object();
    } catch (const core::Error&) {
      if (program.ended() || std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::yield();
    }
  }
}

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
  EXPECT_EQ(status_of(program, socket).at("issued").to_number<int>(), 0);
  MiniPhone phone(port);
  phone.hear();
  phone.say(2, name_element(record.name));
  phone.hear();
  Said last;
  EXPECT_TRUE(house.verified(phone.enrol(spki(ec_key("P-384").get()), last)));
  EXPECT_EQ(last.value(1), core::Bytes{1});
  EXPECT_EQ(house.status(record.name), "Upgrade Success");

  EXPECT_NO_THROW(core::rpc_call(socket, "reload", {}));
  const boost::json::object status = status_of(program, socket);
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
