// What is pasted after a command: where it ends, so that nothing of it runs as commands.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ringfence::shell {

/// Paste is what was pasted.
struct Paste {
  enum class End {
    finished,     ///< an empty line, Ctrl-D or the end of input
    interrupted,  ///< Ctrl-C: `text` is worth nothing, and what was still to come is dropped
    too_long,     ///< longer than was allowed: likewise
  };

  std::string text;
  End end = End::finished;
};

/// PasteSource is where pasted lines come from.
class PasteSource {
 public:
  PasteSource() = default;
  PasteSource(const PasteSource&) = delete;
  PasteSource& operator=(const PasteSource&) = delete;
  virtual ~PasteSource() = default;

  /// next returns one line without its end, nothing at the end of input or at Ctrl-D.
  virtual std::optional<std::string> next() = 0;

  /// ahead returns what follows and is there already, without taking it; "" when nothing is.
  virtual std::string_view ahead() = 0;

  /// ahead_line is ahead that waits until a whole line is there, or the end of input.
  virtual std::string_view ahead_line() = 0;
};

/// Manner says who pastes: at a terminal only an empty line ends a paste; in a script the line
/// behind the last certificate may be the next command, or the answer to a question.
enum class Manner { terminal, script };

/// read_paste takes the lines of one paste, a chain as a whole.
///
/// An empty line ends it, unless it stands inside a block (as CRLF on a terminal makes them), or
/// what follows at once is another block, or the text that openssl writes around one. What follows
/// the end is not taken.
Paste read_paste(PasteSource& source, Manner manner, std::size_t max_bytes);

}  // namespace ringfence::shell
