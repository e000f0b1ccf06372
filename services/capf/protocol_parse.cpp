// From bytes to CAPF's messages.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/tlv.h"
#include "services/capf/element_tags.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxPasswordBytes = 64;

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

}  // namespace

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

}  // namespace ringfence::services::capf
