#include "shell/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ringfence::shell {
namespace {

volatile sig_atomic_t interruptions = 0;

void on_interrupt(int) {
  interruptions = 1;
}

void handle_interrupt(void (*handler)(int)) {
  struct sigaction action {};

  action.sa_handler = handler;  // no SA_RESTART: reads end, so that a question can be left
  ::sigaction(SIGINT, &action, nullptr);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      ::_exit(1);
    }
  }
}

termios usual_modes;    // what a signal puts back while LocalModes lives
termios changed_modes;  // and what it sets again when the process goes on

/// on_end puts the terminal's modes back and lets the signal end the process, as it would have.
void on_end(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &usual_modes);
  const ssize_t ignored = ::write(STDERR_FILENO, "\n", 1);
  static_cast<void>(ignored);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// on_stop does so while the process is stopped (Ctrl-Z).
void on_stop(int) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &usual_modes);
  ::kill(::getpid(), SIGSTOP);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &changed_modes);
}

/// LocalModes changes flags of the terminal's local and input modes until it ends. A signal that
/// ends or stops the process before finds the terminal as it was. One at a time.
class LocalModes {
 public:
  explicit LocalModes(tcflag_t off, tcflag_t input_off = 0) {
    changed_ = ::tcgetattr(STDIN_FILENO, &usual_modes) == 0;
    if (!changed_) return;
    changed_modes = usual_modes;
    changed_modes.c_lflag &= ~off;
    changed_modes.c_iflag &= ~input_off;
    changed_modes.c_cc[VMIN] = 1;
    changed_modes.c_cc[VTIME] = 0;
    for (std::size_t i = 0; i < kSignals.size(); ++i) guard(kSignals[i], before_[i]);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &changed_modes);
  }

  LocalModes(const LocalModes&) = delete;
  LocalModes& operator=(const LocalModes&) = delete;

  ~LocalModes() {
    if (!changed_) return;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &usual_modes);
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array kSignals = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

  /// guard leaves alone what is ignored or handled already, as Ctrl-C in a session.
  static void guard(int signal, struct sigaction& before) {
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_DFL) return;

    struct sigaction action {};

    action.sa_handler = signal == SIGTSTP ? on_stop : on_end;
    if (signal == SIGTSTP) action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
  }

  std::array<struct sigaction, kSignals.size()> before_{};
  bool changed_ = false;
};

char read_key() {
  const LocalModes raw(ICANON | ECHO);
  char key = 'q';
  if (::read(STDIN_FILENO, &key, 1) != 1) return 'q';
  return key;
}

Pager::Size screen() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {};
  return {size.ws_row, size.ws_col};
}

/// TypedPaste makes a terminal fit for a paste until it ends: lines of any length, and CR, LF and
/// CRLF all end one, so that what comes from Windows has no empty lines in it. It echoes itself.
class TypedPaste {
 public:
  explicit TypedPaste(LineReader& input)
      : modes_(ICANON | ECHO | IEXTEN, ICRNL | INLCR | IGNCR), input_(input) {
    input_.set_filter([this](std::string& chunk) { take(chunk); });
  }

  TypedPaste(const TypedPaste&) = delete;
  TypedPaste& operator=(const TypedPaste&) = delete;

  ~TypedPaste() { input_.set_filter({}); }

 private:
  void take(std::string& chunk) {
    std::string read;
    std::string shown;
    for (char c : chunk) {
      const bool second = c == '\n' && after_cr_;
      after_cr_ = c == '\r';
      if (second) continue;
      if (c == '\r') c = '\n';
      read += c;
      if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= ' ') shown += c;
    }
    chunk = std::move(read);
    if (::isatty(STDOUT_FILENO) == 1) write_all(STDOUT_FILENO, shown);
  }

  LocalModes modes_;
  LineReader& input_;
  bool after_cr_ = false;
};

/// PastedInput is the paste's source on standard input.
class PastedInput final : public PasteSource {
 public:
  PastedInput(LineReader& input, Manner manner, std::size_t max_bytes)
      : input_(input), manner_(manner), max_bytes_(max_bytes) {}

  std::optional<std::string> next() override {
    return manner_ == Manner::terminal ? input_.next_typed(max_bytes_) : input_.next(max_bytes_);
  }

  std::string_view ahead() override { return input_.ahead(kQuiet, kAheadBytes); }

  std::string_view ahead_line() override { return input_.ahead_line(kAheadBytes); }

