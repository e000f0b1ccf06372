#include "tests/support/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringfence::test {
namespace {

/// A file in memory: a daemon that the program leaves behind may keep it open without harm.
int memory_file(const std::string& content) {
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  if (fd < 0) throw std::runtime_error("memfd_create failed");
  if (::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    throw std::runtime_error("cannot fill a memory file");
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string content_of(int fd) {
  std::string text;
  char buffer[65536];
  off_t at = 0;
  for (;;) {
    const ssize_t count = ::pread(fd, buffer, sizeof buffer, at);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    at += count;
  }
  ::close(fd);
  return text;
}

}  // namespace

Result run(const std::vector<std::string>& words, const std::string& input,
           const std::vector<std::string>& environment) {
  const int in = memory_file(input);
  const int out = memory_file("");
  const int err = memory_file("");
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
  for (char** one = environ; *one != nullptr; ++one) variables.push_back(*one);
  variables.push_back(nullptr);

  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) {
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    ::execvpe(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(in);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  Result result;
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.out = content_of(out);
  result.err = content_of(err);
  return result;
}

}  // namespace ringfence::test
