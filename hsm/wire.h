// What passes through the signer's sockets: frames, requests, answers. Pure.
//
// Integers are big-endian. A frame is u32 length (of what follows) and the body:
//   request  u32 id, u8 operation, fields      answer  u32 id, u8 outcome (0 = done), fields
// text and bytes are u16 length + that many bytes; a key is text label + u32 version.
//   1 sign        key, u8 scheme, u8 hash, u8 mgf hash, u16 salt, bytes input -> bytes signature
//   2 public_key  key                                           -> bytes SubjectPublicKeyInfo
//   3 list                                  -> u16 count, each key, u8 algorithm, u16 bits
//   4 generate    text label, u8 algorithm, u16 bits            -> key
//   5 destroy     key                                           -> nothing
//   6 status                                                    -> the fields of Status in order
// An outcome other than 0 is a Kind, followed by u32 PKCS#11 code, u32 retry seconds, text what.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "hsm/error.h"
#include "hsm/key.h"

namespace ringfence::hsm::wire {

inline constexpr std::size_t kMaxBody = 16384;

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

using Operation = std::variant<SignRequest, PublicKey, List, Generate, Destroy, StatusQuery>;

struct Request {
  std::uint32_t id = 0;
  Operation operation;
  bool operator==(const Request&) const = default;
};

/// Done is an answer's payload before it is read as what the operation gives.
struct Done {
  Bytes payload;
};

struct Answer {
  std::uint32_t id = 0;
  std::variant<Done, Error> outcome;
};

/// frame puts the length before a body of at most kMaxBody bytes.
Bytes frame(BytesView body);

/// take_frame removes the first whole frame from `buffer` and returns its body; nothing when it is
/// not whole yet. Throws Error{request} when the announced length is 0 or above kMaxBody.
std::optional<Bytes> take_frame(Bytes& buffer);

/// The bodies. Parsing throws Error{request} for anything truncated, too long, or unknown.
Bytes encode(const Request& request);
Bytes encode(const Answer& answer);
Request parse_request(BytesView body);
Answer parse_answer(BytesView body);

/// id_of returns the id a body starts with, 0 when it is too short to have one.
std::uint32_t id_of(BytesView body) noexcept;

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
