// The console of a real process: its three descriptors, signals and screen.
#pragma once

#include <string>

#include "shell/console.h"
#include "shell/line_reader.h"
#include "shell/pager.h"

namespace ringfence::shell {

/// Terminal is the Console on standard input, output and error. One a process: it owns SIGINT.
///
/// When output can no longer be written, the process ends quietly: whoever read it has gone.
class Terminal final : public Console {
 public:
  Terminal();

  void begin(Paging paging) override;
  void print(std::string_view text) override;
  void write(Stream stream, std::string_view text) override;
  void progress(std::string_view line) override;
  std::optional<std::string> ask(std::string_view question, Echo echo, Stream stream) override;
  Paste paste(std::string_view prompt, Stream stream, std::size_t max_bytes) override;
  std::string read_input(std::size_t max_bytes) override;
  bool interrupted() override;
  void pause(std::chrono::milliseconds time) override;
  bool interactive() const override;
  std::size_t columns() const override;
  bool errors_apart() const override;

  /// keep_running makes Ctrl-C never end the process, as a session with a prompt wants.
  void keep_running();

  std::optional<std::string> next_line(std::size_t max_bytes) override;

 private:
  LineReader input_;
  Pager pager_;
  Paging paging_ = Paging::off;
  bool session_ = false;
};

}  // namespace ringfence::shell
