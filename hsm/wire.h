// What passes through the signer's sockets: frames, requests, answers. Pure.
//
// Integers are big-endian. A frame is u32 length (of what follows) and the body:
//   request  u32 id, u8 operation, fields      answer  u32 id, u8 outcome (0 = done), fields
// text and bytes are u16 length + that many bytes, a message u32 length + bytes; a key is text
// label + u32 version. Of input and message one is empty.
//   1 sign        key, u8 scheme, u8 hash, u8 mgf hash, u16 salt, bytes input, message
//                                                               -> bytes signature
//   2 public_key  key                                           -> bytes SubjectPublicKeyInfo
//   3 list                                  -> u16 count, each key, u8 algorithm, u16 bits
//   4 generate    text label, u8 algorithm, u16 bits            -> key
//   5 destroy     key                                           -> nothing
//   6 status                                                    -> the fields of Status in order
//   8 unlock      bytes PIN                                     -> nothing
// An outcome other than 0 is a Kind, followed by u32 PKCS#11 code, u32 retry seconds, text what.
// In Status a vector is u16 count and its elements, a bool or enumerator u8.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "core/base/secret.h"
#include "hsm/error.h"
#include "hsm/key.h"
#include "hsm/status.h"

namespace ringfence::hsm::wire {

inline constexpr std::size_t kMaxBody = 16384;         // of a request with a short message
inline constexpr std::size_t kMaxMessage = 1U << 20U;  // to be signed; a long one is a file
inline constexpr std::size_t kMaxRequest = kMaxMessage + kMaxBody;
inline constexpr std::size_t kMaxAnswer = 1U << 20U;  // status and list grow with the keys

struct PublicKey {
  KeyRef key;
  bool operator==(const PublicKey&) const = default;
};

struct List {
  bool operator==(const List&) const = default;
};

struct Generate {
  std::string label;
  KeySpec spec;
  bool operator==(const Generate&) const = default;
};

struct Destroy {
  KeyRef key;
  bool operator==(const Destroy&) const = default;
};

struct StatusQuery {
  bool operator==(const StatusQuery&) const = default;
};

/// Unlock brings the PIN that an administrator typed, 1 to 255 bytes.
struct Unlock {
  core::Secret pin;

  bool operator==(const Unlock& other) const { return pin.equals(other.pin.reveal()); }
};

using Operation =
    std::variant<SignRequest, PublicKey, List, Generate, Destroy, StatusQuery, Unlock>;

/// repeatable says whether an operation may be done again when nobody knows whether it was done.
bool repeatable(const Operation& operation) noexcept;

struct Request {
  std::uint32_t id = 0;
  Operation operation;
};

/// Done is an answer's payload before it is read as what the operation gives.
struct Done {
  Bytes payload;
};

using Outcome = std::variant<Done, Error>;

struct Answer {
  std::uint32_t id = 0;
  Outcome outcome;
};

/// frame puts the length before a body of 1 to kMaxBody bytes.
Bytes frame(BytesView body);

/// append_frame puts the length and a body of 1 to `max_body` bytes behind what `out` holds.
void append_frame(Bytes& out, BytesView body, std::size_t max_body = kMaxBody);

/// FrameReader cuts a stream of bytes into bodies.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_body = kMaxBody) : max_body_(max_body) {}

  /// room returns where to put up to `size` more bytes; `took` says how many were put there.
  std::span<std::uint8_t> room(std::size_t size);

  void took(std::size_t size) noexcept { end_ += size; }

  /// next returns the next whole body, valid until `room` is called; nothing while it is not
  /// whole. Throws Error{request} when the announced length is 0 or above the maximum.
  std::optional<BytesView> next();

  /// wipe overwrites a body that next() returned: it held a PIN.
  void wipe(BytesView body) noexcept;

  /// held counts the bytes that next() has not returned yet.
  std::size_t held() const noexcept { return end_ - begin_; }

 private:
  std::size_t max_body_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// The bodies. Parsing throws Error{request} for anything truncated, too long, or unknown.
Bytes encode(std::uint32_t id, const Operation& operation);
Bytes encode(const Answer& answer);
Request parse_request(BytesView body);
Answer parse_answer(BytesView body);

/// An outcome is an answer without its id.
Bytes encode(const Outcome& outcome);
Outcome parse_outcome(BytesView bytes);

/// id_of returns the id a body starts with, 0 when it is too short to have one.
std::uint32_t id_of(BytesView body) noexcept;

/// is_unlock says whether a request's body brings a PIN, well or badly formed.
bool is_unlock(BytesView body) noexcept;

/// The payloads of Done.
Bytes encode_bytes(BytesView bytes);
Bytes encode_keys(const std::vector<KeyInfo>& keys);
Bytes encode_key(const KeyRef& ref);
Bytes encode_status(const Status& status);
Bytes parse_bytes(BytesView payload);
std::vector<KeyInfo> parse_keys(BytesView payload);
KeyRef parse_key(BytesView payload);
Status parse_status(BytesView payload);

}  // namespace ringfence::hsm::wire
