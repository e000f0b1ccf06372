// CAPF's messages between phone and server.
#include "services/capf/protocol.h"

#include <array>
#include <limits>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/tlv.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;

constexpr std::uint8_t kMagic = 0x55;
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxPasswordBytes = 64;

/// The inner tag of a certificate element's value.
constexpr std::uint8_t kCertificateTag = 1;

enum class Tag : std::uint8_t {
  reason = 1,
  certificate_kind = 3,
  certificate = 4,
  signature = 6,
  version = 7,
  auth_type = 8,
  public_key = 9,
  key_size = 10,
  password = 11,
  retry_delay = 12,
  device_name = 13,
  sudi = 16,
  key_type = 17,
  curve = 18,
  sha2_signature = 20,
};

/// Elements finds a body's elements by tag and converts their values.
class Elements {
 public:
  explicit Elements(BytesView body) {
    core::Reader reader(body);
    while (!reader.empty()) {
      const auto [tag, value] = core::next_element(reader, "element");
      if (seen_[tag]) throw Error(Code::malformed, fmt::format("element {} is repeated", tag));
      seen_[tag] = true;
      values_[tag] = value;
    }
  }

  std::optional<BytesView> find(Tag tag) const {
    const auto index = static_cast<std::uint8_t>(tag);
    if (!seen_[index]) return std::nullopt;
    return values_[index];
  }

  std::optional<std::uint32_t> number(Tag tag, std::uint32_t max) const {
    const std::optional<BytesView> value = find(tag);
    if (!value) return std::nullopt;
    if (value->empty() || value->size() > 4) {
      throw Error(Code::malformed, fmt::format("element {} has {} bytes, a number has 1 to 4",
                                               static_cast<int>(tag), value->size()));
    }
    std::uint32_t number = 0;
    for (const std::uint8_t byte : *value) number = number << 8 | byte;
    if (number > max) {
      throw Error(Code::malformed, fmt::format("element {} is {}, more than {}",
                                               static_cast<int>(tag), number, max));
    }
    return number;
  }

  /// choice converts a number whose values are 0 to `last`.
  template <typename Enum>
  std::optional<Enum> choice(Tag tag, Enum last) const {
    const auto value = number(tag, static_cast<std::uint32_t>(last));
    if (!value) return std::nullopt;
    return static_cast<Enum>(*value);
  }

  /// reason keeps reasons that the reference does not name: they are refusals of some kind.
  std::optional<Reason> reason() const {
    const auto value = number(Tag::reason, std::numeric_limits<std::uint32_t>::max());
    if (!value) return std::nullopt;
    return *value > 0xff ? Reason::invalid_element : static_cast<Reason>(*value);
  }

  /// text returns the value without the NULs that end it, or nothing when absent.
  std::optional<BytesView> text(Tag tag, std::size_t max_bytes) const {
    std::optional<BytesView> value = find(tag);
    if (!value) return std::nullopt;
    while (!value->empty() && value->back() == 0) value = value->first(value->size() - 1);
    if (value->size() > max_bytes) {
      throw Error(Code::malformed,
                  fmt::format("element {} has {} characters, at most {} are allowed",
                              static_cast<int>(tag), value->size(), max_bytes));
    }
    if (std::find(value->begin(), value->end(), std::uint8_t{0}) != value->end()) {
      throw Error(Code::malformed,
                  fmt::format("element {} has a NUL inside its text", static_cast<int>(tag)));
    }
    return value;
  }

  Bytes bytes(Tag tag) const {
    const std::optional<BytesView> value = find(tag);
    return value ? Bytes(value->begin(), value->end()) : Bytes();
  }

  CertificateKind kind() const {
    const auto value = number(Tag::certificate_kind, 2).value_or(1);
    if (value == 0) throw Error(Code::malformed, "the certificate type is 0, not 1 or 2");
    return static_cast<CertificateKind>(value);
  }

