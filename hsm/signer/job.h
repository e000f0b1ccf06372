// One request on its way through the pool.
#pragma once

#include <chrono>
#include <cstdint>

#include "hsm/signer/form.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

struct Job {
  using Clock = std::chrono::steady_clock;

  std::uint64_t client = 0;  ///< for whoever gets the answer
  std::uint32_t id = 0;      ///< as the client gave it
  wire::Operation operation;
  std::string_view role = {};  ///< whose signature it is, and over what
  Form form = Form::digest;
  Clock::time_point arrived;
  unsigned tries = 0;
  std::chrono::nanoseconds cost{0};  ///< what it is expected to take a worker

  /// signature returns null for a key operation.
  const SignRequest* signature() const noexcept { return std::get_if<SignRequest>(&operation); }

  /// taken_key returns the key that a key operation takes away, null when it takes none.
  const KeyRef* taken_key() const noexcept {
    if (const auto* destroy = std::get_if<wire::Destroy>(&operation)) return &destroy->key;
    return nullptr;
  }
};

}  // namespace ringfence::hsm
