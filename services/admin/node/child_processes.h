// Services as child processes of ringfence-admin, for a checkout.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "core/config/config.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// ChildProcesses runs `<programs>/ringfence-<daemon> --state <state>`, their output appended to
/// `<state>/log/<daemon>.log`.
///
/// One thread forks and waits for all of them: a child's parent-death signal is tied to the thread
/// that forked it, so that no service outlives admin, even killed. A service that ends unasked is
/// started again after 1 s, then 2, 4 … 30 s; in between its state is STOPPED with the reason.
class ChildProcesses final : public ServiceControl {
 public:
  ChildProcesses(std::filesystem::path programs, const core::Config& config);
  ~ChildProcesses() override;  ///< stops all services

  core::admin::ServiceFacts state(const Service& service) override;
  std::vector<core::admin::ServiceFacts> start(const Service& service) override;
  std::vector<core::admin::ServiceFacts> stop(const Service& service) override;
  bool gave_up(const Service& service) override;

 private:
  class Supervisor;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace ringfence::services::admin
