// The one thing the shell asks for facts: ringfence-admin, or a recording of it in tests.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/json/object.hpp>

#include "core/admin/json.h"
#include "core/admin/method.h"

namespace ringfence::shell {

/// Admin answers the methods of core/admin. Safe from several threads.
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

/// ask is Admin::call by a method of core/admin. Throws what that throws, and Error{malformed} when
/// the answer is another struct than the method's.
template <typename Request, typename Answer>
Answer ask(Admin& admin, const core::admin::Method<Request, Answer>& method,
           const std::type_identity_t<Request>& request, std::chrono::seconds timeout) {
  return core::admin::from_json<Answer>(
      admin.call(method.name, core::admin::to_json(request), timeout));
}

/// connect_admin returns the ringfence-admin that listens on `socket`. Does not yet speak to it.
std::shared_ptr<Admin> connect_admin(std::filesystem::path socket);

/// silent_admin answers every call with Error{io, problem} at once: it stands for a daemon that was
/// asked and did not answer, so that one command waits once.
std::shared_ptr<Admin> silent_admin(std::string problem);

}  // namespace ringfence::shell
