// librf_stop.so: ends the process it is preloaded into at a chosen step, or writes its steps down.
//
// A step is a call that changes the world, by where it goes:
//
//     write truncate sync unlink   capf.db and its -wal: pwrite64, ftruncate64, fdatasync, unlink
//     ask answer                   the signer's socket: a request sent, an answer received
//     send                         a phone's socket
//
// RINGFENCE_STOP="<kind> <n> before|half|after" kills the process (SIGKILL) at the n-th step of the
// kind, counted from 1 since the start, before the call, after it, or when half of its bytes are
// written. RINGFENCE_STOP_RECORD=<file> gets each step as it happens, and "plain" for what goes
// into TLS, in the order in which the process could know of them: an entry is a kind ('w' write,
// 't' truncate, 's' sync, 'u' unlink, 'p' plain, 'n' send, 'a' ask, 'r' answer), a file ('d'
// capf.db, 'l' its -wal, else '-'), an offset of 8 bytes, a length of 4 bytes (both as this machine
// writes them), and for 'w' and 'p' as many bytes. tests/support/stopped.h reads it.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace {

enum class Kind { write, truncate, sync, unlink, ask, answer, send };
constexpr std::array<std::string_view, 7> kKinds = {"write", "truncate", "sync", "unlink",
                                                    "ask",   "answer",   "send"};
constexpr std::array<char, 7> kLetters = {'w', 't', 's', 'u', 'a', 'r', 'n'};

enum class When { before, half, after };

/// Plan is what the environment asks for.
struct Plan {
  bool stops = false;
  Kind kind = Kind::write;
  unsigned long step = 0;
  When when = When::before;
  int record = -1;

  Plan() {
    if (const char* text = std::getenv("RINGFENCE_STOP")) {
      const std::string words = text;
      const std::size_t first = words.find(' ');
      const std::size_t second = words.find(' ', first + 1);
      const auto found = std::find(kKinds.begin(), kKinds.end(), words.substr(0, first));
      if (found == kKinds.end() || second == std::string::npos) std::abort();
      stops = true;
      kind = static_cast<Kind>(found - kKinds.begin());
      step = std::stoul(words.substr(first + 1));
      const std::string place = words.substr(second + 1);
      when = place == "before" ? When::before : place == "half" ? When::half : When::after;
    }
    if (const char* path = std::getenv("RINGFENCE_STOP_RECORD"))
      record = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
};

Plan& plan() {
  static Plan plan;
  return plan;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

[[noreturn]] void stop() {
  ::syscall(SYS_kill, ::getpid(), SIGKILL);
  for (;;) ::pause();
}

char file_of(std::string_view path) {
  if (path.ends_with("/capf.db")) return 'd';
  if (path.ends_with("/capf.db-wal")) return 'l';
  return '-';
}

/// What a descriptor leads to: 'd' and 'l' as in the record, 'p' a phone, 's' the signer, '-' else.
char target_of(int fd) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) return '-';
  if (S_ISREG(status.st_mode)) {
    char path[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
    return size <= 0 ? '-' : file_of({path, static_cast<std::size_t>(size)});
  }
  if (!S_ISSOCK(status.st_mode)) return '-';
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return '-';
  if (peer.ss_family == AF_INET) return 'p';
  if (peer.ss_family != AF_UNIX) return '-';
  const auto* address = reinterpret_cast<const sockaddr_un*>(&peer);
  const std::string_view path(address->sun_path, ::strnlen(address->sun_path, 108));
  return path.find("signer") != std::string_view::npos ? 's' : '-';
}

void note(char kind, char file, std::uint64_t offset, const void* bytes, std::size_t size) {
  if (plan().record < 0) return;
  static std::mutex mutex;
  const bool with_bytes = bytes != nullptr;
  const auto length = static_cast<std::uint32_t>(size);
  std::vector<char> entry(14 + (with_bytes ? size : 0));
  entry[0] = kind;
  entry[1] = file;
  std::memcpy(entry.data() + 2, &offset, 8);
  std::memcpy(entry.data() + 10, &length, 4);
  if (with_bytes && size > 0) std::memcpy(entry.data() + 14, bytes, size);
  const std::lock_guard lock(mutex);
  for (std::size_t done = 0; done < entry.size();) {
    const long count =
        ::syscall(SYS_write, plan().record, entry.data() + done, entry.size() - done);
    if (count <= 0) std::abort();
    done += static_cast<std::size_t>(count);
  }
}

/// Step is one call: made before it, and told of it when it has happened.
class Step {
 public:
  explicit Step(Kind kind) : kind_(kind) {
    static std::array<std::atomic<unsigned long>, kKinds.size()> counts;
    const unsigned long number = ++counts[static_cast<std::size_t>(kind)];
    mine_ = plan().stops && plan().kind == kind && plan().step == number;
    if (mine_ && plan().when == When::before) stop();
  }

