#include "hsm/signer/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "hsm/codec.h"
#include "hsm/signer/log.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxInFlight = 256;      // of one client
constexpr std::size_t kMaxClients = 128;       // of one role
constexpr std::size_t kMaxOutput = 1U << 20U;  // unread answers of one client, in bytes
constexpr auto kFrameTime = 5s;                // from a frame's first byte to its last

// A client that waits for many answers gets several at a time: each one alone would wake it.
constexpr std::size_t kBusy = 32;
constexpr auto kHoldAnswers = 2ms;
constexpr auto kKeepLog = 1s;

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
  if (!fd) throw system_error("socket");
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(old_mask);
  if (bound != 0) throw system_error("cannot bind " + text);
  return fd;
}

/// make_folder creates one folder, or sets the mode of the one that stands.
void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw system_error("cannot create " + path.string());
  if (::chmod(path.c_str(), mode) != 0)
    throw system_error("cannot set the mode of " + path.string());
}

}  // namespace

Server::Server(const Config& config)
    : config_(config), pool_(config, epoll_, [this](const Job& job, BytesView outcome) {
        on_answer(job, outcome);
      }) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  signals_ = Fd(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw system_error("signalfd");
  epoll_.add(signals_.get());
}

Server::~Server() {
  for (const auto& [fd, listener] : listeners_) ::unlink(listener.path.c_str());
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
      throw system_error("cannot give " + listener.path.string() + " to its user");
    if (::listen(listener.fd.get(), 128) != 0)
      throw system_error("cannot listen on " + listener.path.string());
    epoll_.add(listener.fd.get());
    const int fd = listener.fd.get();
    listeners_.emplace(fd, std::move(listener));
  }
}

void Server::run() {
  std::array<epoll_event, 64> events;
  for (;;) {
    pool_.turn();
    flush_news(Clock::now());
    if (pool_.open() && listeners_.empty()) {
      listen();
      fmt::print("ready\n");
      std::fflush(stdout);
    }
    const std::size_t count = epoll_.wait(events, timeout());
    for (const epoll_event& event : std::span(events).first(count)) {
      if (event.data.fd == signals_.get()) return;
      on_event(event.data.fd, event.events);
    }
    drop_late();
    keep_log();
  }
}

/// keep_log bounds what the module and the workers write to standard error past the log. Not in a
/// thread: this process forks.
void Server::keep_log() {
  const Clock::time_point now = Clock::now();
  if (now - log_kept_ < kKeepLog) return;
  log_kept_ = now;
  core::keep_log_bounds();
}

void Server::on_event(int fd, std::uint32_t events) {
  if (pool_.owns(fd)) {
    pool_.on_event(fd, events);
  } else if (const auto listener = listeners_.find(fd); listener != listeners_.end()) {
    accept(listener->second);
  } else if (const auto client = clients_.find(fd); client != clients_.end()) {
    if ((events & EPOLLOUT) != 0) flush(*client->second);
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && clients_.contains(fd)) read(*client->second);
  }
}

