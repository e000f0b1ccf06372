// What the signer tells about itself: the token, its keys, its workers, how fast, how healthy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsm/key.h"

namespace ringfence::hsm {

/// PoolState is the one word about the pool.
enum class PoolState : std::uint8_t {
  starting = 1,     ///< the first worker logs in
  operational = 2,  ///< every worker can sign
  degraded = 3,     ///< the token was lost or some workers cannot start: fewer sign, or none
  locked = 4,       ///< waits for an administrator to type the PIN; signs nothing
};

/// name returns the enumerator's spelling.
const char* name(PoolState state) noexcept;

/// TokenFacts is what C_GetInfo, C_GetSlotList and C_GetTokenInfo say (PKCS#11 v2.40 5.4, 5.5).
struct TokenFacts {
  struct Slot {
    std::uint64_t id = 0;
    std::string description;
    std::string token;  ///< label of the token in it; empty when not initialised
    bool used = false;  ///< the one that we are logged in to

    bool operator==(const Slot&) const = default;
  };

  std::string library;       ///< manufacturer, description and version of the module
  std::string label;         ///< of the token
  std::string manufacturer;  ///< of the token, as model and serial
  std::string model;
  std::string serial;
  std::string hardware;  ///< version, "2.6"
  std::string firmware;  ///< version, "2.6"
  std::vector<Slot> slots;

  bool operator==(const TokenFacts&) const = default;
};

/// KeyFacts is one key pair as the process that holds the token sees it.
struct KeyFacts {
  KeyInfo info;
  std::string since;    ///< CKA_START_DATE, "2026-11-21"; empty when the token does not say
  bool copied = false;  ///< signs with a session-object copy, not with the token object
  Bytes spki;           ///< SubjectPublicKeyInfo, DER

  bool operator==(const KeyFacts&) const = default;
};

struct KeyStatus {
  KeyInfo key;
  std::string since;         ///< as KeyFacts
  std::uint32_t copies = 0;  ///< workers that sign with a session-object copy of it

  bool operator==(const KeyStatus&) const = default;
};

struct WorkerStatus {
  std::uint32_t pid = 0;
  bool ready = false;
  std::uint32_t age_seconds = 0;
  std::uint64_t answered = 0;
  std::uint32_t in_hand = 0;  ///< requests dealt to it and not answered

  bool operator==(const WorkerStatus&) const = default;
};

/// SignatureCount is how many signatures a role got of one form of message (signer/form.h).
struct SignatureCount {
  std::string role;
  std::string form;
  std::uint64_t count = 0;

  bool operator==(const SignatureCount&) const = default;
};

/// Status is a moment of the signer. Latencies are of signatures, from the request's arrival at
/// the signer to its answer; rates and latencies are over the last 10 to 20 seconds.
struct Status {
  PoolState state = PoolState::starting;
  std::string reason;                ///< why degraded or locked; empty otherwise
  std::uint64_t degraded_since = 0;  ///< seconds since 1970; 0 when not degraded
  std::uint32_t retry_after = 0;     ///< seconds until the token is tried again; 0 when unknown
  std::string module;                ///< path of the PKCS#11 module
  TokenFacts token;
  std::vector<KeyStatus> keys;
  std::vector<WorkerStatus> workers;
  std::uint32_t workers_wanted = 0;
  std::uint32_t restarts = 0;  ///< workers that had to be replaced
  std::uint32_t queued = 0;    ///< requests waiting to be dealt
  std::uint32_t queue_limit = 0;
  std::uint64_t signed_total = 0;  ///< signatures since start
  std::uint64_t failed_total = 0;  ///< requests answered by an error since start
  std::uint32_t signatures_per_second_x100 = 0;
  std::uint32_t latency_p50_us = 0;
  std::uint32_t latency_p99_us = 0;
  std::uint64_t started = 0;               ///< seconds since 1970
  std::vector<SignatureCount> signatures;  ///< since start; those that are not zero

  bool operator==(const Status&) const = default;
};

}  // namespace ringfence::hsm
