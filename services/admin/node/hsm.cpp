#include "services/admin/node/hsm.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "core/base/clock.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::TokenState;
using core::TokenStatus;
using core::admin::HsmShow;

namespace {

constexpr std::string_view kMend =
    "it is not tried again by itself: mend what the reason names, then stop Ringfence and start it";
constexpr std::string_view kUnlock = "an administrator must type its PIN with 'utils hsm unlock'";

/// said puts what the token itself gave as its reason behind a sentence.
std::string said(const std::string& sentence, const std::string& reason) {
  return reason.empty() ? sentence : sentence + ": " + reason;
}

std::string next_step(const TokenStatus& status) {
  switch (status.state) {
    case TokenState::locked: return "type the token's PIN with 'utils hsm unlock'";
    case TokenState::degraded:
      if (status.retry_after == 0) return std::string(kMend);  // a refused PIN
      return fmt::format("it is tried again by itself in {} s", status.retry_after);
    case TokenState::starting:
    case TokenState::operational: return "";
  }
  return "";
}

/// unreachable describes a signer that does not answer: `why` is what asking it gave.
HsmShow unreachable(const core::Config& config, ServiceControl& services, const std::string& why) {
  HsmShow show;
  show.state = "unreachable";
  const core::admin::ServiceFacts facts = services.state(kSigner);
  if (facts.state == "STARTED") {
    show.reason = why;
    show.next_step = "ask again; if it stays so, stop Ringfence and start it";
    return show;
  }
  show.reason = fmt::format("{} is {}{}", facts.name, facts.state,
                            facts.reason.empty() ? "" : " (" + facts.reason + ")");
  const std::string last = last_words(config);
  if (!last.empty()) show.reason += "; the last line of its log: " + last;
  show.next_step = services.gave_up(kSigner) ? std::string(kMend) : "it is started again by itself";
  return show;
}

}  // namespace

bool can_sign(const TokenStatus& status) noexcept {
  if (status.state == TokenState::operational) return true;
  return status.state != TokenState::locked &&
         std::any_of(status.workers.begin(), status.workers.end(),
                     [](const auto& worker) { return worker.ready; });
}

HsmShow describe(const TokenStatus& status) {
  HsmShow show;
  show.state = name(status.state);
  show.reason = status.state == TokenState::locked
                    ? "its PIN was not typed since the signer started"
                    : status.reason;
  show.next_step = next_step(status);
  const auto iso = [](std::uint64_t seconds) {
    return core::to_iso(core::from_seconds(static_cast<std::int64_t>(seconds)));
  };
  if (status.degraded_since != 0) show.degraded_since = iso(status.degraded_since);
  if (status.retry_after != 0) show.retry_seconds = status.retry_after;
  show.module = status.module;
  show.library = status.token.library;
  show.token = status.token.label;
  show.manufacturer = status.token.manufacturer;
  show.model = status.token.model;
  show.serial = status.token.serial;
  show.hardware = status.token.hardware;
  show.firmware = status.token.firmware;
  for (const auto& slot : status.token.slots)
    show.slots.push_back({slot.id, slot.description, slot.token, slot.used});
  for (const auto& [key, since, copies] : status.keys)
    show.keys.push_back({key.ref.label, key.ref.version,
                         key.spec.algorithm == core::KeyAlgorithm::rsa ? "RSA" : "EC",
                         key.spec.bits, since, copies});
  for (const auto& worker : status.workers)
    show.workers.push_back({worker.pid, worker.ready ? "ready" : "starting", worker.age_seconds,
                            static_cast<std::int64_t>(worker.answered), worker.in_hand});
  show.workers_wanted = status.workers_wanted;
  show.restarts = status.restarts;
  show.queued = status.queued;
  show.queue_limit = status.queue_limit;
  show.signatures_per_second = status.signatures_per_second_x100 / 100.0;
  show.latency_p50_us = status.latency_p50_us;
  show.latency_p99_us = status.latency_p99_us;
  show.signed_total = static_cast<std::int64_t>(status.signed_total);
  show.failed_total = static_cast<std::int64_t>(status.failed_total);
  if (status.started != 0) show.started = iso(status.started);
  for (const auto& [role, form, count] : status.signatures)
    show.signatures.push_back({role, form, static_cast<std::int64_t>(count)});
  return show;
}

HsmShow show_hsm(const core::Config& config, const core::Token& token, ServiceControl& services) {
  try {
    return describe(token.status());
  } catch (const Error& error) {
    return unreachable(config, services, error.what());
  }
}

std::optional<Error> token_problem(const core::Config& config, const core::Token& token,
                                   ServiceControl& services) {
  TokenStatus status;
  try {
    status = token.status();
  } catch (const Error& error) {
    const HsmShow show = unreachable(config, services, error.what());
    return Error(services.gave_up(kSigner) ? Code::hsm_locked : Code::hsm_unavailable,
                 fmt::format("the token is unavailable: {}; {}", show.reason, show.next_step));
  }
  if (can_sign(status)) return std::nullopt;
  if (status.state == TokenState::locked)
    return Error(Code::hsm_locked, fmt::format("the token is locked: {}", kUnlock));
  const std::string when =
      status.retry_after == 0 ? "retry soon" : fmt::format("retry in {} s", status.retry_after);
  return Error(Code::hsm_unavailable, said("the token is unavailable, " + when, status.reason));
}

void start_signer(const core::Config& config, ServiceControl& services) {
  if (services.start(kSigner).back().state == "STARTED") return;
  throw Error(Code::hsm_locked,
              fmt::format("the signer did not start: {} (its log is {})", last_words(config),
                          (config.log_folder() / "signer.log").string()));
}

std::string warning_of(const TokenStatus& status) {
  switch (status.state) {
    case TokenState::operational: return "";
    case TokenState::locked: return fmt::format("the token is locked: {}", kUnlock);
    case TokenState::starting:
    case TokenState::degraded: break;
  }
  return fmt::format("the token is {}; see 'show hsm'", name(status.state));
}

std::string last_words(const core::Config& config) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream file(config.log_folder() / "signer.log", std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  if (size <= 0) return "";
  std::string text(static_cast<std::size_t>(std::min(size, kTail)), '\0');
  file.seekg(size - static_cast<std::streamoff>(text.size()));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // all of it when there is no line feed
}

}  // namespace ringfence::services::admin
