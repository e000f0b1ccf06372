// The signer's parent process: sockets, roles, the queue, and the worker's life.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "hsm/fd.h"
#include "hsm/signer/config.h"
#include "hsm/signer/roles.h"
#include "hsm/signer/worker.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

/// Server accepts clients, judges their requests and deals them to the worker.
///
/// One thread, one epoll loop, and no PKCS#11 module in this process. The sockets exist only
/// after the worker has logged in.
class Server {
 public:
  explicit Server(const Config& config);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// run serves until SIGTERM or SIGINT. Throws Error when the token cannot be opened: at start
  /// for any reason, later for a PIN that is missing or wrong.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  struct Listener {
    Fd fd;
    const Role* role = nullptr;
    std::filesystem::path path;
  };

  struct Client {
    std::uint64_t serial = 0;
    Fd fd;
    const Role* role = nullptr;
    pid_t pid = 0;
    uid_t uid = 0;
    wire::FrameReader in;
    Bytes out;
    std::size_t in_flight = 0;
    Clock::time_point frame_began;
    bool writable_wanted = false;
  };

  struct Job {
    std::uint64_t client = 0;  ///< serial; the client may be gone when the answer comes
    wire::Request request;     ///< id as the client gave it
    unsigned tries = 0;
  };

  void listen();
  void watch(int fd, std::uint32_t events, int operation);
  int next_timeout() const;
  void on_time();
  void accept(const Listener& listener);
  void read(Client& client);
  void take(Client& client, BytesView body);
  void reply(Client& client, const wire::Answer& answer);
  void flush(Client& client);
  void drop(int fd);
  void deal();
  void read_worker();
  void hear(wire::Answer answer);
  void finish(Job job, wire::Answer answer);
  void lose_worker(const Error& reason);
  void start();
  Status status() const;
  Bytes visible(const Role& role, const Bytes& keys) const;

  const Config& config_;
  Fd epoll_;
  Fd signals_;
  std::map<int, Listener> listeners_;
  std::map<int, std::unique_ptr<Client>> clients_;  ///< by descriptor
  std::map<std::uint64_t, Client*> clients_by_serial_;
  std::map<const Role*, std::size_t> clients_of_;
  std::uint64_t last_serial_ = 0;
  std::deque<Job> queue_;
  WorkerProcess worker_;
  bool worker_ready_ = false;
  std::map<std::uint32_t, Job> dealt_;  ///< what the worker has in hand, by our id
  std::uint32_t last_id_ = 0;
  Clock::time_point started_;
  std::optional<Clock::time_point> start_again_;
  Status facts_;  ///< what the worker said when it got ready, and our counters
};

}  // namespace ringfence::hsm
