// The parent's knowledge of the token's keys, so that only signatures need a worker.
#pragma once

#include <chrono>
#include <map>

#include "hsm/signer/worker_wire.h"

namespace ringfence::hsm {

/// Catalogue holds every key pair's public facts as the workers found them. Pure.
class Catalogue {
 public:
  struct Key {
    KeyFacts facts;
    bool hidden = false;               ///< being destroyed: not for new requests
    std::chrono::nanoseconds cost{0};  ///< what a signature takes a worker, smoothed
  };

  /// replace takes over what a worker found when it started.
  void replace(const std::vector<KeyFacts>& found);
  void put(const KeyFacts& facts);

  void remove(const KeyRef& ref) { keys_.erase(ref); }

  /// find returns null for a key that is not there or hidden.
  Key* find(const KeyRef& ref);
  /// hide hides a key or shows it again.
  void hide(const KeyRef& ref, bool hidden);
  /// learn smooths the key's cost with one more measurement.
  void learn(const KeyRef& ref, std::chrono::nanoseconds took);

  const std::map<KeyRef, Key>& keys() const noexcept { return keys_; }

 private:
  std::map<KeyRef, Key> keys_;
};

}  // namespace ringfence::hsm
