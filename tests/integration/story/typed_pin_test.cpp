// A PIN that an administrator typed, looked for in the memory of every process that saw it.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

/// Shell is a shell of an instance that stays open: its input is a pipe, its output a file.
class Shell {
 public:
  explicit Shell(const test::Instance& instance) : output_(instance / "shell.out") {
    const std::string program = std::string(RINGFENCE_BIN_DIR) + "/ringfence";
    const std::string socket = (instance / "run" / "admin.sock").string();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    core::Fd theirs(ends[0]);
    input_ = core::Fd(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(theirs.get(), STDIN_FILENO);
      const int file = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(file, STDOUT_FILENO);
      ::dup2(file, STDERR_FILENO);
      ::execl(program.c_str(), program.c_str(), "--socket", socket.c_str(), nullptr);
      ::_exit(127);
    }
  }

  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  ~Shell() {
    input_ = core::Fd();
    ::waitpid(pid_, nullptr, 0);
  }

  void type(const std::string& text) const {
    if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("the shell does not read");
  }

  std::string said() const {
    std::ifstream file(output_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  pid_t pid() const { return pid_; }

 private:
  const std::filesystem::path output_;
  core::Fd input_;
  pid_t pid_ = 0;
};

/// copies_in counts where `secret` stands in what a process can write to.
std::size_t copies_in(pid_t pid, const std::string& secret) {
  const std::string process = "/proc/" + std::to_string(pid);
  std::ifstream maps(process + "/maps");
  std::ifstream memory(process + "/mem", std::ios::binary);
  EXPECT_TRUE(maps && memory) << "the memory of " << pid << " cannot be read";
  std::size_t found = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char rights[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[1] != 'w')
      continue;
    std::string bytes(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(memory.gcount()));
    for (std::size_t at = bytes.find(secret); at != std::string::npos;
         at = bytes.find(secret, at + 1)) {
      ++found;
      std::printf("a copy in %d at %lx of: %s\n", pid, begin + at, line.c_str());
    }
  }
  return found;
}

/// One of 8 bytes fits into a std::string itself, a longer one lies on the heap.
class TypedPin : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root reads the memory of the signer";
    const std::filesystem::path tokens = instance_ / "hsm" / "tokens";
    std::filesystem::create_directories(tokens);
    std::ofstream(instance_ / "vendor.conf")
        << "directories.tokendir = " << tokens.string() << "\n";
    const test::Result made =
        test::run({"softhsm2-util", "--init-token", "--free", "--label", "ringfence", "--pin",
                   GetParam(), "--so-pin", "12345678"},
                  "", {"SOFTHSM2_CONF=" + (instance_ / "vendor.conf").string()});
    ASSERT_EQ(made.status, 0) << made.out << made.err;
    std::ofstream(instance_ / "ringfence.toml") << "[hsm]\npin_source = \"typed\"\n";
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  bool operational() {
    return instance_.sh("--json show hsm").out.find("\"state\":\"operational\"") !=
           std::string::npos;
  }

  test::Instance instance_;
};

TEST_P(TypedPin, StaysInNoProcessButOnceInTheSigner) {
  const Shell shell(instance_);
  shell.type("utils hsm unlock\n" + GetParam() + "\nshow version\n");
  ASSERT_TRUE(test::eventually([&] {
    return shell.said().find("The token took the PIN.") != std::string::npos;
  })) << shell.said();
  ASSERT_TRUE(test::eventually([&] { return operational(); }));
  EXPECT_EQ(copies_in(shell.pid(), GetParam()), 0U) << "in the shell";
  for (const int admin : instance_.processes("admin"))
    EXPECT_EQ(copies_in(admin, GetParam()), 0U) << "in ringfence-admin";
  std::vector<int> signer = instance_.processes("signer");
  std::ranges::sort(signer);
  ASSERT_GE(signer.size(), 3U);
  EXPECT_EQ(copies_in(signer.front(), GetParam()), 1U) << "the parent keeps it for its workers";
  for (const int worker : std::vector<int>(signer.begin() + 1, signer.end()))
    EXPECT_EQ(copies_in(worker, GetParam()), 0U) << "in a worker";
}

INSTANTIATE_TEST_SUITE_P(OfAnyLength, TypedPin,
                         testing::Values("Zx81+q7&", "korrektes-pferd-81-und-eine-klammer"));

}  // namespace
}  // namespace ringfence
