// Line editing in a terminal: the only file that knows libedit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shell/complete.h"

namespace ringfence::shell {

/// Editor reads lines with emacs keys and a history in memory. Tab and `?` act at once.
class Editor {
 public:
  /// Complete answers Tab, Question answers `?`; both get the text before the cursor.
  using Complete = std::function<Completion(std::string_view before_cursor)>;
  using Question = std::function<std::string(std::string_view before_cursor)>;

  Editor(std::string prompt, Complete complete, Question question);
  ~Editor();
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  /// read returns a line, "" when Ctrl-C threw it away, nothing at Ctrl-D or a hang-up.
  std::optional<std::string> read();

  /// remember puts a line into the history.
  void remember(const std::string& line);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringfence::shell
