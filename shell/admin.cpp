#include "shell/admin.h"

#include "core/admin/client.h"
#include "core/base/error.h"

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

class SilentAdmin final : public Admin {
 public:
  explicit SilentAdmin(std::string problem) : problem_(std::move(problem)) {}

  boost::json::object call(std::string_view, const boost::json::object&,
                           std::chrono::seconds) override {
    throw core::Error(core::Code::io, problem_);
  }

 private:
  std::string problem_;
};

}  // namespace

std::shared_ptr<Admin> connect_admin(std::filesystem::path socket) {
  return std::make_shared<SocketAdmin>(std::move(socket));
}

std::shared_ptr<Admin> silent_admin(std::string problem) {
  return std::make_shared<SilentAdmin>(std::move(problem));
}

}  // namespace ringfence::shell