 private:
  std::array<bool, 256> seen_{};
  std::array<BytesView, 256> values_{};
};

/// kDerSequence starts every certificate, and no inner form.
constexpr std::uint8_t kDerSequence = 0x30;

/// certificate_from reads the inner form, or a bare certificate, which is then of kind `bare`.
std::optional<ShownCertificate> certificate_from(BytesView value, CertificateKind bare) {
  if (value.empty()) return std::nullopt;
  if (value[0] == kDerSequence) return ShownCertificate{bare, Bytes(value.begin(), value.end())};
  core::Reader reader(value);
  if (reader.u8("certificate element") != kCertificateTag) {
    throw Error(Code::malformed, "the certificate element does not start with its inner tag 1");
  }
  const std::size_t length = reader.u16("certificate element");
  // What this length counts is inferred; a phone may leave out the type, or count the type alone.
  if (length != reader.left() && length + 2 != reader.left() && length != 2) {
    throw Error(Code::malformed, "the certificate element's inner length is not that of its value");
  }
  const std::uint16_t kind = reader.u16("certificate type");
  if (kind != 1 && kind != 2) {
    throw Error(Code::malformed, "the certificate type is neither 1 (LSC) nor 2 (MIC)");
  }
  const BytesView der = reader.rest();
  if (der.empty()) return std::nullopt;
  return ShownCertificate{static_cast<CertificateKind>(kind), Bytes(der.begin(), der.end())};
}

std::optional<ShownCertificate> certificate_in(const Elements& elements,
                                               CertificateKind bare = CertificateKind::lsc) {
  const std::optional<BytesView> value = elements.find(Tag::certificate);
  if (!value) return std::nullopt;
  if (elements.find(Tag::certificate_kind)) bare = elements.kind();
  return certificate_from(*value, bare);
}

/// sha2_signature_in takes a length of two bytes or of one, whichever is that of the rest.
std::optional<Sha2Signature> sha2_signature_in(const Elements& elements) {
  const std::optional<BytesView> value = elements.find(Tag::sha2_signature);
  if (!value || value->empty()) return std::nullopt;
  core::Reader reader(*value);
  const std::uint8_t algorithm = reader.u8("signature algorithm");
  const BytesView sized = reader.rest();
  const std::size_t length = reader.u16("signature length");
  BytesView signature = reader.rest();
  if (length != signature.size()) {
    if (sized[0] != sized.size() - 1) {
      throw Error(Code::malformed, "the signature's length in element 20 is not that of the rest");
    }
    signature = sized.subspan(1);
  }
  return Sha2Signature{algorithm, Bytes(signature.begin(), signature.end())};
}

/// sudi_in reads three values by their order; their tags are not known.
std::optional<Sudi> sudi_in(const Elements& elements) {
  const std::optional<BytesView> value = elements.find(Tag::sudi);
  if (!value || value->empty()) return std::nullopt;
  core::Reader reader(*value);
  std::array<BytesView, 3> parts;
  for (BytesView& part : parts) {
    reader.u8("SUDI element");
    part = reader.take(reader.u16("SUDI element"), "SUDI element");
  }
  if (!reader.empty()) throw Error(Code::malformed, "bytes follow the SUDI element's three parts");
  std::optional<ShownCertificate> certificate = certificate_from(parts[0], CertificateKind::mic);
  if (!certificate) throw Error(Code::malformed, "the SUDI element has no certificate");
  return Sudi{std::move(certificate->der), Bytes(parts[1].begin(), parts[1].end()),
              Bytes(parts[2].begin(), parts[2].end())};
}

AuthRequest parse_auth_request(const Elements& elements) {
  AuthRequest message;
  message.version =
      static_cast<std::uint8_t>(elements.number(Tag::version, 0xff).value_or(kVersion));
  message.type = elements.choice(Tag::auth_type, AuthType::mic).value_or(AuthType::none);
  return message;
}

