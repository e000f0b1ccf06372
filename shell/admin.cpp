#include "shell/admin.h"

#include "core/admin/client.h"

namespace ringfence::shell {
namespace {

class SocketAdmin final : public Admin {
 public:
  explicit SocketAdmin(std::filesystem::path socket) : client_(std::move(socket)) {}

  boost::json::object call(std::string_view method, const boost::json::object& request,
                           std::chrono::seconds timeout) override {
    return client_.call(method, request, timeout);
  }

 private:
  core::admin::Client client_;
};

}  // namespace

std::shared_ptr<Admin> connect_admin(std::filesystem::path socket) {
  return std::make_shared<SocketAdmin>(std::move(socket));
}

}  // namespace ringfence::shell
