#include "hsm/signer/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "hsm/signer/state.h"
#include "hsm/token.h"
#include "hsm/wire.h"

namespace ringfence::hsm {
namespace {

constexpr int kChannel = 3;

struct Perform {
  Token& token;

  Bytes operator()(const SignRequest& sign) const { return wire::encode_bytes(token.sign(sign)); }

  Bytes operator()(const wire::PublicKey& query) const {
    return wire::encode_bytes(token.public_key(query.key));
  }

  Bytes operator()(const wire::List&) const { return wire::encode_keys(token.keys()); }

  Bytes operator()(const wire::Generate& generate) const {
    return wire::encode_key(token.generate(generate.label, generate.spec));
  }

  Bytes operator()(const wire::Destroy& destroy) const {
    token.destroy(destroy.key);
    return {};
  }

  Bytes operator()(const wire::StatusQuery&) const { throw not_ours(); }

  Bytes operator()(const wire::Rename&) const { throw not_ours(); }

  Bytes operator()(const wire::Unlock&) const { throw not_ours(); }

  static Error not_ours() { return {Kind::request, "this is not done by a worker"}; }
};

bool device_lost(unsigned long rv) {
  switch (rv) {
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_OPERATION_ACTIVE: return true;
    default: return false;
  }
}

void tell(const wire::Answer& answer) {
  Bytes body = wire::encode(answer);
  if (body.size() > wire::kMaxBody)
    body = wire::encode({answer.id, Error(Kind::request, "the answer does not fit one frame")});
  if (::send(kChannel, body.data(), body.size(), MSG_NOSIGNAL) < 0) ::_exit(0);
}

/// serve answers one request after the other until the parent closes the channel.
void serve(Token& token) {
  Bytes buffer(wire::kMaxBody);
  for (;;) {
    const ssize_t count = ::recv(kChannel, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    const BytesView body(buffer.data(), static_cast<std::size_t>(count));
    try {
      const wire::Request request = wire::parse_request(body);
      tell({request.id, wire::Done{std::visit(Perform{token}, request.operation)}});
    } catch (const Error& error) {
      tell({wire::id_of(body), error});
      if (device_lost(error.rv())) return;  // the parent starts a worker with fresh sessions
    }
  }
}

Error with_advice(const Config& config, const Error& error) {
  if (error.kind() != Kind::pin || error.rv() == 0) return error;
  const std::string what = fmt::format(
      "the token \"{}\" refused the PIN in {} ({}): correct the file and start again; it was tried "
      "once and will not be tried again",
      config.token, config.pin_file.string(), error.what());
  return {Kind::pin, what, std::chrono::seconds(0), error.rv()};
}

/// log_in wipes the PIN as soon as the token has it.
Token log_in(const Config& config, const Module& module) {
  const Slot slot = open_slot(config, module);
  const Pin pin = read_pin(config);
  return {module, slot, pin.reveal()};
}

int run(const Config& config) {
  try {
    const Module module(config.module);
    Token token = log_in(config, module);
    Status status;
    status.token.library = module.library();
    status.token.label = config.token;
    for (const KeyInfo& key : token.keys()) status.keys.push_back({key, "", 1});
    tell({0, wire::Done{wire::encode_status(status)}});
    serve(token);
    return 0;
  } catch (const Error& error) {
    tell({0, with_advice(config, error)});
  } catch (const std::exception& error) {
    tell({0, Error(Kind::unavailable, error.what())});
  }
  return 1;
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

WorkerProcess start_worker(const Config& config) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error(Kind::unavailable, fmt::format("socketpair: {}", std::strerror(errno)));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw Error(Kind::unavailable, fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    isolate(theirs.get(), parent);
    if (config.is_softhsm())
      ::setenv("SOFTHSM2_CONF", (config.folder() / "softhsm2.conf").c_str(), 1);
    ::_exit(run(config));
  }
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return {pid, std::move(ours)};
}

}  // namespace ringfence::hsm
