#include "tests/fleet/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "core/base/error.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
using core::Fd;

namespace {

constexpr std::size_t kLongestLine = 4096;

core::Fd block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd) throw Error(Code::io, std::string("signalfd: ") + ::strerror(errno));
  return fd;
}

core::Fd listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(Code::io, "the control socket's path is longer than 107 bytes");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe && ::connect(probe.get(), raw, sizeof address) == 0)
    throw Error(Code::conflict, "somebody listens on " + path + " already");
  ::unlink(path.c_str());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const mode_t before = ::umask(0177);
  const bool bound = fd && ::bind(fd.get(), raw, sizeof address) == 0;
  ::umask(before);
  if (!bound || ::listen(fd.get(), 16) != 0)
    throw Error(Code::io, "cannot listen on " + path + ": " + ::strerror(errno));
  return fd;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

Control::Control(const std::string& where, Answer answer)
    : answer_(std::move(answer)), signals_(block_signals()), uses_stdin_(where == "-") {
  if (where.empty() || uses_stdin_) return;
  listener_ = listen_on(where);
  path_ = where;
}

Control::~Control() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

bool Control::serve(std::chrono::milliseconds pause) {
  std::vector<pollfd> waits{{signals_.get(), POLLIN, 0},
                            {uses_stdin_ ? STDIN_FILENO : -1, POLLIN, 0},
                            {listener_.get(), POLLIN, 0}};
  for (const Client& client : clients_) waits.push_back({client.fd.get(), POLLIN, 0});
  if (::poll(waits.data(), waits.size(), static_cast<int>(pause.count())) <= 0) return true;
  if (waits[0].revents != 0) return false;
  if (waits[1].revents != 0 && !take(STDIN_FILENO, STDOUT_FILENO, stdin_)) return false;
  for (std::size_t i = clients_.size(); i-- > 0;) {
    Client& client = clients_[i];
    if (waits[i + 3].revents != 0 && !take(client.fd.get(), client.fd.get(), client.in))
      clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (waits[2].revents != 0) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval limit{5, 0};  // a client that does not read costs this much and no more
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (fd) clients_.push_back({std::move(fd), {}});
  }
  return true;
}

bool Control::take(int from, int to, std::string& in) {
  std::array<char, 1024> piece{};
  const ssize_t count = ::read(from, piece.data(), piece.size());
  if (count <= 0) return false;
  in.append(piece.data(), static_cast<std::size_t>(count));
  for (std::size_t end = in.find('\n'); end != std::string::npos; end = in.find('\n')) {
    std::string line = in.substr(0, end);
    if (line.ends_with('\r')) line.pop_back();
    in.erase(0, end + 1);
    if (!write_all(to, answer_(line) + "\n")) return false;
  }
  return in.size() <= kLongestLine;
}

}  // namespace ringfence::fleet
