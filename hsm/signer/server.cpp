#include "hsm/signer/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxQueue = 1024;
constexpr std::size_t kMaxInFlight = 256;      // of one client
constexpr std::size_t kMaxClients = 128;       // of one role
constexpr std::size_t kMaxOutput = 1U << 20U;  // unread answers of one client, in bytes
constexpr std::size_t kDealt = 2;              // one in work, the next at hand
constexpr unsigned kTries = 2;
constexpr auto kFrameTime = 5s;     // from a frame's first byte to its last
constexpr auto kShortLife = 1s;     // a worker that dies younger is not replaced at once
constexpr auto kReopenPause = 30s;  // between attempts to open a token that is gone

void say(const std::string& line) {
  fmt::print(stderr, "ringfence-signer: {}\n", line);
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(Kind::unavailable, fmt::format("{}: {}", what, std::strerror(errno)));
}

Fd listen_at(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    throw Error(
        Kind::request,
        fmt::format("the socket path {} is longer than 107 bytes: choose a shorter --state", text));
  text.copy(address.sun_path, text.size());
  ::unlink(text.c_str());  // a left-over: the lock says that nobody else serves it
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("socket");
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(old_mask);
  if (bound != 0) fail("cannot bind " + text);
  return fd;
}

/// make_folder creates one folder, or sets the mode of the one that stands.
void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) fail("cannot create " + path.string());
  if (::chmod(path.c_str(), mode) != 0) fail("cannot set the mode of " + path.string());
}

}  // namespace

Server::Server(const Config& config) : config_(config), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) fail("epoll_create1");
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  signals_ = Fd(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) fail("signalfd");
  watch(signals_.get(), EPOLLIN, EPOLL_CTL_ADD);
}

Server::~Server() {
  for (const auto& [fd, listener] : listeners_) ::unlink(listener.path.c_str());
  if (worker_.pid == 0) return;
  worker_.channel.reset();
  // The worker ends after the request in hand; the longest is the generation of a large RSA key.
  ::waitpid(worker_.pid, nullptr, 0);
}

void Server::watch(int fd, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) fail("epoll_ctl");
}

void Server::start() {
  start_again_.reset();
  started_ = Clock::now();
  worker_ = start_worker(config_);
  watch(worker_.channel.get(), EPOLLIN, EPOLL_CTL_ADD);
}

void Server::listen() {
  std::filesystem::create_directories(config_.state / "run");
  make_folder(config_.sockets(), config_.users.empty() ? 0700 : 0711);
  for (const Role& role : kRoles) {
    Listener listener;
    listener.role = &role;
    listener.path = config_.sockets() / (std::string(role.name) + ".sock");
    listener.fd = listen_at(listener.path);
    const auto user = config_.users.find(role.name);
    if (user != config_.users.end() &&
        ::chown(listener.path.c_str(), user->second, static_cast<gid_t>(-1)) != 0)
      fail("cannot give " + listener.path.string() + " to its user");
    if (::listen(listener.fd.get(), 128) != 0) fail("cannot listen on " + listener.path.string());
    watch(listener.fd.get(), EPOLLIN, EPOLL_CTL_ADD);
    const int fd = listener.fd.get();
    listeners_.emplace(fd, std::move(listener));
  }
}

void Server::run() {
  start();
  for (;;) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), next_timeout());
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == signals_.get()) return;
      if (fd == worker_.channel.get()) {
        read_worker();
      } else if (const auto listener = listeners_.find(fd); listener != listeners_.end()) {
        accept(listener->second);
      } else if (const auto client = clients_.find(fd); client != clients_.end()) {
        if ((events[i].events & EPOLLOUT) != 0) flush(*client->second);
        if ((events[i].events & ~std::uint32_t{EPOLLOUT}) != 0 && clients_.contains(fd))
          read(*client->second);
      }
    }
    on_time();
    deal();
    if (worker_ready_ && listeners_.empty()) {
      listen();
      fmt::print("ready\n");
      std::fflush(stdout);
    }
  }
}

