// Faults that tests/support/faulty_module.cpp injects between us and SoftHSM.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace ringfence::test {

/// Faults is the file of faults of this process and of those it starts while it lives. The module
/// to configure is RINGFENCE_FAULTY_MODULE, a definition that rf_test_support brings along.
class Faults {
 public:
  /// `file` and its neighbours file.log, file.lock and the like are ours.
  explicit Faults(std::filesystem::path file) : file_(std::move(file)) {
    set("");
    ::setenv("RINGFENCE_FAULTS", file_.c_str(), 1);
  }

  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  ~Faults() { ::unsetenv("RINGFENCE_FAULTS"); }

  /// set replaces all faults; the lines' form stands in faulty_module.cpp: "C_Sign 0x32 once\n".
  void set(const std::string& lines) {
    const std::filesystem::path fresh = file_.string() + ".new";
    std::ofstream(fresh) << lines;
    std::filesystem::rename(fresh, file_);
  }

  /// count tells how often the log has a line that begins with `what` and a blank: "C_Initialize",
  /// "C_Login", "fault C_Sign".
  std::size_t count(const std::string& what) const {
    std::size_t lines = 0;
    std::ifstream log(file_.string() + ".log");
    for (std::string line; std::getline(log, line);)
      if (line.starts_with(what + " ")) ++lines;
    return lines;
  }

 private:
  std::filesystem::path file_;
};

}  // namespace ringfence::test
