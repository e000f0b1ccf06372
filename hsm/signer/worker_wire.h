// What the signer's parent and its workers say to each other: frames as in hsm/wire.h. Pure.
//
// To a worker: a request whose id the parent chose, or id 0 and a notice:
//   u32 0, u8 notice (1 learn, 2 forget), key
// From a worker: u32 nanoseconds the work took (at most 4.29 s), then an answer as clients get it;
// the payload of generate is a KeyFacts. Or u32 0, u32 0 and a report:
//   u8 1 hello: TokenFacts as in Status, u16 count, KeyFacts each   (logged in, keys found)
//   u8 2 end: an answer's outcome                                   (why it could not)
//   u8 3 learned: key, u8 copied    (answers each notice to learn)
//   KeyFacts: key, u8 algorithm, u16 bits, text since, u8 copied, bytes SubjectPublicKeyInfo
#pragma once

#include <chrono>
#include <variant>

#include "hsm/status.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

namespace worker_wire {

inline constexpr std::size_t kMaxBody = 1U << 20U;

enum class Notice : std::uint8_t { learn = 1, forget = 2 };

struct Noticed {
  Notice notice = Notice::learn;
  KeyRef key;
};

struct Hello {
  TokenFacts token;
  std::vector<KeyFacts> keys;
};

struct End {
  Error reason;
};

struct Learned {
  KeyRef key;
  bool copied = false;
};

/// Result is one answer, its outcome still in the bytes that a client gets behind the id.
struct Result {
  std::chrono::nanoseconds took{0};
  std::uint32_t id = 0;
  BytesView outcome;  ///< into the parsed body
};

using Said = std::variant<Result, Hello, End, Learned>;

Bytes encode(Notice notice, const KeyRef& key);
Bytes encode(const Hello& hello);
Bytes encode(const End& end);
Bytes encode(const Learned& learned);
Bytes encode_result(std::chrono::nanoseconds took, const wire::Answer& answer);
Bytes encode_key(const KeyFacts& key);

/// Parsing throws Error{request}.
Noticed parse_notice(BytesView body);
Said parse_said(BytesView body);
KeyFacts parse_key(BytesView payload);

}  // namespace worker_wire
}  // namespace ringfence::hsm
