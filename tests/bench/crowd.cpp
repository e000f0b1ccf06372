#include "tests/bench/crowd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

namespace ringfence::bench {
namespace {

using core::Bytes;

constexpr std::size_t kHeaderBytes = 8;

/// A command of cucm-behaviour 5.6, by hand: the codec of the server is not asked.
enum Command : std::uint8_t {
  kAuthRequest = 1,
  kAuthResponse = 2,
  kKeyRequest = 3,
  kKeyResponse = 4,
  kStoreRequest = 9,
  kStoreResponse = 10,
  kEndSession = 15,
  kRetryLater = 16,
};

void add(Bytes& body, std::uint8_t tag, core::BytesView value) {
  body.push_back(tag);
  body.push_back(static_cast<std::uint8_t>(value.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(value.size()));
  body.insert(body.end(), value.begin(), value.end());
}

/// number reads an element's value, big-endian; 0 when it is absent.
std::uint32_t number(core::BytesView body, std::uint8_t tag) {
  for (std::size_t at = 0; at + 3 <= body.size();) {
    const std::size_t length = static_cast<std::size_t>(body[at + 1]) << 8 | body[at + 2];
    if (at + 3 + length > body.size()) return 0;
    if (body[at] == tag) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < length; ++i) value = value << 8 | body[at + 3 + i];
      return value;
    }
    at += 3 + length;
  }
  return 0;
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

struct Crowd::Phone {
  enum class State { fresh, connecting, shaking, talking, working, parting, over };

  std::size_t index = 0;
  State state = State::fresh;
  core::Fd socket;
  core::Handle<SSL, SSL_free> tls;
  Clock::time_point asked;
  std::uint32_t session = 0;
  std::uint8_t waits_for = 0;
  Bytes input;
};

Crowd::Crowd(CrowdPlan plan)
    : plan_(std::move(plan)),
      context_(SSL_CTX_new(TLS_client_method())),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  // An old phone takes what a security level of today refuses.
  if (plan_.tls < TLS1_2_VERSION) SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context_.get(), plan_.tls);
  SSL_CTX_set_max_proto_version(context_.get(), plan_.tls);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  for (std::size_t i = 0; i < plan_.names.size(); ++i) {
    phones_.push_back(std::make_unique<Phone>());
    phones_.back()->index = i;
    to_begin_.push_back(i);
  }
}

Crowd::~Crowd() = default;

bool Crowd::run(std::chrono::seconds patience) {
  return turn([this] { return ended_ == phones_.size(); }, patience);
}

bool Crowd::wait_until_working(std::size_t count, std::chrono::seconds patience) {
  return turn([this, count] { return working_ >= count; }, patience);
}

template <typename Done>
bool Crowd::turn(const Done& done, std::chrono::seconds patience) {
  const auto end = Clock::now() + patience;
  std::array<epoll_event, 256> events{};
  next_begin_ = Clock::now();
  while (!done()) {
    if (Clock::now() > end) return false;
    begin_phones();
    while (!alarms_.empty() && alarms_.top().at <= Clock::now()) {
      const std::size_t index = alarms_.top().phone;
      alarms_.pop();
      ring(index);
    }
    auto wake = Clock::now() + std::chrono::milliseconds(100);
    if (!alarms_.empty()) wake = std::min(wake, alarms_.top().at);
    if (!to_begin_.empty() && connected_ < plan_.at_once) wake = std::min(wake, next_begin_);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - Clock::now()).count();
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(),
                                   static_cast<int>(std::max<std::int64_t>(wait, 0)));
    for (int i = 0; i < count; ++i) go_on(events.at(static_cast<std::size_t>(i)).data.u64);
  }
  return true;
}

void Crowd::begin_phones() {
  while (!to_begin_.empty() && connected_ < plan_.at_once && Clock::now() >= next_begin_) {
    const std::size_t index = to_begin_.front();
    to_begin_.pop_front();
    if (plan_.per_second > 0) {
      const std::chrono::duration<double> gap(1 / plan_.per_second);
      next_begin_ += std::chrono::duration_cast<Clock::duration>(gap);
    }
    begin(index);
  }
}

