// What the control socket of ringfence-callmanager understands.
#pragma once

#include <string_view>

#include <boost/json.hpp>

#include "services/callmanager/directory.h"
#include "services/callmanager/server.h"

namespace ringfence::services::callmanager {

/// Control answers `status`, `reload` and `reset` (README.md says their fields). From any thread
/// but the server's.
class Control {
 public:
  /// Both must outlive this.
  Control(Server& server, Directory& directory);

  /// Throws Error: `not_found` for another method, `malformed` for parameters that cannot be.
  boost::json::value answer(std::string_view method, const boost::json::object& params);

 private:
  boost::json::value status();
  boost::json::value reload();
  boost::json::value reset(const boost::json::object& params);

  Server& server_;
  Directory& directory_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace ringfence::services::callmanager
