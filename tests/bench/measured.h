// What is measured: the four keys, and a signature as every part of the bench sees it.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>

#include "hsm/key.h"

namespace ringfence::bench {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// MeasuredKey is one kind of key. The label is one that the signer's admin role may use.
struct MeasuredKey {
  const char* name;
  const char* label;
  hsm::KeySpec spec;
  hsm::Hash hash;
};

inline constexpr std::array<MeasuredKey, 4> kKeys = {{
    {"RSA-2048", "CAPF", {hsm::KeyAlgorithm::rsa, 2048}, hsm::Hash::sha256},
    {"RSA-4096", "ITLRecovery", {hsm::KeyAlgorithm::rsa, 4096}, hsm::Hash::sha256},
    {"P-256", "CallManager-ECDSA", {hsm::KeyAlgorithm::ec, 256}, hsm::Hash::sha256},
    {"P-384", "TVS", {hsm::KeyAlgorithm::ec, 384}, hsm::Hash::sha384},
}};

/// digest_for returns bytes of the key's digest length; their value does not matter.
inline hsm::Bytes digest_for(const MeasuredKey& key) {
  return hsm::Bytes(hsm::size_of(key.hash), 0x5a);
}

/// Work makes one signature; it belongs to one thread. MakeWork makes it, in that thread.
using Work = std::function<void()>;
using MakeWork = std::function<Work()>;

}  // namespace ringfence::bench
