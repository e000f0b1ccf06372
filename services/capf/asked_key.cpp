// The key a phone is asked for, and whether what it sent is that.
#include "services/capf/asked_key.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "services/capf/evidence.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {
namespace {

using core::OperationStatus;
using Order = core::KeyOrder;

/// Jabber's version knows neither key types nor curves.
constexpr std::uint8_t kFirstVersionWithCurves = 3;

Curve curve_of(int bits) {
  switch (bits) {
    case 256: return Curve::p256;
    case 521: return Curve::p521;
    default: return Curve::p384;
  }
}

AskedKey::Fault too_small(const PublicKey& key, int least) {
  return {
      OperationStatus::failed, evidence::kKeyTooSmall,
      fmt::format("{} is below this node's minimum of {}: choose a larger key for the phone, or "
                  "lower the minimum with 'set capf policy'",
                  describe(key), least)};
}

}  // namespace

bool AskedKey::wants_rsa() const {
  return settings_.key_order != Order::ec_only;
}

bool AskedKey::wants_ec() const {
  return settings_.key_order != Order::rsa_only && version_ >= kFirstVersionWithCurves;
}

std::optional<AskedKey::Fault> AskedKey::fault() const {
  if (!wants_rsa() && !wants_ec()) {
    return Fault{OperationStatus::ec_unsupported, evidence::kEcUnsupported,
                 fmt::format("the phone speaks CAPF version {}, which has no EC keys, and its key "
                             "order is EC Only: choose RSA Only or EC Preferred RSA Backup",
                             version_)};
  }
  if (wants_rsa() && settings_.rsa_bits < policy_.min_rsa_bits) {
    return too_small({KeyType::rsa, settings_.rsa_bits, ""}, policy_.min_rsa_bits);
  }
  if (wants_ec() && settings_.ec_bits < policy_.min_ec_bits) {
    return too_small({KeyType::ec, settings_.ec_bits, ""}, policy_.min_ec_bits);
  }
  return std::nullopt;
}

KeyGenerateRequest AskedKey::request() const {
  KeyGenerateRequest request;
  request.bits = static_cast<std::uint16_t>(wants_rsa() ? settings_.rsa_bits : settings_.ec_bits);
  if (version_ < kFirstVersionWithCurves) return request;
  request.type = wants_ec() ? KeyType::ec : KeyType::rsa;
  if (wants_ec()) request.curve = curve_of(settings_.ec_bits);
  return request;
}

std::optional<AskedKey::Fault> AskedKey::fault_of(core::BytesView spki) const {
  PublicKey key;
  try {
    key = read_public_key(spki);
  } catch (const core::Error& error) {
    return Fault{OperationStatus::key_generation_failed, evidence::kWrongKey,
                 fmt::format("the phone's key cannot be used: {}", error.what())};
  }
  const bool rsa = key.type == KeyType::rsa;
  if (rsa && !wants_rsa()) {
    return Fault{OperationStatus::ec_unsupported, evidence::kEcUnsupported,
                 "the phone made an RSA key although its key order is EC Only: it has no EC keys"};
  }
  const bool right =
      rsa ? key.bits == settings_.rsa_bits : wants_ec() && key.bits == settings_.ec_bits;
  if (!right) {
    return Fault{
        OperationStatus::key_generation_failed, evidence::kWrongKey,
        fmt::format("the phone made an {} key, which is not what it was asked for", describe(key))};
  }
  const int least = rsa ? policy_.min_rsa_bits : policy_.min_ec_bits;
  if (key.bits < least) return too_small(key, least);
  if (const auto flaw = flaw_of(spki))
    return Fault{OperationStatus::key_generation_failed, evidence::kWeakKey,
                 fmt::format("the phone made a weak key: {}", *flaw)};
  return std::nullopt;
}

}  // namespace ringfence::services::capf