  static constexpr std::chrono::milliseconds kQuiet{100};

 private:
  static constexpr std::size_t kAheadBytes = 65536;

  LineReader& input_;
  Manner manner_;
  std::size_t max_bytes_;
};

int descriptor(Stream stream) {
  return stream == Stream::output ? STDOUT_FILENO : STDERR_FILENO;
}

}  // namespace

Terminal::Terminal()
    : input_(STDIN_FILENO, [] { return interruptions != 0; }),
      pager_([](std::string_view text) { write_all(STDOUT_FILENO, text); }, read_key) {
  ::signal(SIGPIPE, SIG_DFL);
}

void Terminal::keep_running() {
  session_ = true;
  handle_interrupt(on_interrupt);
}

void Terminal::begin(Paging paging) {
  interruptions = 0;
  if (!session_) handle_interrupt(SIG_DFL);
  const bool typed = ::isatty(STDIN_FILENO) == 1;
  if (typed) input_.drop();  // what followed a paste at once is no command
  paging_ = interactive() && typed ? paging : Paging::off;
  pager_.begin(screen());
}

void Terminal::print(std::string_view text) {
  if (paging_ == Paging::on) {
    pager_.print(text);
  } else {
    write_all(STDOUT_FILENO, text);
  }
}

void Terminal::write(Stream stream, std::string_view text) {
  write_all(descriptor(stream), text);
}

void Terminal::progress(std::string_view line) {
  const std::string fitting(line.substr(0, std::max<std::size_t>(screen().columns, 2) - 1));
  write_all(STDOUT_FILENO, "\r\x1b[K" + fitting);
}

std::optional<std::string> Terminal::ask(std::string_view question, Echo echo, Stream stream) {
  const bool typed = ::isatty(STDIN_FILENO) == 1;
  std::optional<LocalModes> unseen;  // before the question, so that a quick answer is unseen too
  if (echo == Echo::hidden) unseen.emplace(ECHO);
  write_all(descriptor(stream), question);
  std::optional<std::string> answer = input_.next(1024);
  if (echo == Echo::hidden) {
    write_all(descriptor(stream), "\n");
  } else if (answer && !typed) {
    write_all(descriptor(stream),
              answer->substr(0, answer->find_first_not_of(
                                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")) +
                  "\n");
  }
  pager_.begin(screen());
  return answer;
}

Paste Terminal::paste(std::string_view prompt, Stream stream, std::size_t max_bytes) {
  constexpr std::chrono::milliseconds kAfterInterrupt(300);
  interrupted();  // from here on Ctrl-C ends the paste
  const bool typed = ::isatty(STDIN_FILENO) == 1;
  const Manner manner = typed ? Manner::terminal : Manner::script;
  std::optional<TypedPaste> modes;  // before the prompt, for whoever answers it at once
  if (typed) modes.emplace(input_);
  write_all(descriptor(stream), prompt);
  PastedInput source(input_, manner, max_bytes);
  Paste paste = read_paste(source, manner, max_bytes);
  if (interruptions != 0) {
    paste = {"", Paste::End::interrupted};
    if (typed) input_.discard(kAfterInterrupt);
  } else if (typed) {
    static_cast<void>(source.ahead());  // the second half of the last line's end
  }
  pager_.begin(screen());
  return paste;
}

std::string Terminal::read_input(std::size_t max_bytes) {
  return input_.rest(max_bytes);
}

std::optional<std::string> Terminal::next_line(std::size_t max_bytes) {
  return input_.next(max_bytes);
}

bool Terminal::interrupted() {
  handle_interrupt(on_interrupt);
  return interruptions != 0;
}

void Terminal::pause(std::chrono::milliseconds time) {
  if (!interrupted()) ::poll(nullptr, 0, static_cast<int>(time.count()));
}

bool Terminal::interactive() const {
  return ::isatty(STDOUT_FILENO) == 1;
}

bool Terminal::errors_apart() const {
  struct stat output {};

  struct stat errors {};

  if (::fstat(STDOUT_FILENO, &output) != 0 || ::fstat(STDERR_FILENO, &errors) != 0) return true;
  return output.st_dev != errors.st_dev || output.st_ino != errors.st_ino ||
         output.st_rdev != errors.st_rdev;
}

std::size_t Terminal::columns() const {
  return std::max<std::size_t>(screen().columns, 1);
}

}  // namespace ringfence::shell