  /// half tells to write half of the bytes and then to call `happened`.
  bool half() const { return mine_ && plan().when == When::half; }

  void happened() const {
    if (mine_) stop();
  }

  char letter() const { return kLetters[static_cast<std::size_t>(kind_)]; }

 private:
  Kind kind_;
  bool mine_ = false;
};

/// through makes `call(size)` a step when `fd` leads to a phone or to the signer.
template <typename Call>
ssize_t through(int fd, std::size_t size, const Call& call) {
  const char target = target_of(fd);
  if (target != 'p' && target != 's') return call(size);
  const Step step(target == 'p' ? Kind::send : Kind::ask);
  note(step.letter(), '-', 0, nullptr, size);
  const ssize_t count = call(step.half() ? (size + 1) / 2 : size);
  step.happened();
  return count;
}

int synced(int fd, int (*call)(int)) {
  const char target = target_of(fd);
  if (target != 'd' && target != 'l') return call(fd);
  const Step step(Kind::sync);
  const int result = call(fd);
  note(step.letter(), target, 0, nullptr, 0);
  step.happened();
  return result;
}

}  // namespace

extern "C" {

#define RF_EXPORT __attribute__((visibility("default")))

RF_EXPORT ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t offset) {
  static auto* const call = real<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64");
  const char target = target_of(fd);
  if (target != 'd' && target != 'l') return call(fd, bytes, size, offset);
  const Step step(Kind::write);
  note(step.letter(), target, static_cast<std::uint64_t>(offset), bytes, size);
  const ssize_t count = call(fd, bytes, step.half() ? size / 2 : size, offset);
  step.happened();
  return count;
}

RF_EXPORT int ftruncate64(int fd, off64_t size) {
  static auto* const call = real<int(int, off64_t)>("ftruncate64");
  const char target = target_of(fd);
  if (target != 'd' && target != 'l') return call(fd, size);
  const Step step(Kind::truncate);
  note(step.letter(), target, static_cast<std::uint64_t>(size), nullptr, 0);
  const int result = call(fd, size);
  step.happened();
  return result;
}

RF_EXPORT int fdatasync(int fd) {
  return synced(fd, real<int(int)>("fdatasync"));
}

RF_EXPORT int fsync(int fd) {
  return synced(fd, real<int(int)>("fsync"));
}

RF_EXPORT int unlink(const char* path) {
  static auto* const call = real<int(const char*)>("unlink");
  const char file = file_of(path);
  if (file == '-') return call(path);
  const Step step(Kind::unlink);
  note(step.letter(), file, 0, nullptr, 0);
  const int result = call(path);
  step.happened();
  return result;
}

RF_EXPORT ssize_t write(int fd, const void* bytes, std::size_t size) {
  static auto* const call = real<ssize_t(int, const void*, std::size_t)>("write");
  return through(fd, size, [&](std::size_t part) { return call(fd, bytes, part); });
}

RF_EXPORT ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static auto* const call = real<ssize_t(int, const void*, std::size_t, int)>("send");
  return through(fd, size, [&](std::size_t part) { return call(fd, bytes, part, flags); });
}

RF_EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const call = real<ssize_t(int, const msghdr*, int)>("sendmsg");
  std::size_t size = 0;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i) size += message->msg_iov[i].iov_len;
  return through(fd, size, [&](std::size_t part) {
    if (part == size) return call(fd, message, flags);
    msghdr shorter = *message;
    iovec first{message->msg_iov[0].iov_base, std::min(part, message->msg_iov[0].iov_len)};
    shorter.msg_iov = &first;
    shorter.msg_iovlen = 1;
    return call(fd, &shorter, flags);
  });
}

RF_EXPORT ssize_t recv(int fd, void* room, std::size_t size, int flags) {
  static auto* const call = real<ssize_t(int, void*, std::size_t, int)>("recv");
  const ssize_t count = call(fd, room, size, flags);
  if (count > 0 && target_of(fd) == 's') {
    const Step step(Kind::answer);
    note(step.letter(), '-', 0, nullptr, static_cast<std::size_t>(count));
    step.happened();
  }
  return count;
}

RF_EXPORT int SSL_write(void* tls, const void* bytes, int size) {
  static auto* const call = real<int(void*, const void*, int)>("SSL_write");
  note('p', '-', reinterpret_cast<std::uintptr_t>(tls), bytes, static_cast<std::size_t>(size));
  return call(tls, bytes, size);
}

RF_EXPORT int SSL_write_ex(void* tls, const void* bytes, std::size_t size, std::size_t* written) {
  static auto* const call =
      real<int(void*, const void*, std::size_t, std::size_t*)>("SSL_write_ex");
  note('p', '-', reinterpret_cast<std::uintptr_t>(tls), bytes, size);
  return call(tls, bytes, size, written);
}

}  // extern "C"
