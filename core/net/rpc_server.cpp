#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/wipe.h"
#include "core/net/rpc.h"
#include "core/net/rpc_line.h"
#include "core/net/rpc_respond.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxConnections = 64;
constexpr std::size_t kMaxRequestBytes = std::size_t{80} << 20;  // an import of 64 MiB, escaped
constexpr auto kIdle = 60s;        // between requests, and for the whole of one line
constexpr auto kAnswerTime = 30s;  // for the peer to read its answer

[[noreturn]] void throw_errno(std::string_view call, const std::filesystem::path& path) {
  throw Error(Code::io, fmt::format("{} {} failed: {}", call, path.string(), std::strerror(errno)));
}

bool somebody_answers(const sockaddr_un& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN;
}

Fd listen_on(const std::filesystem::path& path) {
  const sockaddr_un address = unix_address(path);
  if (somebody_answers(address)) {
    throw Error(Code::conflict, fmt::format("another server answers on {}", path.string()));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno("removing", path);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw_errno("a socket for", path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0) throw_errno("binding", path);
  // Nobody can connect before listen, so the mode is right before the first caller.
  if (::chmod(path.c_str(), 0600) != 0) throw_errno("chmod of", path);
  if (::listen(socket.get(), 128) != 0) throw_errno("listening on", path);
  return socket;
}

Caller caller_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    throw Error(Code::io, "the kernel does not tell who is calling");
  }
  return {credentials.uid, credentials.pid, user_name(credentials.uid)};
}

}  // namespace

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : std::to_string(uid);
}

struct RpcServer::Parts {
  struct Connection {
    std::atomic<bool> done{false};
    std::thread thread;
  };

  Parts(std::filesystem::path socket, Handler handler)
      : path(std::move(socket)),
        handle(std::move(handler)),
        stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        listener(listen_on(path)) {
    if (!stop) throw_errno("an event for", path);
    acceptor = std::thread([this] { accept_all(); });
  }

  ~Parts() {
    const std::uint64_t one = 1;
    // The counter of a fresh event takes one write; every poll sees it from then on.
    [[maybe_unused]] const ssize_t written = ::write(stop.get(), &one, sizeof one);
    acceptor.join();
    for (Connection& connection : connections) connection.thread.join();
    ::unlink(path.c_str());
  }

  void accept_all() {
    while (true) {
      std::array<pollfd, 2> polled{{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
      if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
      if (polled[1].revents != 0) return;
      reap();  // before the accept, whose errno counts
      Fd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        // Out of descriptors: the backlog stays readable, so do not spin on it; a stop ends the
        // wait.
        if (errno == EMFILE || errno == ENFILE) ::poll(&polled[1], 1, 50);
        continue;
      }
      if (connections.size() >= kMaxConnections) {
        log(Level::warning, "RPC_BUSY", {{"socket", path.string()}});
        continue;
      }
      Connection& connection = connections.emplace_back();
      connection.thread = std::thread([this, &connection, fd = socket.release()] {
        serve(Fd(fd));
        connection.done = true;
      });
    }
  }

  void reap() {
    for (auto it = connections.begin(); it != connections.end();) {
      if (it->done) {
        it->thread.join();
        it = connections.erase(it);
      } else {
        ++it;
      }
    }
  }

  void serve(Fd socket) noexcept {
    try {
      const Caller caller = caller_of(socket.get());
      LineChannel channel(std::move(socket));
      while (true) {
        const auto idle_until = std::chrono::steady_clock::now() + kIdle;
        const auto line = channel.read(idle_until, kMaxRequestBytes, stop.get());
        if (!line) return;
        const auto answer = respond(handle, caller, *line);
        const auto answer_until = std::chrono::steady_clock::now() + kAnswerTime;
        if (answer) channel.write(*answer, answer_until);
        scrub_stack();  // the request may have brought a PIN
      }
    } catch (const std::exception& error) {
      // One caller's connection ends; the others and the server go on.
      log(Level::debug, "RPC_CLOSED", {{"socket", path.string()}, {"why", error.what()}});
    }
  }

  const std::filesystem::path path;
  const Handler handle;
  Fd stop;
  Fd listener;
  std::list<Connection> connections;  // touched by the acceptor's thread, then by the destructor
  std::thread acceptor;
};

RpcServer::RpcServer(const std::filesystem::path& socket, Handler handler)
    : parts_(std::make_unique<Parts>(socket, std::move(handler))) {}

RpcServer::~RpcServer() = default;

}  // namespace ringfence::core
