// Where a command's words go and where answers to its questions come from.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shell/paste.h"

namespace ringfence::shell {

enum class Paging { off, on };
enum class Echo { visible, hidden };
enum class Stream { output, error };

/// Console is a terminal, a pipe, or a recording in tests. One command uses it at a time.
class Console {
 public:
  Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  virtual ~Console() = default;

  /// begin starts a command: a fresh page, no interruption pending.
  virtual void begin(Paging paging) = 0;

  /// print writes text that is safe for a terminal already; it may stop at each page.
  virtual void print(std::string_view text) = 0;

  /// write writes at once, never paged: documents for scripts, notes on the error stream.
  virtual void write(Stream stream, std::string_view text) = 0;

  /// progress redraws one line in place; "" takes it away. Call it only when interactive().
  virtual void progress(std::string_view line) = 0;

  /// ask writes the question and returns the line that was typed, nothing at the end of input.
  virtual std::optional<std::string> ask(std::string_view question, Echo echo, Stream stream) = 0;

  /// next_line returns one line of input, unasked and unechoed, nothing at the end of input: what
  /// is pasted, or follows a command in a script. What exceeds `max_bytes` by more than one is cut.
  virtual std::optional<std::string> next_line(std::size_t max_bytes) = 0;

  /// paste writes the prompt and returns what is pasted, as read_paste takes it. Ctrl-C ends it and
  /// never the program; whatever then still comes of it is dropped.
  virtual Paste paste(std::string_view prompt, Stream stream, std::size_t max_bytes) = 0;

  /// read_input returns what is left of standard input; throws Error{malformed} when it is longer
  /// than `max_bytes`.
  virtual std::string read_input(std::size_t max_bytes) = 0;

  /// interrupted says whether Ctrl-C was typed since begin(). From its first call until the next
  /// begin(), Ctrl-C no longer ends the program.
  virtual bool interrupted() = 0;

  /// pause waits; an interruption ends it early.
  virtual void pause(std::chrono::milliseconds time) = 0;

  /// interactive says whether output is a terminal that a person watches.
  virtual bool interactive() const = 0;

  /// errors_apart says whether the error stream goes elsewhere than the output.
  virtual bool errors_apart() const { return true; }

  /// columns is the width of that terminal.
  virtual std::size_t columns() const { return 80; }
};

}  // namespace ringfence::shell
