#include "tests/integration/hsm/openssl_house.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>

namespace ringfence::hsm::test {
namespace {

bool ours_first(Loading loading) {
  return loading == Loading::command_line_ours_first ||
         loading == Loading::configuration_ours_first;
}

bool by_configuration(Loading loading) {
  return loading == Loading::configuration || loading == Loading::configuration_ours_first;
}

std::string configuration(const std::string& socket, bool first) {
  return std::string("openssl_conf = openssl_init\n[openssl_init]\nproviders = providers\n") +
         "[providers]\n" +
         (first ? "ringfence = ours\ndefault = theirs\n" : "default = theirs\nringfence = ours\n") +
         "[theirs]\nactivate = 1\n[ours]\nmodule = " RINGFENCE_BIN_DIR
         "/ringfence.so\nactivate = 1\nsigner = " +
         socket + "\n[req]\ndistinguished_name = name\n[name]\n";
}

}  // namespace

std::string name(Loading loading) {
  switch (loading) {
    case Loading::command_line: return "CommandLine";
    case Loading::command_line_ours_first: return "CommandLineOursFirst";
    case Loading::configuration: return "Configuration";
    case Loading::configuration_ours_first: return "ConfigurationOursFirst";
  }
  return {};
}

OpensslHouse::OpensslHouse() {
  write_text(file("default-first.cnf"), configuration(socket(), false));
  write_text(file("ours-first.cnf"), configuration(socket(), true));
}

std::string OpensslHouse::environment(Loading loading) const {
  if (by_configuration(loading))
    return "OPENSSL_CONF=" +
           file(ours_first(loading) ? "ours-first.cnf" : "default-first.cnf").string() + " ";
  return "RINGFENCE_SIGNER=" + socket() + " ";
}

std::string OpensslHouse::line(Loading loading, const std::string& command,
                               const std::string& rest) const {
  std::string providers;
  if (!by_configuration(loading)) {
    const std::string path = " -provider-path " RINGFENCE_BIN_DIR;
    providers = path + (ours_first(loading) ? " -provider ringfence -provider default"
                                            : " -provider default -provider ringfence");
  }
  return program(loading, "openssl " + command + providers + " " + rest);
}

std::string OpensslHouse::program(Loading loading, const std::string& command) const {
  return "cd " + folder().string() + " && exec env " + environment(loading) + preload() +
         "timeout 60 " + command;
}

CommandResult OpensslHouse::openssl(Loading loading, const std::string& command,
                                    const std::string& rest) const {
  return shell(line(loading, command, rest));
}

std::string OpensslHouse::certificate(const std::string& label) const {
  const std::string name = label + ".pem";
  const CommandResult made =
      openssl(Loading::configuration, "req",
              "-new -x509 -days 2 -subj /CN=localhost -addext basicConstraints=critical,CA:TRUE "
              "-addext subjectAltName=DNS:localhost,"
              "IP:127.0.0.1 -key 'pkcs11:object=" +
                  label + "' -out " + name);
  if (made.status != 0) throw std::runtime_error("openssl req: " + made.output);
  return name;
}

Background::Background(const std::string& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid_ < 0) throw std::runtime_error("fork failed");
  output_ = ends[0];
}

Background::~Background() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  ::close(output_);
}

std::string Background::wait_for(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::string printed;
  for (;;) {
    const std::size_t found = printed.find(text);
    if (found != std::string::npos && printed.find('\n', found) != std::string::npos)
      return printed;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{output_, POLLIN, 0};
    char chunk[4096];
    const bool readable =
        left.count() > 0 && ::poll(&entry, 1, static_cast<int>(left.count())) == 1;
    const ssize_t count = readable ? ::read(output_, chunk, sizeof chunk) : 0;
    if (count <= 0) throw std::runtime_error("waited in vain for " + text + " in: " + printed);
    printed.append(chunk, static_cast<std::size_t>(count));
  }
}

std::string preload() {
  std::ifstream maps("/proc/self/maps");
  std::string sanitizer;
  std::string standard;  // the sanitizer looks for __cxa_throw before the module brings it
  for (std::string line; std::getline(maps, line);) {
    const std::size_t path = line.find('/');
    if (path == std::string::npos) continue;
    for (const char* runtime : {"/libasan.so", "/libtsan.so"})
      if (line.find(runtime) != std::string::npos) sanitizer = line.substr(path);
    if (line.find("/libstdc++.so") != std::string::npos) standard = line.substr(path);
  }
  if (sanitizer.empty()) return "";
  // openssl's own leaks are not ours to find: valgrind looks for definite ones through the module.
  return "LD_PRELOAD=" + sanitizer + ":" + standard + " ASAN_OPTIONS=detect_leaks=0 ";
}

}  // namespace ringfence::hsm::test
