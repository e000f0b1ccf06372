#include "hsm/signer/catalogue.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

/// first_guess holds until the first signature was measured.
std::chrono::nanoseconds first_guess(const KeySpec& spec) {
  const std::int64_t scale = spec.bits / (spec.algorithm == KeyAlgorithm::rsa ? 1024 : 128);
  return spec.algorithm == KeyAlgorithm::rsa ? 60us * scale * scale * scale : 10us * scale * scale;
}

}  // namespace

void Catalogue::replace(const std::vector<KeyFacts>& found) {
  std::map<KeyRef, Key> before;
  before.swap(keys_);
  for (const KeyFacts& facts : found) {
    put(facts);
    const auto known = before.find(facts.info.ref);
    if (known != before.end()) keys_[facts.info.ref].cost = known->second.cost;
  }
}

void Catalogue::put(const KeyFacts& facts) {
  keys_[facts.info.ref] = {facts, false, first_guess(facts.info.spec)};
}

Catalogue::Key* Catalogue::find(const KeyRef& ref) {
  const auto found = keys_.find(ref);
  return found == keys_.end() || found->second.hidden ? nullptr : &found->second;
}

void Catalogue::hide(const KeyRef& ref, bool hidden) {
  const auto found = keys_.find(ref);
  if (found != keys_.end()) found->second.hidden = hidden;
}

void Catalogue::learn(const KeyRef& ref, std::chrono::nanoseconds took) {
  const auto found = keys_.find(ref);
  if (found != keys_.end()) found->second.cost = (7 * found->second.cost + took) / 8;
}

}  // namespace ringfence::hsm
