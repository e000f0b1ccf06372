#include "services/admin/node/opening.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/node/hsm.h"
#include "services/admin/node/service_health.h"
#include "services/admin/node/stopped_services.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Level;
using core::log;
using core::TokenState;
using core::admin::ServiceFacts;
using namespace std::chrono_literals;

namespace {

constexpr auto kTokenLooksEvery = 500ms;
constexpr auto kOpensAgainAfter = 10s;

bool is_of_token(const Error& error) {
  return error.code() == Code::hsm_locked || error.code() == Code::hsm_unavailable;
}

}  // namespace

Opening::~Opening() {
  stop();
}

void Opening::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Opening::hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  changed_.notify_all();
}

bool Opening::has_certificates() {
  return certificates_.all_own().size() == core::kUnits.size();
}

/// keep_stopped is for a ringfence-admin that crashed: what an administrator stopped stays so.
void Opening::keep_stopped() {
  const StoppedServices stopped(parts_.admin);
  for (const Service& service : kServices) {
    if (!stopped.has(service)) continue;
    parts_.services.stop(service);
    log(Level::notice, "SERVICE_STAYS_STOPPED", {{"service", std::string(service.name)}});
  }
}

void Opening::begin() {
  keep_stopped();
  const auto until = std::chrono::steady_clock::now() + parts_.patience;
  for (;;) {
    core::TokenStatus status;
    if (see(status) || status.state != TokenState::starting) break;
    if (std::chrono::steady_clock::now() >= until) break;
    std::unique_lock lock(mutex_);  // the signer announces nothing; an unlock or a stop does
    changed_.wait_for(lock, 20ms, [this] { return hurried_ || stopping_; });
    if (stopping_) return;
    hurried_ = false;
  }
  try {
    if (signs_) open();
  } catch (const Error& error) {
    if (!is_of_token(error)) throw;
    log(Level::error, "HOUSE_NOT_OPENED", {{"why", error.what()}});
    core::TokenStatus now;
    see(now);  // it may have been lost just then
  }
  // Without certificates there is nothing to serve: then all services wait.
  if (!open_ && has_certificates()) start_services(Which::keyless);
  thread_ = std::thread([this] { watch(); });
}

void Opening::open() {
  parts_.work.make_certificates();
  if (!resumed_) {
    try {
      note(parts_.work.publish());  // also under a Cisco Tftp that runs already
    } catch (const Error& error) {
      if (is_of_token(error)) throw;  // it went away again: then all of this is tried again
      log(Level::error, "ITL_NOT_PUBLISHED", {{"why", error.what()}});
    }
  }
  start_services(Which::all);
  if (!resumed_) {
    parts_.work.resume_jobs();
    resumed_ = true;
  }
  open_ = true;
}

void Opening::note(const std::string& put_right) {
  if (put_right.empty()) return;
  const std::lock_guard lock(mutex_);
  notes_.push_back(fmt::format("At {}: {}", core::to_iso(parts_.clock.now()), put_right));
}

std::vector<std::string> Opening::notes() {
  const std::lock_guard lock(mutex_);
  return notes_;
}

void Opening::refresh_itl() {
  try {
    note(parts_.work.refresh());
  } catch (const std::exception& error) {
    log(Level::error, "ITL_NOT_PUBLISHED", {{"why", error.what()}});
  }
}

void Opening::start_services(Which which) {
  for (const Service& service : kServices) {
    const ServiceFacts before = parts_.services.state(service);
    if (before.state == "STARTED" || before.reason == kCommandedOut) continue;
    if (which == Which::keyless && service.needs_key) continue;
    if (service.daemon == "tftp") refresh_itl();
    for (const ServiceFacts& state : parts_.services.start(service))
      if (state.state == "STOPPED")
        log(Level::error, "SERVICE_NOT_STARTED", {{"service", state.name}, {"why", state.reason}});
  }
}

void Opening::watch() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kTokenLooksEvery, [this] { return hurried_ || stopping_; });
      if (stopping_) return;
      if (hurried_) try_at_ = {};
      hurried_ = false;
    }
    look();
  }
}

void Opening::look() {
  const bool before = signs_;
  core::TokenStatus status;
  const bool signs = see(status);
  if (signs && !before) {  // what went down meanwhile comes up at once
    open_ = false;
    try_at_ = {};
  }
  if (!signs || open_ || std::chrono::steady_clock::now() < try_at_) return;
  try {
    open();
  } catch (const std::exception& error) {
    log(Level::error, "HOUSE_NOT_OPENED", {{"why", error.what()}});
    try_at_ = std::chrono::steady_clock::now() + kOpensAgainAfter;
  }
}

bool Opening::see(core::TokenStatus& status) {
  std::string warning;
  std::string state = "unreachable";
  std::string why;
  try {
    status = parts_.token.status();
    warning = warning_of(status);
    state = name(status.state);
    why = status.reason;
  } catch (const Error& error) {
    // The signer is away, and its supervisor starts it again; or it hangs, and its service says so.
    warning = "the token cannot be reached; see 'show hsm'";
    why = error.what();
  }
  signer_answers_ = state != "unreachable";
  {
    const std::lock_guard lock(mutex_);
    warning_ = warning;
  }
  const bool signs = can_sign(status);
  if (signs_.exchange(signs) != signs)
    log(signs ? Level::notice : Level::error, signs ? "TOKEN_SIGNS" : "TOKEN_DOES_NOT_SIGN",
        {{"state", state}, {"why", why}});
  return signs;
}

std::string Opening::warning() {
  const std::lock_guard lock(mutex_);
  return warning_;
}

bool Opening::waits(const Service& service, const ServiceFacts& facts) {
  if (facts.state != "STOPPED" || facts.reason == kCommandedOut) return false;
  return (service.needs_key && !signs_) || !has_certificates();
}

ServiceFacts Opening::state(const Service& service) {
  ServiceFacts facts = parts_.services.state(service);
  if (service.daemon != kSigner.daemon && waits(service, facts))
    facts.reason = "Waiting for the token";
  if (service.daemon == kSigner.daemon && facts.state == "STARTED" && !signer_answers_) {
    facts.state = kNotResponding;
    facts.reason = "it runs and does not answer; see: show hsm";
  }
  return facts;
}

std::vector<std::string> Opening::outstanding() {
  std::vector<std::string> sentences;
  if (!has_certificates())
    sentences.emplace_back("The first keys and certificates are made, and the ITL is published.");
  for (const Service& service : kServices)
    if (waits(service, parts_.services.state(service)))
      sentences.push_back(fmt::format("{} is started.", service.name));
  return sentences;
}

}  // namespace ringfence::services::admin
