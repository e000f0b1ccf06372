#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/net/rpc.h"
#include "core/net/rpc_line.h"
#include "core/net/rpc_silence.h"

namespace ringfence::core {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20;

Fd connect_to(const std::filesystem::path& path, LineChannel::Deadline deadline,
              std::chrono::seconds timeout) {
  const sockaddr_un address = unix_address(path);
  while (true) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) throw Error(Code::io, fmt::format("socket failed: {}", std::strerror(errno)));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), generic, sizeof address) == 0) return socket;
    // EAGAIN is a full backlog: the server is there, so its turn will come.
    if (errno == ECONNREFUSED || errno == ENOENT) throw Error(Code::io, not_running_text(path));
    if (errno != EAGAIN && errno != EINTR)
      throw Error(Code::io, fmt::format("{} cannot be asked on {}: {}", service_text(path),
                                        path.string(), std::strerror(errno)));
    if (std::chrono::steady_clock::now() >= deadline)
      throw Error(Code::io, no_answer_text(path, timeout));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Code code_named(std::string_view text) {
  constexpr std::array kCodes = {Code::malformed,       Code::refused,   Code::not_found,
                                 Code::conflict,        Code::io,        Code::internal,
                                 Code::hsm_unavailable, Code::hsm_locked};
  for (const Code code : kCodes) {
    if (text == name(code)) return code;
  }
  return Code::internal;
}

[[noreturn]] void throw_answered(const json::value& error) {
  Code code = Code::internal;
  std::string message = "the other side answered an error without a message";
  if (const json::object* fields = error.if_object()) {
    if (const json::value* text = fields->if_contains("message"); text && text->is_string()) {
      message = json::value_to<std::string>(*text);
    }
    if (const json::value* data = fields->if_contains("data"); data && data->is_object()) {
      const json::value* word = data->get_object().if_contains("code");
      if (word && word->is_string()) code = code_named(word->get_string());
    }
  }
  throw Error(code, message);
}

/// read_answer throws Error{io} that says how long nobody answered, or what went wrong.
std::optional<std::string> read_answer(LineChannel& channel, LineChannel::Deadline deadline,
                                       const std::filesystem::path& socket,
                                       std::chrono::seconds timeout) {
  try {
    return channel.read(deadline, kMaxAnswerBytes);
  } catch (const Error& error) {
    if (error.code() != Code::io || std::chrono::steady_clock::now() < deadline) throw;
    throw Error(Code::io, no_answer_text(socket, timeout));
  }
}

}  // namespace

json::value rpc_call(const std::filesystem::path& socket, std::string_view method,
                     const json::object& params, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  LineChannel channel(connect_to(socket, deadline, timeout));
  json::object request;
  request["jsonrpc"] = "2.0";
  request["id"] = 1;
  request["method"] = method;
  request["params"] = params;
  channel.write(json_text(request), deadline);

  const std::optional<std::string> line = read_answer(channel, deadline, socket, timeout);
  if (!line)
    throw Error(Code::io, service_text(socket) + " ended before it had answered; try again");
  boost::system::error_code failed;
  json::value answer = json::parse(*line, failed);
  if (failed || !answer.is_object()) {
    throw Error(Code::io, service_text(socket) + " gave an answer that cannot be read");
  }
  json::object& fields = answer.get_object();
  if (const json::value* error = fields.if_contains("error")) throw_answered(*error);
  json::value* result = fields.if_contains("result");
  if (result == nullptr) {
    throw Error(Code::io, service_text(socket) + " gave an answer that cannot be read");
  }
  return std::move(*result);
}

}  // namespace ringfence::core
