#include "hsm/wire.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::hsm {

bool is_label(std::string_view text) noexcept {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good);
}

std::string to_text(const KeyRef& ref) {
  return fmt::format("{}/{}", ref.label, ref.version);
}

std::size_t size_of(Hash hash) noexcept {
  switch (hash) {
    case Hash::none: return 0;
    case Hash::md5: return 16;
    case Hash::sha1: return 20;
    case Hash::sha224: return 28;
    case Hash::sha256: return 32;
    case Hash::sha384: return 48;
    case Hash::sha512: return 64;
  }
  return 0;
}

namespace wire {
namespace {

constexpr std::size_t kMaxLabel = 64;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxBytes = 4096;

enum class Op : std::uint8_t {
  sign = 1,
  public_key = 2,
  list = 3,
  generate = 4,
  destroy = 5,
  status = 6,
};

class Out {
 public:
  Out& u8(std::uint8_t value) {
    bytes_.push_back(value);
    return *this;
  }

  template <typename Enum>
  Out& code(Enum value) {
    return u8(static_cast<std::uint8_t>(value));
  }

  Out& u16(std::size_t value) { return number(value, 2); }

  Out& u32(std::uint64_t value) { return number(value, 4); }

  Out& u64(std::uint64_t value) { return number(value, 8); }

  Out& bytes(BytesView value) {
    u16(value.size());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  Out& text(std::string_view value) {
    value = value.substr(0, kMaxText);
    u16(value.size());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  Out& raw(BytesView value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  Out& key(const KeyRef& ref) { return text(ref.label).u32(ref.version); }

  Bytes take() { return std::move(bytes_); }

 private:
  Out& number(std::uint64_t value, unsigned size) {
    while (size-- > 0) u8(static_cast<std::uint8_t>(value >> (8 * size)));
    return *this;
  }

  Bytes bytes_;
};

class In {
 public:
  explicit In(BytesView bytes) : rest_(bytes) {}

  std::uint8_t u8(std::string_view what) { return static_cast<std::uint8_t>(number(1, what)); }

  std::uint16_t u16(std::string_view what) { return static_cast<std::uint16_t>(number(2, what)); }

  std::uint32_t u32(std::string_view what) { return static_cast<std::uint32_t>(number(4, what)); }

  std::uint64_t u64(std::string_view what) { return number(8, what); }

  BytesView bytes(std::size_t max, std::string_view what) {
    const std::size_t size = u16(what);
    if (size > max) throw Error(Kind::request, fmt::format("{} is longer than {}", what, max));
    return take(size, what);
  }

  std::string text(std::size_t max, std::string_view what) {
    const BytesView view = bytes(max, what);
    return {view.begin(), view.end()};
  }

  std::string label() {
    std::string label = text(kMaxLabel, "key label");
    if (!is_label(label))
      throw Error(Kind::request, "key label must be 1 to 64 of A-Z a-z 0-9 . _ -");
    return label;
  }

  KeyRef key() {
    KeyRef ref;
    ref.label = label();
    ref.version = u32("key version");
    return ref;
  }

  KeySpec spec() {
    const std::uint8_t algorithm = u8("key algorithm");
    const std::uint16_t bits = u16("key bits");
    if (algorithm != 1 && algorithm != 2)
      throw Error(Kind::request, "key algorithm must be 1 (RSA) or 2 (EC)");
    return {static_cast<KeyAlgorithm>(algorithm), bits};
  }

  Hash hash(std::string_view what) {
    const std::uint8_t value = u8(what);
    if (value > static_cast<std::uint8_t>(Hash::sha512))
      throw Error(Kind::request, fmt::format("{} must be 0 to 6", what));
    return static_cast<Hash>(value);
  }

  BytesView rest() const noexcept { return rest_; }

  void end() const {
    if (!rest_.empty()) throw Error(Kind::request, fmt::format("{} bytes too many", rest_.size()));
  }

 private:
  BytesView take(std::size_t size, std::string_view what) {
    if (rest_.size() < size) throw Error(Kind::request, fmt::format("{} is truncated", what));
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::uint64_t number(std::size_t size, std::string_view what) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(size, what)) value = value << 8 | byte;
    return value;
  }

  BytesView rest_;
};

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
  }
  throw Error(Kind::request, "operation must be 1 to 6");
}

struct EncodeOperation {
  Out& out;