int Server::timeout() const {
  std::optional<Clock::time_point> next = pool_.next_turn();
  const auto consider = [&next](Clock::time_point time) {
    if (!next || time < *next) next = time;
  };
  if (!news_.empty()) consider(Clock::now() + kHoldAnswers);
  for (const auto& [fd, client] : clients_)
    if (client->in.held() > 0) consider(client->frame_began + kFrameTime);
  consider(log_kept_ + kKeepLog);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Server::drop_late() {
  std::vector<int> late;
  for (const auto& [fd, client] : clients_)
    if (client->in.held() > 0 && client->frame_began + kFrameTime <= Clock::now())
      late.push_back(fd);
  for (const int fd : late) {
    log(fmt::format("SIGNER_CLIENT_DROPPED role={} pid={} reason=\"half a frame for 5 s\"",
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
  if (listener.role->signs.has(Form::file)) client->in = wire::FrameReader(wire::kMaxRequest);
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
    log(fmt::format("SIGNER_CALLER_REFUSED role={} uid={} pid={} reason=\"{}\"",
                    listener.role->name, peer.uid, peer.pid, no->what()));
    const Bytes frame = wire::frame(wire::encode(wire::Answer{0, *no}));
    ::send(client->fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    return;
  }
  client->serial = ++last_serial_;
  const int number = client->fd.get();
  epoll_.add(number);
  ++clients_of_[listener.role];
  clients_by_serial_[client->serial] = client.get();
  clients_[number] = std::move(client);
}

void Server::drop(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  --clients_of_[found->second->role];
  pool_.forget(found->second->serial);
  clients_by_serial_.erase(found->second->serial);
  clients_.erase(found);  // closing it also ends its epoll entry
}

void Server::read(Client& client) {
  const int fd = client.fd.get();
  const bool began = client.in.held() == 0;
  const std::span<std::uint8_t> room = client.in.room(65536);
  const ssize_t count = ::recv(fd, room.data(), room.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(fd);
  const Clock::time_point now = Clock::now();
  if (began) client.frame_began = now;
  client.in.took(static_cast<std::size_t>(count));
  try {
    while (const std::optional<BytesView> body = client.in.next()) {
      client.frame_began = now;
      take(client, *body);
      if (client.out.size() > kMaxOutput)
        throw Error(Kind::request, "it does not read its answers");
    }
  } catch (const Error& error) {
    log(fmt::format("SIGNER_CLIENT_DROPPED role={} pid={} reason=\"{}\"", client.role->name,
                    client.pid, error.what()));
    drop(fd);
  }
}

void Server::take(Client& client, BytesView body) {
  const std::uint32_t id = wire::id_of(body);
  const bool secret = wire::is_unlock(body);
  try {
    wire::Request request = wire::parse_request(body);
    if (secret) client.in.wipe(body);
    carry_out(client, std::move(request));
  } catch (const Error& error) {
    if (secret) client.in.wipe(body);
    reply(client, id, error);
  }
}

void Server::carry_out(Client& client, wire::Request request) {
  const Role& role = *client.role;
  wire::Operation& operation = request.operation;
  if (!may(role, operation)) {
    log(fmt::format("SIGNER_REQUEST_REFUSED role={} uid={} pid={} request=\"{}\"", role.name,
                    client.uid, client.pid, describe(operation)));
    throw Error(Kind::refused,
                fmt::format("the role {} may not {}", role.name, describe(operation)));
  }
  if (std::holds_alternative<wire::StatusQuery>(operation))
    return reply(client, request.id, wire::Done{wire::encode_status(pool_.status())});
  if (std::holds_alternative<wire::List>(operation))
    return reply(client, request.id, wire::Done{wire::encode_keys(pool_.keys(role))});
  if (const auto* query = std::get_if<wire::PublicKey>(&operation))
    return reply(client, request.id, wire::Done{wire::encode_bytes(pool_.public_key(query->key))});
  if (client.in_flight >= kMaxInFlight) throw Error(Kind::unavailable, "the signer is busy", 1s);
  Job job;
  job.client = client.serial;
  job.id = request.id;
  job.role = role.name;
  job.arrived = Clock::now();
  if (auto* sign = std::get_if<SignRequest>(&operation)) {
    job.form = form_of(sign->message);
    show_digest(*sign);
  }
  job.operation = std::move(operation);
  if (std::holds_alternative<wire::Unlock>(job.operation)) {
    pool_.unlock(std::move(job));
  } else {
    pool_.submit(std::move(job));
  }
  ++client.in_flight;
}

void Server::show_digest(SignRequest& request) {
  if (request.message.empty()) return;
  const Hash hash = request.scheme == Scheme::rsa_type1 ? Hash::none : request.hash;
  request.input = provider::digest_of(digests_, hash, request.message);
  request.message.clear();
}

void Server::reply(Client& client, std::uint32_t id, const wire::Outcome& outcome) {
  const Bytes bytes = wire::encode(outcome);
  if (bytes.size() + 4 <= wire::kMaxAnswer) return put(client, id, bytes);
  put(client, id,
      wire::encode(wire::Outcome(Error(Kind::request, "the answer does not fit one frame"))));
}

void Server::put(Client& client, std::uint32_t id, BytesView outcome) {
  const Bytes head = wire::Out().u32(4 + outcome.size()).u32(id).take();
  client.out.insert(client.out.end(), head.begin(), head.end());
  client.out.insert(client.out.end(), outcome.begin(), outcome.end());
  if (client.held++ > 0) return;
  client.held_since = Clock::now();
  news_.push_back(client.serial);
}

void Server::on_answer(const Job& job, BytesView outcome) {
  const auto found = clients_by_serial_.find(job.client);
  if (found == clients_by_serial_.end()) return;
  --found->second->in_flight;
  put(*found->second, job.id, outcome);
}

void Server::flush_news(Clock::time_point now) {
  for (const std::uint64_t serial : std::exchange(news_, {})) {
    const auto found = clients_by_serial_.find(serial);
    if (found == clients_by_serial_.end()) continue;
    Client& client = *found->second;
    if (client.in_flight >= kBusy && client.held < client.in_flight / 8 &&
        now < client.held_since + kHoldAnswers) {
      news_.push_back(serial);
    } else {
      client.held = 0;
      flush(client);
    }
  }
}

void Server::flush(Client& client) {
  const int fd = client.fd.get();
  BytesView rest = client.out;
  while (!rest.empty()) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN && rest.size() <= kMaxOutput) break;
    if (sent < 0) return drop(fd);
    rest = rest.subspan(static_cast<std::size_t>(sent));
  }
  client.out.erase(client.out.begin(), client.out.end() - static_cast<std::ptrdiff_t>(rest.size()));
  const bool wanted = !client.out.empty();
  if (wanted != client.writable_wanted) {
    client.writable_wanted = wanted;
    epoll_.want_output(fd, wanted);
  }
}

}  // namespace ringfence::hsm
