#include "hsm/client.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "hsm/files.h"

namespace ringfence::hsm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

using wire::Outcome;

/// With so many requests at the signer another one need not hurry: it is sent with others, when the
/// next answers come.
constexpr std::size_t kBusy = 16;

constexpr suseconds_t kSlice = 50'000;  // microseconds: how late a deadline may be noticed

Error unavailable(const std::string& what) {
  return {Kind::unavailable, what, 5s};
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
  const timeval slice{0, kSlice};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
  int result = 0;
  do {
    result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && (errno == EACCES || errno == EPERM))
    throw Error(Kind::refused, fmt::format("this user may not open the signer's {}", text));
  if (result != 0)
    throw unavailable(
        fmt::format("the signer does not answer at {}: {}", text, std::strerror(errno)));
  return fd;
}

bool later() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/// forks counts how often this process is the child of a fork: a child must not read the answers
/// to its parent's requests.
std::atomic<unsigned>& forks() {
  static std::atomic<unsigned> count = [] {
    ::pthread_atfork(nullptr, nullptr, [] { ++forks(); });
    return 0U;
  }();
  return count;
}

}  // namespace

/// Connection is one socket. Of those who wait for answers one reads for all; when its own answer
/// has come it hands the reading on. In the same way one sends what the others want sent meanwhile.
class SignerClient::Connection {
 public:
  explicit Connection(const std::filesystem::path& path)
      : fd_(connect_to(path)), born_after_(forks()) {}

  void cancel() noexcept { ::shutdown(fd_.get(), SHUT_RDWR); }

  bool is_of_this_process() const { return born_after_ == forks(); }

  /// exchange sends one request and waits for its answer; nothing when the connection was lost.
  std::optional<Outcome> exchange(const wire::Operation& operation, Clock::time_point deadline) {
    Waiter self;
    do {
      self.id = ++last_id_;
    } while (self.id == 0);
    const Bytes body = wire::encode(self.id, operation);
    bool reads = false;
    bool sends = false;
    {
      const std::lock_guard lock(mutex_);
      if (lost_) return std::nullopt;
      const std::size_t at_the_signer = waiting_.size() - std::min(waiting_.size(), unsent_);
      wire::append_frame(outbox_, body, wire::kMaxRequest);
      ++unsent_;
      waiting_[self.id] = &self;
      self.reads = reads = !std::exchange(reading_, true);
      sends = !reads && at_the_signer < kBusy && !std::exchange(sending_, true);
    }
    if (sends) send_for_all(deadline);
    if (!reads) {
      if (!self.wait(deadline)) return leave(self);
      // Whoever was woken with an answer is in nobody's list any more and needs no lock.
      if (!self.answer.empty()) return wire::parse_answer(self.answer).outcome;
    }
    while (self.reads && self.answer.empty() && !lost_ && Clock::now() < deadline)
      read_for_all(self, deadline);
    return leave(self);
  }

 private:
  /// Waiter is a caller asleep. Whoever takes it out of waiting_, or makes it the reader, posts
  /// `wake` once, after the mutex is released; until then the waiter must not go away.
  struct Waiter {
    Waiter() {
      ::sem_init(&wake, 0, 0);
      answer.reserve(640);  // RSA 4096 and its frame
    }

    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    ~Waiter() { ::sem_destroy(&wake); }

    void post() {
      posted = true;
      ::sem_post(&wake);
    }

    /// wait says whether it was woken before the deadline.
    bool wait(Clock::time_point deadline) {
      const auto since = deadline.time_since_epoch();
      const auto whole = std::chrono::floor<std::chrono::seconds>(since);
      const std::chrono::nanoseconds rest = since - whole;
      const timespec until{whole.count(), rest.count()};
      while (::sem_clockwait(&wake, CLOCK_MONOTONIC, &until) != 0)
        if (errno != EINTR) return false;
      woken = true;
      return posted;
    }

    sem_t wake;
    std::uint32_t id = 0;
    bool reads = false;                ///< it is the reader
    bool promised = false;             ///< a post is on its way; guarded by mutex_
    bool woken = false;                ///< that post has come
    std::atomic<bool> posted = false;  ///< orders what was written before the post
    Bytes answer;  ///< its body, with room made by the waiter; empty until it comes
  };

