#include "services/callmanager/server.h"

#include <future>

#include "core/base/error.h"
#include "services/callmanager/engine.h"

namespace ringfence::services::callmanager {

namespace {

constexpr std::chrono::seconds kPatience{20};

// Runs `work` on the engine's thread and waits for what it returns.
template <typename Work>
auto ask(Engine& engine, Work work) {
  using Result = decltype(work());
  const auto promise = std::make_shared<std::promise<Result>>();
  auto result = promise->get_future();
  engine.post([promise, work = std::move(work)] {
    try {
      promise->set_value(work());
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  });
  if (result.wait_for(kPatience) != std::future_status::ready)
    throw core::Error(core::Code::io, "the SIP thread did not answer");
  return result.get();
}

}  // namespace

Server::Server(const ServerOptions& options, Directory& directory, Ledger& ledger,
               core::TrustSignLog& signs, const core::Clock& clock)
    : engine_(std::make_unique<Engine>(options, directory, ledger, signs, clock)) {}

Server::~Server() = default;

void Server::run(int stop_descriptor) {
  engine_->run(stop_descriptor);
}

Asked Server::reset(std::int64_t id, ResetKind kind, std::vector<std::string> devices) {
  return ask(*engine_, [engine = engine_.get(), id, kind, devices = std::move(devices)] {
    return engine->reset(id, kind, devices);
  });
}

Count Server::count() {
  return ask(*engine_, [engine = engine_.get()] { return engine->count(); });
}

}  // namespace ringfence::services::callmanager