void Crowd::begin(std::size_t index) {
  Phone& phone = *phones_[index];
  ++connected_;
  phone.state = Phone::State::connecting;
  phone.asked = Clock::now();
  phone.input.clear();
  phone.waits_for = kAuthRequest;
  phone.socket = core::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  const linger at_once{1, 0};  // the server closes first; no port lingers on this side
  ::setsockopt(phone.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(phone.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(plan_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected =
      ::connect(phone.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected != 0 && errno != EINPROGRESS) return fail(phone, "connect");
  phone.tls.reset(SSL_new(context_.get()));
  SSL_set_fd(phone.tls.get(), phone.socket.get());
  SSL_set_read_ahead(phone.tls.get(), 1);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u64 = index;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, phone.socket.get(), &event) != 0)
    fail(phone, "epoll");
}

void Crowd::go_on(std::size_t index) {
  using State = Phone::State;
  Phone& phone = *phones_[index];
  if (phone.state == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    tcp_info info{};
    socklen_t info_size = sizeof info;
    ::getsockopt(phone.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(phone, "connect");
    ::getsockopt(phone.socket.get(), IPPROTO_TCP, TCP_INFO, &info, &info_size);
    if (info.tcpi_state != TCP_ESTABLISHED) return;
    phone.state = State::shaking;
  }
  if (phone.state == State::shaking) {
    ERR_clear_error();
    const int result = SSL_connect(phone.tls.get());
    if (result != 1) {
      const int why = SSL_get_error(phone.tls.get(), result);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) fail(phone, "handshake");
      return;
    }
    result_.handshakes.push_back(seconds_since(phone.asked));
    phone.asked = Clock::now();
    phone.state = State::talking;
  }
  while (phone.state == State::talking || phone.state == State::working ||
         phone.state == State::parting) {
    std::array<std::uint8_t, 4096> piece;
    ERR_clear_error();
    const int size = SSL_read(phone.tls.get(), piece.data(), piece.size());
    if (size <= 0) {
      if (SSL_get_error(phone.tls.get(), size) == SSL_ERROR_WANT_READ) return;
      if (phone.state == State::parting) return leave(phone);
      return fail(phone, phone.state == State::working ? "while working on the key" : "hung up on");
    }
    phone.input.insert(phone.input.end(), piece.begin(), piece.begin() + size);
    take(phone);
  }
}

void Crowd::take(Phone& phone) {
  if (phone.input.size() < kHeaderBytes) return;
  const Bytes& input = phone.input;
  const std::size_t length = static_cast<std::size_t>(input[6]) << 8 | input[7];
  if (input.size() < kHeaderBytes + length) return;
  const std::uint8_t command = input[1];
  const core::BytesView body = core::BytesView(input).subspan(kHeaderBytes, length);
  phone.session = static_cast<std::uint32_t>(input[2]) << 24 |
                  static_cast<std::uint32_t>(input[3]) << 16 |
                  static_cast<std::uint32_t>(input[4]) << 8 | input[5];
  if (command == kRetryLater) {
    ++result_.delayed;
    const auto delay = std::chrono::seconds(number(body, 12));
    const std::size_t index = phone.index;
    leave(phone);
    --ended_;
    phone.state = Phone::State::fresh;
    alarms_.push({Clock::now() + delay, index});
    return;
  }
  if (command != phone.waits_for) return fail(phone, "unexpected message");
  if (command != kAuthRequest) result_.answers.push_back(seconds_since(phone.asked));
  const std::uint32_t reason = number(body, 1);
  const bool certificate = length > 300;
  phone.input.clear();
  switch (command) {
    case kAuthRequest: {
      Bytes answer;
      Bytes name(plan_.names[phone.index].begin(), plan_.names[phone.index].end());
      name.push_back(0);
      add(answer, 13, name);
      add(answer, 8, Bytes{2});
      add(answer, 7, Bytes{3});
      phone.waits_for = kKeyRequest;
      return say(phone, kAuthResponse, answer);
    }
    case kKeyRequest:
      phone.state = Phone::State::working;
      ++working_;
      if (plan_.key_time.count() == 0) return ring(phone.index);
      alarms_.push({Clock::now() + plan_.key_time, phone.index});
      return;
    case kStoreRequest: {
      if (!certificate) return fail(phone, "no certificate in STORE REQUEST");
      Bytes answer;
      add(answer, 1, Bytes{1});
      phone.waits_for = kEndSession;
      return say(phone, kStoreResponse, answer);
    }
    default: break;
  }
  if (reason != 1) return fail(phone, "END SESSION without success");
  ++result_.stored;
  phone.state = Phone::State::parting;
  SSL_shutdown(phone.tls.get());
}

/// ring ends a phone's work on its key, or brings it back after RETRY LATER.
void Crowd::ring(std::size_t index) {
  Phone& phone = *phones_[index];
  if (phone.state == Phone::State::fresh) return to_begin_.push_back(index);
  if (phone.state != Phone::State::working) return;
  --working_;
  phone.state = Phone::State::talking;
  phone.waits_for = kStoreRequest;
  Bytes answer;
  add(answer, 9, plan_.keys.at(index));
  say(phone, kKeyResponse, answer);
}

void Crowd::say(Phone& phone, std::uint8_t command, const Bytes& body) {
  const std::uint32_t session = phone.session;
  Bytes message{0x55,
                command,
                static_cast<std::uint8_t>(session >> 24),
                static_cast<std::uint8_t>(session >> 16),
                static_cast<std::uint8_t>(session >> 8),
                static_cast<std::uint8_t>(session),
                static_cast<std::uint8_t>(body.size() >> 8),
                static_cast<std::uint8_t>(body.size())};
  message.insert(message.end(), body.begin(), body.end());
  phone.asked = Clock::now();
  ERR_clear_error();
  if (SSL_write(phone.tls.get(), message.data(), static_cast<int>(message.size())) <= 0)
    fail(phone, "cannot send");
}

void Crowd::fail(Phone& phone, const char* where) {
  if (phone.state == Phone::State::working) --working_;
  ++result_.failures[where];
  leave(phone);
}

void Crowd::leave(Phone& phone) {
  phone.state = Phone::State::over;
  phone.tls.reset();
  phone.socket = core::Fd();
  --connected_;
  ++ended_;
}

}  // namespace ringfence::bench
