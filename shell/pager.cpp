#include "shell/pager.h"

#include <algorithm>
#include <array>

#include "shell/table.h"

namespace ringfence::shell {
namespace {

/// The original's prompt, and shorter ones: a prompt that wraps could not be taken away again.
constexpr std::array<std::string_view, 3> kPrompts = {
    "Press <enter> for 1 line, <space> for one page, or <q> to quit",
    "<enter> line, <space> page, <q> quit", "--More--"};
constexpr std::string_view kErase = "\r\x1b[K";

std::string prompt_for(std::size_t columns) {
  const auto fitting = std::ranges::find_if(
      kPrompts, [columns](std::string_view prompt) { return prompt.size() < columns; });
  if (fitting == kPrompts.end()) return "";
  return "\x1b[1m" + std::string(*fitting) + "\x1b[0m\x1b[K";
}

}  // namespace

void Pager::begin(Size size) {
  size_ = {std::max<std::size_t>(size.rows, 2), std::max<std::size_t>(size.columns, 1)};
  used_ = 0;
  column_ = 0;
  dropping_ = false;
}

void Pager::print(std::string_view text) {
  while (!text.empty() && !dropping_) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const bool whole = end < text.size();
    const std::string line(text.substr(0, end));
    const std::size_t tabs = static_cast<std::size_t>(std::ranges::count(line, '\t'));
    const std::size_t columns = column_ + width(line) + 7 * tabs;
    const std::size_t rows =
        std::max<std::size_t>(1, (columns + size_.columns - 1) / size_.columns);
    if (column_ == 0 && !make_room(rows)) return;
    write_(text.substr(0, whole ? end + 1 : end));
    used_ += whole ? rows : 0;
    column_ = whole ? 0 : columns;
    text.remove_prefix(whole ? end + 1 : end);
  }
}

/// make_room asks for a key when the next rows do not fit. Returns false after q.
bool Pager::make_room(std::size_t rows) {
  const std::size_t page = size_.rows - 1;
  while (used_ > 0 && used_ + rows > page) {
    write_(prompt_for(size_.columns));
    const char key = key_();
    write_(kErase);
    if (key == 'q' || key == 'Q' || key == '\x03' || key == '\x04') {
      dropping_ = true;
      return false;
    }
    if (key == ' ') used_ = 0;
    if (key == '\r' || key == '\n') {
      used_ -= std::min(used_, rows);
      return true;
    }
  }
  return true;
}

}  // namespace ringfence::shell
