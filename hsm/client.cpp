#include "hsm/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "hsm/fd.h"

namespace ringfence::hsm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

Error unavailable(const std::string& what) {
  return {Kind::unavailable, what, 5s};
}

/// wait_for polls one descriptor; false when the deadline passed.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Fd connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    throw Error(Kind::request, fmt::format("the socket path {} is longer than 107 bytes", text));
  text.copy(address.sun_path, text.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw unavailable(fmt::format("socket: {}", std::strerror(errno)));
  int result = 0;
  do {
    result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && (errno == EACCES || errno == EPERM))
    throw Error(Kind::refused, fmt::format("this user may not open the signer's {}", text));
  if (result != 0)
    throw unavailable(
        fmt::format("the signer does not answer at {}: {}", text, std::strerror(errno)));
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

/// Connection is one socket. Whoever waits for an answer and finds nobody reading reads for all,
/// and hands the reading on when its own answer has come.
class SignerClient::Connection {
 public:
  explicit Connection(const std::filesystem::path& path) : fd_(connect_to(path)) {}

  /// exchange sends one request and waits for its answer; nothing when the connection was lost.
  std::optional<std::variant<wire::Done, Error>> exchange(const wire::Operation& operation,
                                                          Clock::time_point deadline) {
    Waiter self;
    std::unique_lock lock(mutex_);
    if (lost_) return std::nullopt;
    const std::uint32_t id = ++last_id_ == 0 ? ++last_id_ : last_id_;
    waiting_[id] = &self;
    lock.unlock();
    send(wire::frame(wire::encode(wire::Request{id, operation})), deadline);
    lock.lock();
    while (!self.answer && !lost_) {
      if (Clock::now() >= deadline) {
        self.answer.emplace(unavailable("the signer did not answer in time"));
      } else if (reading_) {
        self.wake.wait_until(lock, deadline);
      } else {
        read(lock, deadline);
      }
    }
    waiting_.erase(id);
    if (!reading_ && !waiting_.empty()) waiting_.begin()->second->wake.notify_one();
    if (!self.answer && refusal_) return *refusal_;
    return std::move(self.answer);
  }

 private:
  struct Waiter {
    std::condition_variable wake;
    std::optional<std::variant<wire::Done, Error>> answer;
  };

  /// A failed send is not reported here: the reader finds the reason, or the end of the stream.
  void send(const Bytes& frame, Clock::time_point deadline) {
    const std::lock_guard lock(send_mutex_);
    BytesView rest = frame;
    while (!rest.empty()) {
      const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        rest = rest.subspan(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN && wait_for(fd_.get(), POLLOUT, deadline)) {
        continue;
      } else if (errno != EINTR) {
        ::shutdown(fd_.get(), SHUT_WR);  // half a frame must not be followed by another
        return;
      }
    }
  }

  void read(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
    reading_ = true;
    lock.unlock();
    std::uint8_t chunk[16384];
    ssize_t count = -1;
    bool again = true;
    if (wait_for(fd_.get(), POLLIN, deadline)) {
      count = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      again = count < 0 && (errno == EAGAIN || errno == EINTR);
    }
    lock.lock();
    reading_ = false;
    if (count > 0) {
      buffer_.insert(buffer_.end(), chunk, chunk + count);
      hand_out();
    } else if (!again) {
      lose();
    }
  }

  void hand_out() {
    try {
      while (const std::optional<Bytes> body = wire::take_frame(buffer_)) {
        wire::Answer answer = wire::parse_answer(*body);
        const auto found = waiting_.find(answer.id);
        if (found != waiting_.end()) {
          found->second->answer = std::move(answer.outcome);
          found->second->wake.notify_one();
        } else if (answer.id == 0 && std::holds_alternative<Error>(answer.outcome)) {
          refusal_ = std::get<Error>(answer.outcome);  // about the connection as a whole
          lose();
        }
      }
    } catch (const Error&) {
      lose();  // whoever speaks there is not our signer
    }
  }

  void lose() {
    lost_ = true;
    for (const auto& [id, waiter] : waiting_) waiter->wake.notify_one();
  }

  Fd fd_;
  std::mutex send_mutex_;
  std::mutex mutex_;
  std::uint32_t last_id_ = 0;
  bool reading_ = false;
  bool lost_ = false;
  std::optional<Error> refusal_;
  Bytes buffer_;
  std::map<std::uint32_t, Waiter*> waiting_;
};

SignerClient::SignerClient(std::filesystem::path socket, Deadlines deadlines)
    : socket_(std::move(socket)), deadlines_(deadlines) {}

SignerClient::~SignerClient() = default;

std::shared_ptr<SignerClient::Connection> SignerClient::connection() {
  const std::lock_guard lock(mutex_);
  if (!connection_) connection_ = std::make_shared<Connection>(socket_);
  return connection_;
}

void SignerClient::forget(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  if (connection_ == connection) connection_.reset();
}

Bytes SignerClient::call(const wire::Operation& operation) {
  const bool generates = std::holds_alternative<wire::Generate>(operation);
  const bool repeatable = !generates && !std::holds_alternative<wire::Destroy>(operation);
  const auto deadline = Clock::now() + (generates ? deadlines_.generate : deadlines_.request);
  for (bool last = false;; last = true) {
    const std::shared_ptr<Connection> line = connection();
    auto outcome = line->exchange(operation, deadline);
    if (outcome && std::holds_alternative<wire::Done>(*outcome))
      return std::move(std::get<wire::Done>(*outcome).payload);
    if (outcome) {
      const Error& error = std::get<Error>(*outcome);
      throw error;
    }
    forget(line);
    if (last || !repeatable)
      throw unavailable("the connection to the signer was lost before it answered");
  }
}

Bytes SignerClient::sign(const SignRequest& request) {
  return wire::parse_bytes(call(request));
}

Bytes SignerClient::public_key(const KeyRef& ref) {
  return wire::parse_bytes(call(wire::PublicKey{ref}));
}

std::vector<KeyInfo> SignerClient::list() {
  return wire::parse_keys(call(wire::List{}));
}

KeyRef SignerClient::generate(const std::string& label, const KeySpec& spec) {
  return wire::parse_key(call(wire::Generate{label, spec}));
}

void SignerClient::destroy(const KeyRef& ref) {
  call(wire::Destroy{ref});
}

Status SignerClient::status() {
  return wire::parse_status(call(wire::StatusQuery{}));
}

}  // namespace ringfence::hsm
