// The shell's side of the admin API.
#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "core/admin/json.h"

namespace ringfence::core::admin {

/// Client asks the ringfence-admin that listens on a unix socket. One call at a time is its use;
/// safe from several threads. Throws the Error that admin threw; Error{io} when none is running.
class Client {
 public:
  explicit Client(std::filesystem::path socket) : socket_(std::move(socket)) {}

  /// call sends `request` and returns the answer as it came.
  boost::json::object call(std::string_view method, const boost::json::object& request,
                           std::chrono::seconds timeout = std::chrono::seconds(60)) const;

 private:
  std::filesystem::path socket_;
};

}  // namespace ringfence::core::admin
