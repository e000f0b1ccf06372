// JSON-RPC over unix sockets, both ends.
#include "core/net/rpc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/net/rpc_line.h"
#include "core/net/rpc_silence.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

json::value answer(const Caller& caller, std::string_view method, const json::object& params) {
  if (method == "echo") return params;
  if (method == "whoami") return json::value(caller.uid);
  if (method == "refuse") throw Error(Code::hsm_locked, "the PIN is wrong");
  if (method == "break") throw std::runtime_error("a bug");
  throw Error(Code::not_found, "no such method");
}

Code code_of(const std::function<void()>& act, std::string* text = nullptr) {
  try {
    act();
  } catch (const Error& error) {
    if (text != nullptr) *text = error.what();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Code::internal;
}

class RpcTest : public testing::Test {
 protected:
  Fd connected() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  static std::string exchange(const Fd& fd, const std::string& request) {
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answered;
    char c = 0;
    while (::recv(fd.get(), &c, 1, 0) == 1 && c != '\n') answered += c;
    return answered;
  }

  test::TemporaryFolder folder;
  std::filesystem::path path = folder / "x.sock";
};

TEST_F(RpcTest, AnswersWithTheHandlersResult) {
  const RpcServer server(path, answer);
  const json::value result = rpc_call(path, "echo", {{"a", 1}, {"text", "two\nlines"}});
  EXPECT_EQ(json::serialize(result), R"({"a":1,"text":"two\nlines"})");
}

TEST_F(RpcTest, TellsTheHandlerWhoCalls) {
  const RpcServer server(path, answer);
  EXPECT_EQ(rpc_call(path, "whoami", {}).to_number<uid_t>(), ::getuid());
}

TEST_F(RpcTest, ThrowsWhatTheHandlerThrew) {
  const RpcServer server(path, answer);
  std::string text;
  EXPECT_EQ(code_of([&] { rpc_call(path, "refuse", {}); }, &text), Code::hsm_locked);
  EXPECT_EQ(text, "the PIN is wrong");
  EXPECT_EQ(code_of([&] { rpc_call(path, "other", {}); }), Code::not_found);
}

TEST_F(RpcTest, HidesWhatABugSays) {
  const RpcServer server(path, answer);
  std::string text;
  EXPECT_EQ(code_of([&] { rpc_call(path, "break", {}); }, &text), Code::internal);
  EXPECT_EQ(text, "internal error, see the daemon's log");
}

TEST_F(RpcTest, GivesTheSocketToItsUserOnly) {
  const RpcServer server(path, answer);

  struct stat status {};

  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(RpcTest, RemovesTheSocketAtTheEnd) {
  { const RpcServer server(path, answer); }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(RpcTest, RefusesASecondServerAndReplacesAStaleSocket) {
  {
    const RpcServer server(path, answer);
    EXPECT_EQ(code_of([&] { const RpcServer second(path, answer); }), Code::conflict);
    EXPECT_NO_THROW(rpc_call(path, "echo", {}));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  {
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  const RpcServer server(path, answer);
  EXPECT_NO_THROW(rpc_call(path, "echo", {}));
}

TEST_F(RpcTest, RefusesAPathThatIsTooLong) {
  const auto deep = folder / std::string(120, 'x');
  EXPECT_EQ(code_of([&] { const RpcServer server(deep, answer); }), Code::refused);
  EXPECT_EQ(code_of([&] { rpc_call(deep, "echo", {}); }), Code::refused);
}

TEST_F(RpcTest, WritesTextOfAnyLength) {
  for (const std::size_t size : {0U, 1U, 1000U, 1024U, 5000U}) {
    const json::object object{{"a", std::string(size, 'x')}, {"b", {1, 2}}};
    EXPECT_EQ(json_text(object), json::serialize(object)) << size;
  }
}

TEST_F(RpcTest, SaysWhenNobodyAnswers) {
  std::string text;
  EXPECT_EQ(code_of([&] { rpc_call(path, "echo", {}); }, &text), Code::io);
  EXPECT_THAT(text, HasSubstr(" is not running"));
  EXPECT_THAT(text, Not(HasSubstr(path.string()))) << "people know services, not sockets";
  EXPECT_EQ(not_running_text("/x/run/tftp.sock"),
            "Cisco Tftp is not running; mend that with 'utils service start Cisco Tftp'");
  EXPECT_EQ(no_answer_text("/x/run/callmanager.sock", 3s),
            "Cisco CallManager runs, but gave no answer within 3 s; mend that with 'utils service "
            "restart Cisco CallManager'");
  EXPECT_THAT(not_running_text("/x/run/admin.sock"), HasSubstr("'appliance/run --detach'"));
  EXPECT_THAT(no_answer_text("/x/run/admin.sock", 10s), HasSubstr("'appliance/run --stop'"));
}

TEST_F(RpcTest, GivesUpWhenTheAnswerTakesTooLong) {
  std::promise<void> release;
  auto released = release.get_future().share();
  const RpcServer server(path, [&](const Caller&, std::string_view, const json::object&) {
    released.wait();
    return json::value(nullptr);
  });
  std::string text;
  EXPECT_EQ(code_of([&] { rpc_call(path, "slow", {}, 1s); }, &text), Code::io);
  EXPECT_THAT(text, HasSubstr("runs, but gave no answer within 1 s"));
  release.set_value();
}

TEST_F(RpcTest, AnswersRequestsOfOneConnectionInOrder) {
  const RpcServer server(path, answer);
  const Fd fd = connected();
  EXPECT_EQ(exchange(fd, R"({"jsonrpc":"2.0","id":"a","method":"echo"})"
                         "\n"),
            R"({"jsonrpc":"2.0","id":"a","result":{}})");
  EXPECT_EQ(exchange(fd, "{\"method\":\"echo\"}\n{\"id\":7,\"method\":\"echo\",\"params\":{}}\n"),
            R"({"jsonrpc":"2.0","id":7,"result":{}})");
}

TEST_F(RpcTest, NamesWhatIsWrongWithARequest) {
  const RpcServer server(path, answer);
  const Fd fd = connected();
  EXPECT_NE(exchange(fd, "rubbish\n").find("-32700"), std::string::npos);
  EXPECT_NE(exchange(fd, "[1,2]\n").find("-32600"), std::string::npos);
  EXPECT_NE(exchange(fd, "{\"method\":\"echo\",\"params\":[1]}\n").find("-32602"),
            std::string::npos);
  EXPECT_NE(exchange(fd, "{\"id\":1,\"method\":\"echo\"}\n").find("result"), std::string::npos);
}

TEST_F(RpcTest, ASilentClientDelaysNobody) {
  const RpcServer server(path, answer);
  std::vector<Fd> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(connected());
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        rpc_call(path, "echo", {{"n", n}});
        ++answered;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, 400);
}

TEST_F(RpcTest, ClosesAConnectionWhoseLineIsTooLong) {
  const RpcServer server(path, answer);
  const Fd fd = connected();
  const std::string much((std::size_t{80} << 20) + (std::size_t{1} << 17), 'x');
  // The server may close while we still send; what counts is that no answer comes.
  [[maybe_unused]] const ssize_t sent = ::send(fd.get(), much.data(), much.size(), MSG_NOSIGNAL);
  char c = 0;
  EXPECT_LE(::recv(fd.get(), &c, 1, 0), 0);
}

TEST_F(RpcTest, CarriesABigAnswer) {
  const RpcServer server(path, [](const Caller&, std::string_view, const json::object&) {
    return json::value(std::string(6'000'000, 'y'));
  });
  EXPECT_EQ(rpc_call(path, "big", {}).get_string().size(), 6'000'000U);
}

}  // namespace
}  // namespace ringfence::core
