// A file that a command writes because it was asked to.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "core/base/file.h"

namespace ringfence::shell {

enum class Overwrite { no, yes };

/// OutputFile is a new file, or with Overwrite::yes one in the place of another, that appears
/// whole: it is written beside its place and moved there. A device or a pipe is written as it is.
/// What was not finished is taken away again.
class OutputFile {
 public:
  /// Makes the place for it, so that a command fails before its work and not after it. Throws
  /// Error{conflict} when the file is there already, else Error{io}.
  OutputFile(std::string path, Overwrite overwrite, mode_t mode);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// finish writes all of the file, syncs it and moves it to its place. When that fails, Error{io}
  /// says why, and nothing is left behind but what stood there before.
  void finish(std::string_view bytes);

 private:
  void write(std::string_view bytes);
  void move();

  std::string path_;
  std::string beside_;  ///< where it is written; "" when that is the place itself
  Overwrite overwrite_;
  core::Fd fd_;
};

}  // namespace ringfence::shell
