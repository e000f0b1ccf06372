// Stops output at each page of a terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ringfence::shell {

/// Pager writes lines until a page is full, then shows the prompt of reference/cucm-cli.md 1.5
/// and waits for a key: Enter for one line more, space for a page, q to drop the rest.
class Pager {
 public:
  struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
  };

  using Write = std::function<void(std::string_view)>;
  using Key = std::function<char()>;  ///< reads one key raw; 'q' at the end of input

  Pager(Write write, Key key) : write_(std::move(write)), key_(std::move(key)) {}

  void begin(Size size);  ///< a fresh page
  void print(std::string_view text);

 private:
  bool make_room(std::size_t rows);

  Write write_;
  Key key_;
  Size size_;
  std::size_t used_ = 0;
  std::size_t column_ = 0;
  bool dropping_ = false;
};

}  // namespace ringfence::shell
