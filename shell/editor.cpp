#include "shell/editor.h"

#include <cerrno>
#include <cstdio>

#include <histedit.h>

#include "core/base/error.h"
#include "shell/printable.h"

namespace ringfence::shell {

struct Editor::Parts {
  std::string prompt;
  Complete complete;
  Question question;
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  bool thrown_away = false;
};

namespace {

constexpr int kHistoryLines = 500;

template <typename Parts>
Parts& parts_of(EditLine* line) {
  void* parts = nullptr;
  el_get(line, EL_CLIENTDATA, &parts);
  return *static_cast<Parts*>(parts);
}

std::string before_cursor(EditLine* line) {
  const LineInfo* info = el_line(line);
  return {info->buffer, info->cursor};
}

std::string after_cursor(EditLine* line) {
  const LineInfo* info = el_line(line);
  return {info->cursor, info->lastchar};
}

/// in_comment says whether a comment is typed or pasted: there Tab and `?` are text.
bool in_comment(std::string_view before) {
  const std::size_t first = before.find_first_not_of(' ');
  return first != std::string_view::npos && (before[first] == '#' || before[first] == '!');
}

/// show prints whole lines below the line being edited; libedit then draws that one anew.
/// When nothing is to be shown the line is simply repeated (reference/cucm-cli.md 1.3).
/// `key` is echoed where it was typed.
unsigned char show(EditLine* line, std::string_view key, const std::string& text) {
  const bool at_end = after_cursor(line).empty();
  const std::string echo = at_end ? std::string(key) + "\n" : "\n\n";
  std::fputs((echo + printable(text)).c_str(), stdout);
  std::fflush(stdout);
  return CC_REDISPLAY;
}

template <typename Parts>
unsigned char on_tab(EditLine* line, int) {
  if (in_comment(before_cursor(line))) return el_insertstr(line, " ") == 0 ? CC_REFRESH : CC_ERROR;
  Completion completion;
  try {
    completion = parts_of<Parts>(line).complete(before_cursor(line));
  } catch (const core::Error&) {
    return CC_ERROR;  // a quote is open: nothing to complete
  }
  if (completion.insert.empty()) return show(line, "", completion.listing);
  if (completion.erase > 0) el_deletestr(line, static_cast<int>(completion.erase));
  return el_insertstr(line, printable(completion.insert).c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

template <typename Parts>
unsigned char on_question(EditLine* line, int) {
  const std::string before = before_cursor(line);
  if (in_comment(before)) return el_insertstr(line, "?") == 0 ? CC_REFRESH : CC_ERROR;
  std::string help;
  try {
    help = parts_of<Parts>(line).question(before);
  } catch (const core::Error&) {
    return el_insertstr(line, "?") == 0 ? CC_REFRESH : CC_ERROR;  // inside quotes it is text
  }
  return show(line, "?", help);
}

template <typename Parts>
unsigned char on_interrupt(EditLine* line, int) {
  parts_of<Parts>(line).thrown_away = true;
  return CC_NEWLINE;
}

}  // namespace

Editor::Editor(std::string prompt, Complete complete, Question question)
    : parts_(new Parts{std::move(prompt), std::move(complete), std::move(question)}) {
  parts_->line = el_init("ringfence", stdin, stdout, stderr);
  parts_->history = history_init();
  if (parts_->line == nullptr || parts_->history == nullptr) {
    throw core::Error(core::Code::internal, "the line editor cannot use this terminal");
  }
  EditLine* line = parts_->line;
  history(parts_->history, &parts_->event, H_SETSIZE, kHistoryLines);
  history(parts_->history, &parts_->event, H_SETUNIQUE, 1);
  el_set(line, EL_CLIENTDATA, parts_.get());
  el_set(line, EL_PROMPT, static_cast<char* (*)(EditLine*)>([](EditLine* el) {
           return parts_of<Parts>(el).prompt.data();
         }));
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_HIST, history, parts_->history);
  el_set(line, EL_ADDFN, "rf-complete", "Completes the word", on_tab<Parts>);
  el_set(line, EL_ADDFN, "rf-question", "Shows what can follow", on_question<Parts>);
  el_set(line, EL_ADDFN, "rf-interrupt", "Throws the line away", on_interrupt<Parts>);
  // While a line is edited Ctrl-C is a key like any other: as a signal it could arrive before the
  // read it should end, and be lost.
  el_set(line, EL_SETTY, "-d", "-isig", nullptr);
  el_set(line, EL_BIND, "^C", "rf-interrupt", nullptr);
  el_set(line, EL_BIND, "^I", "rf-complete", nullptr);
  el_set(line, EL_BIND, "?", "rf-question", nullptr);
}

Editor::~Editor() {
  if (parts_->history != nullptr) history_end(parts_->history);
  if (parts_->line != nullptr) el_end(parts_->line);
}

std::optional<std::string> Editor::read() {
  int count = 0;
  // Raw before the prompt shows, not after: a Ctrl-D between the two would be lost.
  el_set(parts_->line, EL_PREP_TERM, 1);
  parts_->thrown_away = false;
  errno = 0;
  const char* text = el_gets(parts_->line, &count);
  if (parts_->thrown_away || (text == nullptr && errno == EINTR)) {
    el_reset(parts_->line);
    std::fputs("\n", stdout);
    std::fflush(stdout);
    return "";
  }
  if (text == nullptr || count <= 0) return std::nullopt;
  return std::string(text, static_cast<std::size_t>(count));
}

void Editor::remember(const std::string& line) {
  history(parts_->history, &parts_->event, H_ENTER, line.c_str());
}

}  // namespace ringfence::shell
