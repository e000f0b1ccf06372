// How the running fleet is asked for its report and told to stop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace ringfence::fleet {

/// Control waits for SIGTERM and SIGINT, and answers "report" and "power-cycle" lines on a unix
/// socket (mode 0600) or on stdin and stdout. One thread.
class Control {
 public:
  /// Answer returns the line to send back for a line that came.
  using Answer = std::function<std::string(const std::string&)>;

  /// `where` is a socket's path, "-" or empty. Blocks the two signals for all threads started
  /// later. Throws core::Error: `conflict` when somebody listens there, `io`.
  Control(const std::string& where, Answer answer);
  ~Control();  ///< removes the socket
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// serve waits at most `pause` and answers what came; false once the fleet must stop.
  bool serve(std::chrono::milliseconds pause);

 private:
  struct Client {
    core::Fd fd;
    std::string in;
  };

  bool take(int from, int to, std::string& in);

  Answer answer_;
  std::string path_;
  core::Fd signals_;
  core::Fd listener_;
  std::vector<Client> clients_;
  bool uses_stdin_ = false;
  std::string stdin_;
};

}  // namespace ringfence::fleet
