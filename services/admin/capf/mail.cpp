#include "services/admin/capf/mail.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;

namespace {

constexpr std::size_t kLastWords = 300;

std::string status_words(int error) {
  return std::generic_category().message(error);
}

Error failure(const std::string& program, const std::string& what) {
  return Error(Code::io, fmt::format("{} {}", program, what));
}

/// memory_file holds `content` without a name and without a bound on who reads when.
core::Fd memory_file(const std::string& content) {
  core::Fd file(::memfd_create("mail", MFD_CLOEXEC));
  std::size_t written = 0;
  while (file && written < content.size()) {
    const ssize_t count = ::pwrite(file.get(), content.data() + written, content.size() - written,
                                   static_cast<off_t>(written));
    if (count <= 0) throw Error(Code::io, "no memory for a mail: " + status_words(errno));
    written += static_cast<std::size_t>(count);
  }
  if (!file) throw Error(Code::io, "no memory for a mail: " + status_words(errno));
  return file;
}

/// last_line returns the end of what the program said, printable, or "".
std::string last_line(const core::Fd& output) {
  std::string text(kLastWords, '\0');
  const off_t size = ::lseek(output.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kLastWords));
  const ssize_t count = ::pread(output.get(), text.data(), text.size(), from);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text.erase(0, text.rfind('\n') + 1);
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

/// Spawn owns the attributes that posix_spawn wants.
struct Spawn {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  Spawn(int input, int output) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t none{};
    sigset_t pipe{};
    ::sigemptyset(&none);
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &pipe);
    // A group of its own, so that what it starts can be ended with it.
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }

  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

/// ended waits for the process; false when `patience` is over first.
bool ended(pid_t process, std::chrono::milliseconds patience) {
  // glibc 2.36 declares pidfd_open without C linkage.
  const core::Fd watched(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  pollfd polled{watched.get(), POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    const int ready = ::poll(&polled, 1, static_cast<int>(std::max(left.count(), std::int64_t{0})));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

std::string mail_text(const Mail& mail, core::Time now) {
  const std::time_t seconds = core::to_seconds(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
  return fmt::format(
      "From: Ringfence <{}>\nTo: {}\nSubject: {}\nDate: {}\nAuto-Submitted: auto-generated\n"
      "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
      "Content-Transfer-Encoding: 8bit\n\n{}",
      mail.from, fmt::join(mail.to, ",\n "), mail.subject, date.data(), mail.body);
}

void send_mail(const std::vector<std::string>& command, const std::string& text,
               std::chrono::seconds patience) {
  if (command.empty()) throw Error(Code::io, "no mail command is set in ringfence.toml");
  const std::string& program = command.front();
  const core::Fd input = memory_file(text);
  const core::Fd output = memory_file("");
  const Spawn spawn(input.get(), output.get());
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<std::string, 2> settings = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  std::array<char*, 3> environment = {settings[0].data(), settings[1].data(), nullptr};

  pid_t process = 0;
  const int error = ::posix_spawn(&process, program.c_str(), &spawn.actions, &spawn.attributes,
                                  arguments.data(), environment.data());
  if (error != 0) throw failure(program, "cannot be run: " + status_words(error));
  const bool in_time = ended(process, patience);
  if (!in_time) ::kill(-process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  if (!in_time) throw failure(program, fmt::format("did not end within {} s", patience.count()));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string said = last_line(output);
  throw failure(program, fmt::format("ended with {} {}{}", WIFEXITED(status) ? "status" : "signal",
                                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                                     said.empty() ? "" : ": " + said));
}

}  // namespace ringfence::services::admin