int Server::next_timeout() const {
  std::optional<Clock::time_point> next = start_again_;
  for (const auto& [fd, client] : clients_)
    if (client->in.waiting()) {
      const Clock::time_point end = client->frame_began + kFrameTime;
      if (!next || end < *next) next = end;
    }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Server::on_time() {
  const Clock::time_point now = Clock::now();
  if (start_again_ && *start_again_ <= now) {
    try {
      start();
    } catch (const Error& error) {  // the kernel has no process or descriptor left for us now
      say(fmt::format("SIGNER_WORKER_NOT_STARTED reason=\"{}\"", error.what()));
      start_again_ = now + kShortLife;
    }
  }
  std::vector<int> late;
  for (const auto& [fd, client] : clients_)
    if (client->in.waiting() && client->frame_began + kFrameTime <= now) late.push_back(fd);
  for (const int fd : late) {
    say(fmt::format("SIGNER_CLIENT_DROPPED role={} pid={} reason=\"half a frame for 5 s\"",
                    clients_.at(fd)->role->name, clients_.at(fd)->pid));
    drop(fd);
  }
}

void Server::accept(const Listener& listener) {
  Fd fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  auto client = std::make_unique<Client>();
  client->fd = std::move(fd);
  client->role = listener.role;
  client->pid = peer.pid;
  client->uid = peer.uid;
  const auto user = config_.users.find(listener.role->name);
  const bool welcome =
      peer.uid == ::getuid() || (user != config_.users.end() && peer.uid == user->second);
  std::optional<Error> no;
  if (!welcome) {
    no.emplace(Kind::refused, "this user may not use the signer's " +
                                  std::string(listener.role->name) + " socket");
  } else if (clients_of_[listener.role] >= kMaxClients) {
    no.emplace(Kind::unavailable, "the signer has too many clients on this socket", 1s);
  }
  if (no) {
    say(fmt::format("SIGNER_CALLER_REFUSED role={} uid={} pid={} reason=\"{}\"",
                    listener.role->name, peer.uid, peer.pid, no->what()));
    const Bytes frame = wire::frame(wire::encode(wire::Answer{0, *no}));
    ::send(client->fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    return;
  }
  client->serial = ++last_serial_;
  const int number = client->fd.get();
  watch(number, EPOLLIN, EPOLL_CTL_ADD);
  ++clients_of_[listener.role];
  clients_by_serial_[client->serial] = client.get();
  clients_[number] = std::move(client);
}

void Server::drop(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  --clients_of_[found->second->role];
  const std::uint64_t serial = found->second->serial;
  std::erase_if(queue_, [serial](const Job& job) { return job.client == serial; });
  clients_by_serial_.erase(serial);
  clients_.erase(found);  // closing it also ends its epoll entry
}

void Server::read(Client& client) {
  const int fd = client.fd.get();
  const bool began = !client.in.waiting();
  const std::span<std::uint8_t> room = client.in.room(65536);
  const ssize_t count = ::recv(fd, room.data(), room.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(fd);
  if (began) client.frame_began = Clock::now();
  client.in.took(static_cast<std::size_t>(count));
  try {
    while (const std::optional<BytesView> body = client.in.next()) {
      client.frame_began = Clock::now();
      take(client, *body);
      if (!clients_.contains(fd)) return;
    }
  } catch (const Error& error) {
    say(fmt::format("SIGNER_CLIENT_DROPPED role={} pid={} reason=\"{}\"", client.role->name,
                    client.pid, error.what()));
    drop(fd);
  }
}

void Server::take(Client& client, BytesView body) {
  Job job;
  try {
    job.request = wire::parse_request(body);
  } catch (const Error& error) {
    return reply(client, {wire::id_of(body), error});
  }
  const std::uint32_t id = job.request.id;
  const wire::Operation& operation = job.request.operation;
  if (!may(*client.role, operation)) {
    say(fmt::format("SIGNER_REQUEST_REFUSED role={} uid={} pid={} request=\"{}\"",
                    client.role->name, client.uid, client.pid, describe(operation)));
    const std::string what =
        fmt::format("the role {} may not {}", client.role->name, describe(operation));
    return reply(client, {id, Error(Kind::refused, what)});
  }
  if (std::holds_alternative<wire::StatusQuery>(operation))
    return reply(client, {id, wire::Done{wire::encode_status(status())}});
  if (start_again_ && *start_again_ > Clock::now() + kShortLife) {  // not a matter of moments
    const auto left = std::chrono::ceil<std::chrono::seconds>(*start_again_ - Clock::now());
    return reply(client, {id, Error(Kind::unavailable, "the token cannot be reached",
                                    std::max(left, std::chrono::seconds(1)))});
  }
  if (queue_.size() >= kMaxQueue || client.in_flight >= kMaxInFlight)
    return reply(client, {id, Error(Kind::unavailable, "the signer is busy", 1s)});
  ++client.in_flight;
  job.client = client.serial;
  queue_.push_back(std::move(job));
}

void Server::reply(Client& client, const wire::Answer& answer) {
  const Bytes frame = wire::frame(wire::encode(answer));
  client.out.insert(client.out.end(), frame.begin(), frame.end());
  ++facts_.signed_total;
  flush(client);
}

void Server::flush(Client& client) {
  const int fd = client.fd.get();
  while (!client.out.empty()) {
    const ssize_t sent = ::send(fd, client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN && client.out.size() <= kMaxOutput) break;
    if (sent < 0) return drop(fd);
    client.out.erase(client.out.begin(), client.out.begin() + sent);
  }
  const bool wanted = !client.out.empty();
  if (wanted != client.writable_wanted) {
    client.writable_wanted = wanted;
    watch(fd, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }
}

void Server::deal() {
  while (worker_ready_ && !queue_.empty() && dealt_.size() < kDealt) {
    Job job = std::move(queue_.front());
    queue_.pop_front();
    ++job.tries;
    const std::uint32_t id = ++last_id_ == 0 ? ++last_id_ : last_id_;
    const Bytes body = wire::encode(wire::Request{id, job.request.operation});
    // Two packets of at most 16 KiB always fit; a failure is a dead worker and comes as its end.
    ::send(worker_.channel.get(), body.data(), body.size(), MSG_NOSIGNAL);
    dealt_.emplace(id, std::move(job));
  }
}

void Server::read_worker() {
  Bytes body(wire::kMaxBody);
  const ssize_t count = ::recv(worker_.channel.get(), body.data(), body.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return lose_worker(Error(Kind::unavailable, "the signer's worker died", 1s));
  body.resize(static_cast<std::size_t>(count));
  std::optional<wire::Answer> answer;
  try {
    answer = wire::parse_answer(body);
  } catch (const Error& error) {
    return lose_worker(error);  // its memory is damaged: a fresh one does the work again
  }
  hear(std::move(*answer));
}

void Server::hear(wire::Answer answer) {
  if (answer.id != 0) {
    auto job = dealt_.extract(answer.id);
    if (!job.empty()) finish(std::move(job.mapped()), std::move(answer));
    return;
  }
  if (const wire::Done* done = std::get_if<wire::Done>(&answer.outcome)) {
    const Status told = wire::parse_status(done->payload);
    facts_.token = told.token;
    facts_.keys = told.keys;
    worker_ready_ = true;
    return;
  }
  const Error error = std::get<Error>(answer.outcome);
  if (listeners_.empty() || error.kind() == Kind::pin) throw error;
  say(fmt::format("SIGNER_TOKEN_UNAVAILABLE reason=\"{}\"", error.what()));
  lose_worker(error);
  start_again_ = started_ + kReopenPause;
}

void Server::finish(Job job, wire::Answer answer) {
  const auto found = clients_by_serial_.find(job.client);
  const wire::Operation& operation = job.request.operation;
  wire::Done* done = std::get_if<wire::Done>(&answer.outcome);
  if (!wire::repeatable(operation))
    say(fmt::format("SIGNER_KEYS_CHANGED request=\"{}\" outcome=\"{}\"", describe(operation),
                    done != nullptr ? "done" : std::get<Error>(answer.outcome).what()));
  if (found == clients_by_serial_.end()) return;
  Client& client = *found->second;
  --client.in_flight;
  if (done != nullptr && std::holds_alternative<wire::List>(operation))
    done->payload = visible(*client.role, done->payload);
  answer.id = job.request.id;
  reply(client, answer);
}

void Server::lose_worker(const Error& reason) {
  ::kill(worker_.pid, SIGKILL);
  ::waitpid(worker_.pid, nullptr, 0);
  worker_ = WorkerProcess{};
  const bool was_ready = worker_ready_;
  worker_ready_ = false;
  if (listeners_.empty()) throw reason;
  ++facts_.restarts;
  say(fmt::format("SIGNER_WORKER_LOST reason=\"{}\" restarts={}", reason.what(), facts_.restarts));
  start_again_ =
      Clock::now() < started_ + kShortLife || !was_ready ? Clock::now() + kShortLife : Clock::now();
  // What was in hand is done again, first, unless it may have changed the token.
  std::vector<Job> again;
  for (auto& [id, job] : std::exchange(dealt_, {})) {
    if (was_ready && wire::repeatable(job.request.operation) && job.tries < kTries) {
      again.push_back(std::move(job));
    } else {
      finish(std::move(job), {0, reason});
    }
  }
  queue_.insert(queue_.begin(), std::make_move_iterator(again.begin()),
                std::make_move_iterator(again.end()));
  if (was_ready) return;
  for (Job& job : std::exchange(queue_, {})) finish(std::move(job), {0, reason});
}

Status Server::status() const {
  Status status = facts_;
  status.module = config_.module;
  status.state = worker_ready_ ? PoolState::operational : PoolState::degraded;
  status.queued = static_cast<std::uint32_t>(queue_.size() + dealt_.size());
  return status;
}

Bytes Server::visible(const Role& role, const Bytes& keys) const {
  std::vector<KeyInfo> list = wire::parse_keys(keys);
  std::erase_if(list, [&role](const KeyInfo& key) { return !may_see(role, key.ref.label); });
  return wire::encode_keys(list);
}

}  // namespace ringfence::hsm
