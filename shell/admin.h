// The one thing the shell asks for facts: ringfence-admin, or a recording of it in tests.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace ringfence::shell {

/// Admin answers the methods of core/admin/api.h. Safe from several threads.
class Admin {
 public:
  Admin() = default;
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;
  virtual ~Admin() = default;

  /// call sends one request and waits at most `timeout` for the answer. Throws core::Error: the
  /// one the daemon threw, or Error{io} when it does not answer.
  virtual boost::json::object call(std::string_view method, const boost::json::object& request,
                                   std::chrono::seconds timeout) = 0;
};

/// connect_admin returns the ringfence-admin that listens on `socket`. Does not yet speak to it.
std::shared_ptr<Admin> connect_admin(std::filesystem::path socket);

/// silent_admin answers every call with Error{io, problem} at once: it stands for a daemon that was
/// asked and did not answer, so that one command waits once.
std::shared_ptr<Admin> silent_admin(std::string problem);

}  // namespace ringfence::shell