  void operator()(const SignRequest& sign) const {
    out.code(Op::sign).key(sign.key).code(sign.scheme).code(sign.hash).code(sign.mgf_hash);
    out.u16(sign.salt_bytes).bytes(sign.input);
  }

  void operator()(const PublicKey& query) const { out.code(Op::public_key).key(query.key); }

  void operator()(const List&) const { out.code(Op::list); }

  void operator()(const Generate& generate) const {
    out.code(Op::generate).text(generate.label);
    out.code(generate.spec.algorithm).u16(generate.spec.bits);
  }

  void operator()(const Destroy& destroy) const { out.code(Op::destroy).key(destroy.key); }

  void operator()(const StatusQuery&) const { out.code(Op::status); }
};

}  // namespace

Bytes frame(BytesView body) {
  if (body.empty() || body.size() > kMaxBody)
    throw Error(Kind::request, fmt::format("a frame holds 1 to {} bytes", kMaxBody));
  return Out().u32(body.size()).raw(body).take();
}

std::optional<Bytes> take_frame(Bytes& buffer) {
  if (buffer.size() < 4) return std::nullopt;
  const std::size_t size = In(buffer).u32("length");
  if (size == 0 || size > kMaxBody)
    throw Error(Kind::request, fmt::format("a frame holds 1 to {} bytes, not {}", kMaxBody, size));
  if (buffer.size() < 4 + size) return std::nullopt;
  const auto begin = buffer.begin() + 4;
  const auto end = begin + static_cast<std::ptrdiff_t>(size);
  Bytes body(begin, end);
  buffer.erase(buffer.begin(), end);
  return body;
}

Bytes encode(const Request& request) {
  Out out;
  out.u32(request.id);
  std::visit(EncodeOperation{out}, request.operation);
  return out.take();
}

Bytes encode(const Answer& answer) {
  Out out;
  out.u32(answer.id);
  if (const Done* done = std::get_if<Done>(&answer.outcome)) {
    out.u8(0).raw(done->payload);
  } else {
    const Error& error = std::get<Error>(answer.outcome);
    out.code(error.kind()).u32(error.rv());
    out.u32(static_cast<std::uint64_t>(error.retry_after().count())).text(error.what());
  }
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

Answer parse_answer(BytesView body) {
  In in(body);
  const std::uint32_t id = in.u32("answer id");
  const std::uint8_t outcome = in.u8("outcome");
  if (outcome == 0) return {id, Done{{in.rest().begin(), in.rest().end()}}};
  if (outcome > static_cast<std::uint8_t>(Kind::unavailable))
    throw Error(Kind::request, "outcome must be 0 to 5");
  const std::uint32_t rv = in.u32("code");
  const std::chrono::seconds retry(in.u32("retry"));
  const std::string what = in.text(kMaxText, "what");
  in.end();
  return {id, Error(static_cast<Kind>(outcome), what, retry, rv)};
}

std::uint32_t id_of(BytesView body) noexcept {
  return body.size() < 4 ? 0 : In(body).u32("request id");
}

Bytes encode_bytes(BytesView bytes) {
  return Out().bytes(bytes).take();
}

Bytes encode_keys(const std::vector<KeyInfo>& keys) {
  Out out;
  out.u16(keys.size());
  for (const KeyInfo& key : keys) out.key(key.ref).code(key.spec.algorithm).u16(key.spec.bits);
  return out.take();
}

Bytes encode_key(const KeyRef& ref) {
  return Out().key(ref).take();
}

Bytes encode_status(const Status& status) {
  return Out()
      .text(status.module)
      .text(status.library)
      .text(status.token)
      .u32(status.workers)
      .u32(status.queued)
      .u64(status.answered)
      .u32(status.keys)
      .u32(status.session_copies)
      .u32(status.restarts)
      .take();
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

Status parse_status(BytesView payload) {
  In in(payload);
  Status status;
  status.module = in.text(kMaxText, "module");
  status.library = in.text(kMaxText, "library");
  status.token = in.text(kMaxText, "token");
  status.workers = in.u32("workers");
  status.queued = in.u32("queued");
  status.answered = in.u64("answered");
  status.keys = in.u32("keys");
  status.session_copies = in.u32("copies");
  status.restarts = in.u32("restarts");
  in.end();
  return status;
}

}  // namespace wire
}  // namespace ringfence::hsm
