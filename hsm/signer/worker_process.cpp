#include "hsm/signer/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "hsm/signer/epoll.h"
#include "hsm/signer/state.h"
#include "hsm/signer/token_file.h"
#include "hsm/signer/worker_wire.h"
#include "hsm/token.h"

namespace ringfence::hsm {
namespace {

constexpr int kChannel = 3;

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kHoldForParent = 2ms;

/// Channel is the worker's end of the stream to the parent. Blocking; ends the process when the
/// parent is gone.
class Channel {
 public:
  /// next returns the next body, after the answers held back were sent if none is there yet.
  BytesView next() {
    for (;;) {
      if (const std::optional<BytesView> body = in_.next()) {
        request_size_ = body->size() + 4;
        return *body;
      }
      const std::span<std::uint8_t> room = in_.room(65536);
      const int wait = out_.empty() ? 0 : MSG_DONTWAIT;
      const ssize_t count = ::recv(kChannel, room.data(), room.size(), wait);
      if (count > 0) {
        in_.took(static_cast<std::size_t>(count));
      } else if (count < 0 && errno == EAGAIN) {
        flush();
      } else if (count == 0 || errno != EINTR) {
        ::_exit(0);
      }
    }
  }

  /// tell sends `body` now or with the next ones: while more requests are at hand than answers are
  /// held, at most for kHoldForParent. Each answer alone would wake the parent.
  void tell(BytesView body, Clock::time_point now) {
    if (out_.empty()) held_since_ = now;
    wire::append_frame(out_, body, worker_wire::kMaxBody);
    ++answers_;
    if (now - held_since_ >= kHoldForParent || !has_at_hand(answers_)) flush();
  }

  /// has_at_hand says whether at least so many requests have come, if they are like the last one.
  bool has_at_hand(std::size_t count) const {
    const std::size_t bytes = count * request_size_;
    if (in_.held() >= bytes) return true;
    int unread = 0;
    ::ioctl(kChannel, FIONREAD, &unread);
    return in_.held() + static_cast<std::size_t>(unread) >= bytes;
  }

  void flush() {
    BytesView rest = out_;
    while (!rest.empty()) {
      const ssize_t count = ::send(kChannel, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) ::_exit(0);
      rest = rest.subspan(static_cast<std::size_t>(count));
    }
    out_.clear();
    answers_ = 0;
  }

 private:
  wire::FrameReader in_;
  Bytes out_;
  std::size_t answers_ = 0;       ///< in out_
  std::size_t request_size_ = 0;  ///< of the last one, in bytes
  Clock::time_point held_since_;
};

struct Perform {
  Token& token;

  Bytes operator()(const SignRequest& sign) const { return wire::encode_bytes(token.sign(sign)); }

  Bytes operator()(const wire::Generate& generate) const {
    return worker_wire::encode_key(token.generate(generate.label, generate.spec));
  }

  Bytes operator()(const wire::Destroy& destroy) const {
    token.destroy(destroy.key);
    return {};
  }

  template <typename Operation>
  Bytes operator()(const Operation&) const {
    throw Error(Kind::request, "the signer's parent answers this, not a worker");
  }
};

wire::Outcome perform(Token& token, const wire::Operation& operation) {
  try {
    return wire::Done{std::visit(Perform{token}, operation)};
  } catch (const Error& error) {
    return error;
  }
}

void heed(Token& token, const worker_wire::Noticed& noticed, Channel& channel) {
  token.forget(
      noticed.key);  // also before learning: what was found while it was made may lack a copy
  if (noticed.notice == worker_wire::Notice::forget) return;
  worker_wire::Learned learned{noticed.key, false};
  try {
    learned.copied = token.find(noticed.key).copied;
  } catch (const Error&) {  // a signature that needs the key will look again, and say what failed
  }
  channel.tell(worker_wire::encode(learned), Clock::now());
}

/// serve does one thing after the other until the parent closes the channel. A key operation is
/// answered when it is on the disk; when that fails nobody knows what a restart would find, and the
/// worker ends.
[[noreturn]] void serve(const Config& config, Token& token, Channel& channel) {
  Clock::time_point began = Clock::now();
  for (;;) {
    const BytesView body = channel.next();
    if (wire::id_of(body) == 0) {
      heed(token, worker_wire::parse_notice(body), channel);
      continue;
    }
    const wire::Request request = wire::parse_request(body);
    began = Clock::now();
    const wire::Outcome outcome = perform(token, request.operation);
    if (!std::holds_alternative<SignRequest>(request.operation)) sync_token_files(config);
    const Clock::time_point now = Clock::now();
    channel.tell(worker_wire::encode_result(now - began, {request.id, outcome}), now);
  }
}

Error with_advice(const Config& config, const Error& error) {
  if (error.kind() != Kind::pin || error.rv() == 0) return error;
  const char* advice =
      config.pin_is_typed()
          ? "type the right one"
          : "correct it and start again; it was tried once and will not be tried again";
  const std::string what =
      fmt::format("the token \"{}\" refused the PIN from {} ({}): {}", config.token.text,
                  config.pin.to_text(), error.what(), advice);
  return {Kind::pin, what, std::chrono::seconds(0), error.rv()};
}

/// log_in wipes the PIN as soon as the token has it. `config` must outlive the token.
Token log_in(const Config& config, const Module& module, const Slot& slot, const Pin* typed_pin) {
  const auto sync = [&config] { sync_token_files(config); };
  if (typed_pin != nullptr)
    return {module, slot, typed_pin->reveal(), config.versions_file(), sync};
  const Pin pin = read_pin(config);
  return {module, slot, pin.reveal(), config.versions_file(), sync};
}

void run(const Config& config, Pin* typed_pin) {
  Channel channel;
  const auto end = [&channel](const Error& reason) {
    channel.tell(worker_wire::encode(worker_wire::End{reason}), Clock::now());
    channel.flush();
  };
  try {
    const Module module(config.module, config.module_arguments);
    const Slot slot = open_slot(config, module);
    Token token = log_in(config, module, slot, typed_pin);
    if (typed_pin != nullptr) typed_pin->wipe();  // ours; the parent keeps its own
    const worker_wire::Hello hello{module.facts(slot), token.entries()};

    channel.tell(worker_wire::encode(hello), Clock::now());
    serve(config, token, channel);
  } catch (const Error& error) {
    end(with_advice(config, error));
  } catch (const std::exception& error) {
    end(Error(Kind::unavailable, error.what()));
  }
}

/// isolate leaves this child with nothing of its parent but the channel and stderr.
void isolate(int channel, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::prctl(PR_SET_NAME, "rf-signer-work");
  ::dup2(channel, kChannel);
  ::closefrom(kChannel + 1);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_IGN);  // the end of the channel ends us, after the request in hand
  ::signal(SIGTERM, SIG_IGN);
}

}  // namespace

WorkerProcess start_worker(const Config& config, Pin* typed_pin) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("socketpair");
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("fork");
  if (pid == 0) {
    isolate(theirs.get(), parent);
    if (config.is_softhsm())
      ::setenv("SOFTHSM2_CONF", (config.folder() / "softhsm2.conf").c_str(), 1);
    run(config, typed_pin);
    ::_exit(1);
  }
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return {pid, std::move(ours)};
}

}  // namespace ringfence::hsm
