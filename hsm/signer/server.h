// The signer's parent process: sockets, roles, and clients' requests on their way to the pool.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "hsm/provider/digests.h"
#include "hsm/signer/pool.h"
#include "hsm/signer/roles.h"

namespace ringfence::hsm {

/// Server accepts clients, judges their requests, answers what the parent knows by itself, and
/// gives the rest to the pool.
///
/// One thread, one epoll loop, and no PKCS#11 module in this process. The sockets exist only when
/// the pool is open.
class Server {
 public:
  explicit Server(const Config& config);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// run serves until SIGTERM or SIGINT. Throws Error as Pool::turn does.
  void run();

 private:
  using Clock = Job::Clock;

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
    wire::FrameReader in;  ///< no longer than what its role may have signed
    Bytes out;
    std::size_t in_flight = 0;
    Clock::time_point frame_began;
    bool writable_wanted = false;
    std::size_t held = 0;  ///< answers in out, since the last flush
    Clock::time_point held_since;
  };

  void listen();
  void on_event(int fd, std::uint32_t events);
  int timeout() const;
  void drop_late();
  void keep_log();
  void accept(const Listener& listener);
  void read(Client& client);
  void take(Client& client, BytesView body);
  void carry_out(Client& client, wire::Request request);
  /// show_digest has the digest of a signature's message take the message's place.
  void show_digest(SignRequest& request);
  void reply(Client& client, std::uint32_t id, const wire::Outcome& outcome);
  void put(Client& client, std::uint32_t id, BytesView outcome);
  void on_answer(const Job& job, BytesView outcome);
  void flush_news(Clock::time_point now);
  void flush(Client& client);
  void drop(int fd);

  const Config& config_;
  Epoll epoll_;
  Fd signals_;
  std::map<int, Listener> listeners_;
  std::map<int, std::unique_ptr<Client>> clients_;  ///< by descriptor
  std::unordered_map<std::uint64_t, Client*> clients_by_serial_;
  std::map<const Role*, std::size_t> clients_of_;
  std::vector<std::uint64_t> news_;  ///< clients for whom answers are held
  std::uint64_t last_serial_ = 0;
  Clock::time_point log_kept_;
  provider::Digests digests_{nullptr};
  Pool pool_;
};

}  // namespace ringfence::hsm