AuthResponse parse_auth_response(const Elements& elements) {
  AuthResponse message;
  const auto device = elements.text(Tag::device_name, kMaxNameBytes);
  if (!device || device->empty()) {
    throw Error(Code::malformed, "the authentication response names no device");
  }
  message.device = core::text_of(*device);
  if (const auto version = elements.number(Tag::version, 0xff)) {
    message.version = static_cast<std::uint8_t>(*version);
  }
  message.type = elements.choice(Tag::auth_type, AuthType::mic);
  if (const auto password = elements.text(Tag::password, kMaxPasswordBytes)) {
    message.password = core::Secret(Bytes(password->begin(), password->end()));
  }
  message.certificate = certificate_in(
      elements, message.type == AuthType::mic ? CertificateKind::mic : CertificateKind::lsc);
  message.sha1_signature = elements.bytes(Tag::signature);
  message.sha512_signature = sha2_signature_in(elements);
  message.sudi = sudi_in(elements);
  return message;
}

KeyGenerateRequest parse_key_generate_request(const Elements& elements) {
  KeyGenerateRequest message;
  const auto bits = elements.number(Tag::key_size, 0xffff);
  if (!bits) throw Error(Code::malformed, "the key generate request has no key size");
  message.bits = static_cast<std::uint16_t>(*bits);
  message.type = elements.choice(Tag::key_type, KeyType::ec);
  message.curve = elements.choice(Tag::curve, Curve::p521);
  if (message.type == KeyType::ec && !message.curve) {
    throw Error(Code::malformed, "the key generate request asks for an EC key without a curve");
  }
  return message;
}

KeyGenerateResponse parse_key_generate_response(const Elements& elements) {
  KeyGenerateResponse message{elements.bytes(Tag::public_key), elements.reason()};
  if (message.spki.empty() && !message.reason) {
    throw Error(Code::malformed, "the key generate response has neither a key nor a reason");
  }
  return message;
}

StoreRequest parse_store_request(const Elements& elements) {
  std::optional<ShownCertificate> certificate = certificate_in(elements);
  if (!certificate) {
    throw Error(Code::malformed, "the store request has no certificate");
  }
  return {certificate->kind, std::move(certificate->der)};
}

FetchResponse parse_fetch_response(const Elements& elements) {
  FetchResponse message;
  message.reason = elements.reason();
  if (auto certificate = certificate_in(elements)) {
    message.kind = certificate->kind;
    message.der = std::move(certificate->der);
  }
  return message;
}

RetryLater parse_retry_later(const Elements& elements) {
  RetryLater message;
  if (const auto delay = elements.number(Tag::retry_delay, 0xffffffff)) {
    message.delay = std::chrono::seconds(*delay);
  }
  return message;
}

/// Body writes elements.
class Body {
 public:
  Body& u8(Tag tag, std::uint8_t value) { return bytes(tag, {{value}}); }

  template <typename Enum>
  Body& choice(Tag tag, Enum value) {
    return u8(tag, static_cast<std::uint8_t>(value));
  }

  Body& u16(Tag tag, std::uint16_t value) { return bytes(tag, core::Writer().u16(value).view()); }

  Body& u32(Tag tag, std::uint32_t value) { return bytes(tag, core::Writer().u32(value).view()); }

  Body& text(Tag tag, BytesView value) {
    return bytes(tag, core::Writer().bytes(value).u8(0).view());
  }

  Body& reason(std::optional<Reason> value) { return value ? choice(Tag::reason, *value) : *this; }

  Body& certificate(CertificateKind kind, BytesView der) {
    check_length(der.size() + 5);
    core::Writer value;
    value.u8(kCertificateTag).u16(static_cast<std::uint16_t>(der.size() + 2));
    value.u16(static_cast<std::uint16_t>(kind)).bytes(der);
    return bytes(Tag::certificate, value.view());
  }

