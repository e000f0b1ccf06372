// The same files over HTTP and HTTPS.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

#include "core/net/listener.h"
#include "services/tftp/fetch_log.h"
#include "services/tftp/find_file.h"
#include "services/tftp/identity.h"

namespace ringfence::services::tftp {

/// HttpTimes bound what one client may take.
struct HttpTimes {
  std::chrono::steady_clock::duration handshake = std::chrono::seconds(10);
  std::chrono::steady_clock::duration request =
      std::chrono::seconds(15);  ///< one header, also idle
  std::chrono::steady_clock::duration answer = std::chrono::seconds(60);
};

/// HttpServer answers GET and HEAD on one port until `close`. It must outlive `io.run()`.
///
/// Headers up to 8 KiB and no bodies; kept alive as the client asks. 400 for what is no request,
/// 403 for a phone that showed a certificate and asks for another phone's file, 404, 405, 431, 503
/// when a file cannot be made now.
class HttpServer {
 public:
  /// `identity` is null for plain HTTP; what is passed must outlive the server.
  HttpServer(core::asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
             const core::Clock& clock, Identity* identity, const core::tcp::endpoint& endpoint,
             HttpTimes times = {});

  core::tcp::endpoint endpoint() const { return listener_.endpoint(); }

  void close() { listener_.close(); }

  /// counters returns requests, completed (answered 200) and refused (the rest).
  boost::json::object counters() const;

 private:
  struct Reply;

  core::Task<void> accept(core::tcp::socket socket, core::Seat& seat);
  core::Task<void> accept_tls(core::tcp::socket socket, core::Seat& seat);

  /// Client is who asks.
  struct Client {
    std::string peer;    ///< "address:port"
    std::string name{};  ///< the common name of the certificate that it showed, or ""
  };

  template <typename Stream>
  core::Task<void> serve(Stream& stream, core::Deadline& deadline, core::Seat& seat, Client client);
  template <typename Request>
  core::Task<Reply> reply_to(const Request& request, const Client& client);

  const Pools pools_;
  Source& files_;
  FetchLog& fetches_;
  const core::Clock& clock_;
  Identity* identity_;
  const HttpTimes times_;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> completed_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  core::TcpListener listener_;  // last: it calls accept
};

}  // namespace ringfence::services::tftp
