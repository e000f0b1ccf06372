// JSON-RPC 2.0 over a unix socket, one document a line: how our processes talk to each other.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace ringfence::core {

/// user_name returns the account's name, or the number when it has none. Thread-safe.
std::string user_name(uid_t uid);

/// Caller is who is at the other end, as the kernel says (SO_PEERCRED).
struct Caller {
  uid_t uid = 0;
  pid_t pid = 0;
  std::string user;  ///< see user_name
};

/// RpcServer answers requests on a unix socket of mode 0600.
///
/// Each connection has a thread's worth of work at a time: requests of one connection are answered
/// in order, connections run in parallel (at most 64; a line at most 80 MiB). `handler` runs on a
/// pool thread and may block; a core::Error it throws becomes an error object {code: -32000,
/// message: what(), data: {code: name(code)}}; unknown methods are for the handler to refuse with
/// Error{not_found}. Replaces a stale socket file; Error{conflict} when another server answers on
/// it; Error{refused} when the path is longer than 107 bytes.
class RpcServer {
 public:
  using Handler = std::function<boost::json::value(const Caller& caller, std::string_view method,
                                                   const boost::json::object& params)>;

  RpcServer(const std::filesystem::path& socket, Handler handler);
  ~RpcServer();  ///< stops accepting, lets running handlers finish, removes the socket file
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// rpc_call sends one request and waits for its answer: plain blocking sockets, no Asio.
///
/// Throws the Error that the other side threw, with its code and text; Error{io} when nobody
/// answers on `socket` or not within `timeout`, with a sentence for people (rpc_silence.h).
boost::json::value rpc_call(const std::filesystem::path& socket, std::string_view method,
                            const boost::json::object& params,
                            std::chrono::seconds timeout = std::chrono::seconds(30));

}  // namespace ringfence::core