  Body& sha2_signature(const Sha2Signature& signature) {
    check_length(signature.bytes.size() + 6);
    core::Writer value;
    value.u8(signature.algorithm).u16(static_cast<std::uint16_t>(signature.bytes.size()));
    return bytes(Tag::sha2_signature, value.bytes(signature.bytes).view());
  }

  Body& sudi(const Sudi& sudi) {
    core::Writer value;
    std::uint8_t tag = 1;
    for (const Bytes* part : {&sudi.certificate, &sudi.sha1_signature, &sudi.sha512_signature}) {
      check_length(value.view().size() + part->size() + 6);
      core::append_element(value, tag++, *part);
    }
    return bytes(Tag::sudi, value.view());
  }

  Body& bytes(Tag tag, BytesView value) {
    check_length(value.size() + 3);
    core::append_element(writer_, static_cast<std::uint8_t>(tag), value);
    return *this;
  }

  const Bytes& view() const noexcept { return writer_.view(); }

 private:
  void check_length(std::size_t more) const {
    if (writer_.view().size() + more > kMaxBodyBytes) {
      throw Error(Code::malformed,
                  fmt::format("the message is longer than {} bytes", kMaxBodyBytes));
    }
  }

  core::Writer writer_;
};

/// Encoder appends each message's elements; one overload a message.
struct Encoder {
  Body& body;

  void operator()(const AuthRequest& message) const {
    body.u8(Tag::version, message.version).choice(Tag::auth_type, message.type);
  }

  void operator()(const AuthResponse& message) const {
    body.text(Tag::device_name, core::bytes_of(message.device));
    if (message.type) body.choice(Tag::auth_type, *message.type);
    if (!message.password.empty()) body.text(Tag::password, message.password.reveal());
    if (message.version) body.u8(Tag::version, *message.version);
    if (message.certificate) body.certificate(message.certificate->kind, message.certificate->der);
    if (!message.sha1_signature.empty()) body.bytes(Tag::signature, message.sha1_signature);
    if (message.sha512_signature) body.sha2_signature(*message.sha512_signature);
    if (message.sudi) body.sudi(*message.sudi);
  }

  void operator()(const KeyGenerateRequest& message) const {
    body.u16(Tag::key_size, message.bits);
    if (message.type) body.choice(Tag::key_type, *message.type);
    if (message.curve) body.choice(Tag::curve, *message.curve);
  }

  void operator()(const KeyGenerateResponse& message) const {
    if (!message.spki.empty()) body.bytes(Tag::public_key, message.spki);
    body.reason(message.reason);
  }

  void operator()(const StoreRequest& message) const {
    body.certificate(message.kind, message.der);
  }

  void operator()(const StoreResponse& message) const { body.reason(message.reason); }

  void operator()(const FetchRequest& message) const {
    body.choice(Tag::certificate_kind, message.kind);
  }

  void operator()(const FetchResponse& message) const {
    if (!message.der.empty()) body.certificate(message.kind, message.der);
    body.reason(message.reason);
  }

  void operator()(const DeleteRequest& message) const {
    body.choice(Tag::certificate_kind, message.kind);
  }

  void operator()(const DeleteResponse& message) const { body.reason(message.reason); }

  void operator()(const EndSession& message) const { body.reason(message.reason); }

  void operator()(const RetryLater& message) const {
    if (message.delay) {
      body.u32(Tag::retry_delay, static_cast<std::uint32_t>(message.delay->count()));
    }
  }

  void operator()(const InProgress&) const {}

  void operator()(const Status&) const {}

  void operator()(const Abort& message) const { body.reason(message.reason); }
};

}  // namespace

int curve_bits(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256: return 256;
    case Curve::p384: return 384;
    case Curve::p521: return 521;
  }
  return 0;
}