  /// send_for_all sends what waits in the outbox; the caller has set sending_. A failed send is not
  /// reported here: the reader finds the reason, or the end of the stream.
  void send_for_all(Clock::time_point deadline) {
    for (;;) {
      Bytes batch;
      {
        const std::lock_guard lock(mutex_);
        sending_ = !outbox_.empty();
        if (!sending_) return;
        batch.swap(outbox_);
        unsent_ = 0;
      }
      BytesView rest = batch;
      while (!rest.empty()) {
        const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
          rest = rest.subspan(static_cast<std::size_t>(sent));
        } else if (!later() || Clock::now() >= deadline) {
          ::shutdown(fd_.get(), SHUT_WR);  // half a frame must not be followed by another
          break;
        }
      }
    }
  }

  bool may_send() {
    const std::lock_guard lock(mutex_);
    return !outbox_.empty() && !std::exchange(sending_, true);
  }

  /// read_for_all waits for one piece of the stream, hands its answers out, and hands the reading
  /// on when one of them was `self`'s.
  void read_for_all(Waiter& self, Clock::time_point deadline) {
    if (may_send()) send_for_all(deadline);
    const std::span<std::uint8_t> room = in_.room(16384);  // only the reader touches in_
    const ssize_t count = ::recv(fd_.get(), room.data(), room.size(), 0);
    const bool lost = count == 0 || (count < 0 && !later());
    if (count > 0) in_.took(static_cast<std::size_t>(count));
    std::vector<Waiter*> wake;
    {
      const std::lock_guard lock(mutex_);
      if (lost || !hand_out(wake)) lose(wake);
      if (!self.answer.empty()) hand_over(self, wake);
    }
    for (Waiter* waiter : wake) waiter->post();
  }

  /// hand_out gives each waiter the bytes of its answer; false when what came is no answer, or one
  /// about the connection as a whole.
  bool hand_out(std::vector<Waiter*>& wake) {
    try {
      while (const std::optional<BytesView> body = in_.next()) {
        const std::uint32_t id = wire::id_of(*body);
        if (id == 0) {
          const wire::Answer answer = wire::parse_answer(*body);
          if (const Error* error = std::get_if<Error>(&answer.outcome)) refusal_ = *error;
          return false;
        }
        const auto found = waiting_.find(id);
        if (found == waiting_.end()) continue;  // whoever asked has given up
        Waiter& waiter = *found->second;
        waiting_.erase(found);
        waiter.answer.assign(body->begin(), body->end());
        if (!waiter.reads) promise(waiter, wake);
      }
      return true;
    } catch (const Error&) {
      return false;  // whoever speaks there is not our signer
    }
  }

  static void promise(Waiter& waiter, std::vector<Waiter*>& wake) {
    waiter.promised = true;
    wake.push_back(&waiter);
  }

  /// hand_over makes another waiter the reader in the place of `self`.
  void hand_over(Waiter& self, std::vector<Waiter*>& wake) {
    self.reads = false;
    reading_ = false;
    if (lost_) return;
    for (const auto& [id, waiter] : waiting_) {
      if (waiter == &self) continue;
      waiter->reads = true;
      reading_ = true;
      return promise(*waiter, wake);
    }
  }

  void lose(std::vector<Waiter*>& wake) {
    lost_ = true;
    for (const auto& [id, waiter] : std::exchange(waiting_, {}))
      if (!waiter->reads) promise(*waiter, wake);
  }

  /// leave takes the caller out of all lists, at its deadline or when the connection was lost.
  std::optional<Outcome> leave(Waiter& self) {
    std::vector<Waiter*> wake;
    bool owed = false;
    {
      const std::lock_guard lock(mutex_);
      waiting_.erase(self.id);
      if (self.reads) hand_over(self, wake);
      owed = self.promised && !self.woken;
    }
    for (Waiter* waiter : wake) waiter->post();
    while (owed && ::sem_wait(&self.wake) != 0) continue;
    const std::lock_guard lock(mutex_);
    if (!self.answer.empty()) return wire::parse_answer(self.answer).outcome;
    if (refusal_) return *refusal_;
    if (lost_) return std::nullopt;
    return unavailable("the signer did not answer in time");
  }

  Fd fd_;
  const unsigned born_after_;
  wire::FrameReader in_{wire::kMaxAnswer};
  std::atomic<std::uint32_t> last_id_ = 0;
  std::atomic<bool> lost_ = false;
  std::mutex mutex_;  ///< guards what follows
  bool sending_ = false;
  bool reading_ = false;
  std::optional<Error> refusal_;
  Bytes outbox_;
  std::size_t unsent_ = 0;  ///< requests in the outbox
  std::unordered_map<std::uint32_t, Waiter*> waiting_;
};

SignerClient::SignerClient(std::filesystem::path socket, Deadlines deadlines)
    : socket_(std::move(socket)), deadlines_(deadlines) {}

SignerClient::~SignerClient() = default;

std::shared_ptr<SignerClient::Connection> SignerClient::connection() {
  const std::lock_guard lock(mutex_);
  if (closed_) throw unavailable("this process is stopping");
  if (!connection_ || !connection_->is_of_this_process())
    connection_ = std::make_shared<Connection>(socket_);
  return connection_;
}

void SignerClient::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (connection_) connection_->cancel();
}

void SignerClient::forget(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  if (connection_ == connection) connection_.reset();
}

Bytes SignerClient::call(const wire::Operation& operation) {
  const bool repeatable = wire::repeatable(operation);
  const auto deadline = Clock::now() + (repeatable ? deadlines_.request : deadlines_.key_operation);
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

void SignerClient::unlock(BytesView pin) {
  call(wire::Unlock{core::Secret(Bytes(pin.begin(), pin.end()))});
}

Status SignerClient::status() {
  return wire::parse_status(call(wire::StatusQuery{}));
}

}  // namespace ringfence::hsm
