#include "hsm/wire.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "hsm/codec.h"

namespace ringfence::hsm::wire {
namespace {

enum class Op : std::uint8_t {
  sign = 1,
  public_key = 2,
  list = 3,
  generate = 4,
  destroy = 5,
  status = 6,
  unlock = 8,
};

constexpr std::size_t kMaxPin = 255;

SignRequest parse_sign(In& in) {
  SignRequest request;
  request.key = in.key();
  const std::uint8_t scheme = in.u8("scheme");
  if (scheme < 1 || scheme > 4) throw Error(Kind::request, "scheme must be 1 to 4");
  request.scheme = static_cast<Scheme>(scheme);
  request.hash = in.hash("hash");
  request.mgf_hash = in.hash("mgf hash");
  request.salt_bytes = in.u16("salt length");
  const BytesView input = in.bytes(kMaxBytes, "input");
  request.input.assign(input.begin(), input.end());
  const BytesView message = in.long_bytes(kMaxMessage, "message");
  request.message.assign(message.begin(), message.end());
  if (!request.input.empty() && !request.message.empty())
    throw Error(Kind::request, "a message and its digest cannot both be given");
  return request;
}

Operation parse_operation(In& in) {
  switch (static_cast<Op>(in.u8("operation"))) {
    case Op::sign: return parse_sign(in);
    case Op::public_key: return PublicKey{in.key()};
    case Op::list: return List{};
    case Op::generate: {
      Generate generate;
      generate.label = in.label();
      generate.spec = in.spec();
      return generate;
    }
    case Op::destroy: return Destroy{in.key()};
    case Op::status: return StatusQuery{};
    case Op::unlock: {
      const BytesView pin = in.bytes(kMaxPin, "PIN");
      if (pin.empty()) throw Error(Kind::request, "the PIN is empty");
      return Unlock{core::Secret(Bytes(pin.begin(), pin.end()))};
    }
  }
  throw Error(Kind::request, "operation must be 1 to 8");
}

struct EncodeOperation {
  Out& out;

  void operator()(const SignRequest& sign) const {
    out.code(Op::sign).key(sign.key).code(sign.scheme).code(sign.hash).code(sign.mgf_hash);
    out.u16(sign.salt_bytes).bytes(sign.input).long_bytes(sign.message);
  }

  void operator()(const PublicKey& query) const { out.code(Op::public_key).key(query.key); }

  void operator()(const List&) const { out.code(Op::list); }

  void operator()(const Generate& generate) const {
    out.code(Op::generate).text(generate.label).spec(generate.spec);
  }

  void operator()(const Destroy& destroy) const { out.code(Op::destroy).key(destroy.key); }

  void operator()(const StatusQuery&) const { out.code(Op::status); }

  void operator()(const Unlock& unlock) const { out.code(Op::unlock).bytes(unlock.pin.reveal()); }
};

void put(Out& out, const Outcome& outcome) {
  if (const Done* done = std::get_if<Done>(&outcome)) {
    out.u8(0).raw(done->payload);
    return;
  }
  const Error& error = std::get<Error>(outcome);
  out.code(error.kind()).u32(error.rv());
  out.u32(static_cast<std::uint64_t>(error.retry_after().count())).text(error.what());
}

void require_size(std::size_t size, std::size_t most) {
  if (size == 0 || size > most)
    throw Error(Kind::request, fmt::format("a frame holds 1 to {} bytes, not {}", most, size));
}

}  // namespace

bool repeatable(const Operation& operation) noexcept {
  return std::holds_alternative<SignRequest>(operation) ||
         std::holds_alternative<PublicKey>(operation) || std::holds_alternative<List>(operation) ||
         std::holds_alternative<StatusQuery>(operation);
}

void append_frame(Bytes& out, BytesView body, std::size_t max_body) {
  require_size(body.size(), max_body);
  const Bytes head = Out().u32(body.size()).take();
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), body.begin(), body.end());
}

Bytes frame(BytesView body) {
  Bytes out;
  out.reserve(4 + body.size());
  append_frame(out, body);
  return out;
}

std::span<std::uint8_t> FrameReader::room(std::size_t size) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + size) buffer_.resize(end_ + size);
  return {buffer_.data() + end_, size};
}

std::optional<BytesView> FrameReader::next() {
  const BytesView held(buffer_.data() + begin_, end_ - begin_);
  if (held.size() < 4) return std::nullopt;
  const std::size_t size = In(held).u32("length");
  require_size(size, max_body_);
  if (held.size() - 4 < size) return std::nullopt;
  begin_ += 4 + size;
  return held.subspan(4, size);
}

void FrameReader::wipe(BytesView body) noexcept {
  ::explicit_bzero(buffer_.data() + (body.data() - buffer_.data()), body.size());
}

Bytes encode(std::uint32_t id, const Operation& operation) {
  Out out;
  out.u32(id);
  std::visit(EncodeOperation{out}, operation);
  return out.take();
}

Bytes encode(const Outcome& outcome) {
  Out out;
  put(out, outcome);
  return out.take();
}

Bytes encode(const Answer& answer) {
  Out out;
  out.u32(answer.id);
  put(out, answer.outcome);
  return out.take();
}

Request parse_request(BytesView body) {
  In in(body);
  Request request;
  request.id = in.u32("request id");
  request.operation = parse_operation(in);
  in.end();
  return request;
}

Outcome parse_outcome(BytesView bytes) {
  In in(bytes);
  const std::uint8_t outcome = in.u8("outcome");
  if (outcome == 0) return Done{{in.rest().begin(), in.rest().end()}};
  if (outcome > static_cast<std::uint8_t>(Kind::unavailable))
    throw Error(Kind::request, "outcome must be 0 to 5");
  const std::uint32_t rv = in.u32("code");
  const std::chrono::seconds retry(in.u32("retry"));
  const std::string what = in.text(kMaxText, "what");
  in.end();
  return Error(static_cast<Kind>(outcome), what, retry, rv);
}

Answer parse_answer(BytesView body) {
  In in(body);
  const std::uint32_t id = in.u32("answer id");
  return {id, parse_outcome(in.rest())};
}

std::uint32_t id_of(BytesView body) noexcept {
  return body.size() < 4 ? 0 : In(body).u32("request id");
}

bool is_unlock(BytesView body) noexcept {
  return body.size() > 4 && body[4] == static_cast<std::uint8_t>(Op::unlock);
}

Bytes encode_bytes(BytesView bytes) {
  return Out().bytes(bytes).take();
}

Bytes encode_keys(const std::vector<KeyInfo>& keys) {
  Out out;
  out.u16(keys.size());
  for (const KeyInfo& key : keys) out.key(key.ref).spec(key.spec);
  return out.take();
}

Bytes encode_key(const KeyRef& ref) {
  return Out().key(ref).take();
}

Bytes parse_bytes(BytesView payload) {
  In in(payload);
  const BytesView bytes = in.bytes(kMaxBytes, "bytes");
  in.end();
  return {bytes.begin(), bytes.end()};
}

std::vector<KeyInfo> parse_keys(BytesView payload) {
  In in(payload);
  std::vector<KeyInfo> keys;
  for (std::size_t left = in.u16("count"); left > 0; --left) {
    KeyInfo& info = keys.emplace_back();
    info.ref = in.key();
    info.spec = in.spec();
  }
  in.end();
  return keys;
}

KeyRef parse_key(BytesView payload) {
  In in(payload);
  KeyRef ref = in.key();
  in.end();
  return ref;
}

}  // namespace ringfence::hsm::wire
