// From CAPF's messages to bytes.
#include <variant>

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

Bytes encode(std::uint32_t session, const Message& message) {
  Body body;
  std::visit(Encoder{body}, message);
  core::Writer writer;
  writer.u8(kMagic).u8(static_cast<std::uint8_t>(command_of(message))).u32(session);
  writer.u16(static_cast<std::uint16_t>(body.view().size())).bytes(body.view());
  return writer.take();
}

}  // namespace ringfence::services::capf
