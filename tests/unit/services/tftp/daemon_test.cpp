// The programs ringfence-tftp and ringfence-tvs on a state folder: start, serve, status, stop.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <list>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/net/asio.h"
#include "core/net/rpc.h"
#include "tests/support/paused_signer.h"
#include "tests/unit/services/tvs/node.h"

namespace ringfence {
namespace {

namespace asio = core::asio;
using core::tcp;

/// Daemon is one of our programs, ended by its pid at the latest with the test.
class Daemon {
 public:
  Daemon(const std::string& name, const std::string& state) {
    const std::string program = std::string(RINGFENCE_BIN_DIR) + "/ringfence-" + name;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::execl(program.c_str(), program.c_str(), "--state", state.c_str(), nullptr);
    ::_exit(127);
  }

  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  ~Daemon() {
    if (pid_ > 0) stop();
  }

  int stop() {
    ask_to_stop();
    return wait();
  }

  void ask_to_stop() const { ::kill(pid_, SIGTERM); }

  /// wait returns the exit status, or 128 + signal.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

/// free_offset returns a port offset whose HTTP and TVS ports nobody listens on.
int free_offset() {
  asio::io_context io;
  for (int offset = 20000 + ::getpid() % 20000;; offset += 7) {
    boost::system::error_code failed;
    for (const int base : {69, 2445, 6970, 6971, 6972}) {
      tcp::acceptor acceptor(io, tcp::v4());
      const auto port = static_cast<std::uint16_t>(base + offset);
      boost::system::error_code taken;
      acceptor.bind({asio::ip::address_v4::loopback(), port}, taken);
      if (taken) failed = taken;
    }
    if (!failed) return offset;
  }
}

boost::json::object status_of(const std::filesystem::path& socket) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    try {
      return core::rpc_call(socket, "status", {}).as_object();
    } catch (const core::Error& error) {
      if (std::chrono::steady_clock::now() >= until) throw;
      std::this_thread::yield();
    }
  }
}

/// configured gives the node free ports and returns their offset.
int configured(const test::Node& node) {
  const int offset = free_offset();
  const std::string settings = fmt::format("[network]\nport_offset = {}\n", offset);
  core::write_atomically(node.folder / "ringfence.toml", core::bytes_of(settings));
  return offset;
}

TEST(Daemons, StartServeTellTheirStatusAndStop) {
  const test::Node node;
  const int offset = configured(node);
  for (const std::string name : {"tftp", "tvs"}) {
    const auto socket = node.folder / "run" / (name + ".sock");
    Daemon daemon(name, node.folder.path().string());
    EXPECT_EQ(status_of(socket).at("name").as_string(), name);
    EXPECT_NO_THROW(core::rpc_call(socket, "reload", {}));
    try {
      core::rpc_call(socket, "dance", {});
      ADD_FAILURE() << "an unknown method was answered";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::Code::not_found);
    }
    Daemon second(name, node.folder.path().string());
    EXPECT_EQ(second.wait(), 1) << "the port is taken";

    // A connection that says nothing does not delay the end.
    asio::io_context io;
    tcp::socket silent(io);
    const auto port = static_cast<std::uint16_t>((name == "tvs" ? 2445 : 6971) + offset);
    silent.connect({asio::ip::address_v4::loopback(), port});
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_FALSE(std::filesystem::exists(socket));
  }
}

TEST(Daemons, StopAtOnceWhileTheSignerHangs) {
  constexpr int kPhones = 150;  // more than twice the threads that wait for signatures
  const test::Node node;
  const auto port = static_cast<std::uint16_t>(2445 + configured(node));
  const auto socket = node.folder / "run" / "tvs.sock";
  Daemon daemon("tvs", node.folder.path().string());
  status_of(socket);
  const test::PausedSigner paused(node.signer);
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  std::list<asio::ssl::stream<tcp::socket>> phones;
  for (int i = 0; i < kPhones; ++i) {
    phones.emplace_back(io, context);
    phones.back().next_layer().connect({asio::ip::address_v4::loopback(), port});
    const auto ended = [](const boost::system::error_code&) {};
    phones.back().async_handshake(asio::ssl::stream_base::client, ended);
  }
  std::thread talking([&io] { io.run(); });
  const auto waiting = [&] { return status_of(socket).at("waiting_for_signer").to_number<int>(); };
  EXPECT_TRUE(test::eventually([&] { return waiting() == kPhones; }));
  const auto asked = std::chrono::steady_clock::now();
  daemon.ask_to_stop();
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(8))
      << "a signature would be given up after ten";
  talking.join();
}

}  // namespace
}  // namespace ringfence