Command command_of(const Message& message) noexcept {
  // In the order of the variant's alternatives.
  static constexpr std::array kCommands = {
      Command::auth_request,          Command::auth_response,  Command::key_generate_request,
      Command::key_generate_response, Command::store_request,  Command::store_response,
      Command::fetch_request,         Command::fetch_response, Command::delete_request,
      Command::delete_response,       Command::end_session,    Command::retry_later,
      Command::in_progress,           Command::status_request, Command::abort_request};
  static_assert(kCommands.size() == std::variant_size_v<Message>);
  return kCommands[message.index()];
}

std::string_view name(Command command) noexcept {
  switch (command) {
    case Command::auth_request: return "AUTH REQUEST";
    case Command::auth_response: return "AUTH RESPONSE";
    case Command::key_generate_request: return "KEY GENERATE REQUEST";
    case Command::key_generate_response: return "KEY GENERATE RESPONSE";
    case Command::store_request: return "STORE CERTIFICATE REQUEST";
    case Command::store_response: return "STORE CERTIFICATE RESPONSE";
    case Command::fetch_request: return "FETCH CERTIFICATE REQUEST";
    case Command::fetch_response: return "FETCH CERTIFICATE RESPONSE";
    case Command::delete_request: return "DELETE CERTIFICATE REQUEST";
    case Command::delete_response: return "DELETE CERTIFICATE RESPONSE";
    case Command::end_session: return "END SESSION";
    case Command::retry_later: return "RETRY LATER";
    case Command::in_progress: return "REQUEST IN PROGRESS";
    case Command::status_request: return "STATUS REQUEST";
    case Command::status_response: return "STATUS RESPONSE";
    case Command::abort_request: return "ABORT REQUEST";
    case Command::abort_response: return "ABORT RESPONSE";
  }
  return "unknown";
}

Header parse_header(BytesView bytes) {
  core::Reader reader(bytes);
  if (reader.u8("header") != kMagic) {
    throw Error(Code::malformed, "the message does not start with 0x55");
  }
  Header header;
  header.command = reader.u8("header");
  header.session = reader.u32("header");
  header.length = reader.u16("header");
  if (!reader.empty()) throw Error(Code::malformed, "the header is longer than 8 bytes");
  if (header.length > kMaxBodyBytes) {
    throw Error(Code::malformed, fmt::format("the message announces {} bytes, at most {} are read",
                                             header.length, kMaxBodyBytes));
  }
  return header;
}

Message parse_body(const Header& header, BytesView body) {
  if (body.size() != header.length) {
    throw Error(Code::malformed, "the body is not as long as the header says");
  }
  const Elements elements(body);
  switch (static_cast<Command>(header.command)) {
    case Command::auth_request: return parse_auth_request(elements);
    case Command::auth_response: return parse_auth_response(elements);
    case Command::key_generate_request: return parse_key_generate_request(elements);
    case Command::key_generate_response: return parse_key_generate_response(elements);
    case Command::store_request: return parse_store_request(elements);
    case Command::store_response: return StoreResponse{elements.reason()};
    case Command::fetch_request: return FetchRequest{elements.kind()};
    case Command::fetch_response: return parse_fetch_response(elements);
    case Command::delete_request: return DeleteRequest{elements.kind()};
    case Command::delete_response: return DeleteResponse{elements.reason()};
    case Command::end_session: return EndSession{elements.reason()};
    case Command::retry_later: return parse_retry_later(elements);
    case Command::in_progress: return InProgress{};
    case Command::status_request:
    case Command::status_response: return Status{};
    case Command::abort_request:
    case Command::abort_response: return Abort{elements.reason()};
  }
  throw Error(Code::malformed, fmt::format("command {} is not known", header.command));
}

Bytes encode(std::uint32_t session, const Message& message) {
  Body body;
  std::visit(Encoder{body}, message);
  core::Writer writer;
  writer.u8(kMagic).u8(static_cast<std::uint8_t>(command_of(message))).u32(session);
  writer.u16(static_cast<std::uint16_t>(body.view().size())).bytes(body.view());
  return writer.take();
}

}  // namespace ringfence::services::capf
