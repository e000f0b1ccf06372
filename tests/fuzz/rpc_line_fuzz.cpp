// Lines of JSON-RPC: each comes out as it went in, and each gets one answer that is a document.
#include "core/net/rpc_line.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include <boost/json.hpp>

#include "core/base/error.h"
#include "core/net/rpc_respond.h"

namespace {

using namespace ringfence::core;
namespace json = boost::json;

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxInput = 32768;  // what a socket pair holds without a reader

json::value echo(const Caller&, std::string_view method, const json::object& params) {
  if (method == "refuse") throw Error(Code::refused, "as asked");
  return params;
}

void check_answer(const std::string& line) {
  const std::optional<std::string> answer = respond(echo, {}, line);
  if (!answer) return;
  const json::object document = json::parse(*answer).as_object();
  if (document.at("jsonrpc") != "2.0" || !document.contains("id") ||
      document.contains("result") == document.contains("error"))
    std::abort();
  if (answer->find('\n') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxInput) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0)
    std::abort();
  LineChannel channel{Fd(pair[0])};
  {
    const Fd writer(pair[1]);
    if (::write(writer.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  std::size_t at = 0;
  try {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (const auto line = channel.read(deadline, kMaxLine)) {
      if (line->size() > kMaxLine || input.substr(at, line->size()) != *line ||
          input.at(at + line->size()) != '\n')
        std::abort();
      at += line->size() + 1;
      check_answer(*line);
    }
    if (at != size) std::abort();
  } catch (const Error& error) {
    const std::string_view rest = input.substr(at);
    const std::size_t end = rest.find('\n');
    const bool too_long = std::min(end, rest.size()) > kMaxLine;
    if (error.code() != (too_long ? Code::malformed : Code::io)) std::abort();
    if (!too_long && end != std::string_view::npos) std::abort();
  }
  return 0;
}
