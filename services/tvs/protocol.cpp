#include "services/tvs/protocol.h"

#include <array>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/tlv.h"

namespace ringfence::services::tvs {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;

constexpr std::uint8_t kProtocol = 0x57;
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kDeviceMark = 1;  // stands before the text of a device name

enum Tag : std::uint8_t {
  kDevice = 1,
  kCertificate = 2,
  kSubject = 3,
  kIssuer = 4,
  kSerial = 5,
  kStatus = 7,
  kRoles = 8,
  kTimeToLiveTag = 9,
};

/// text_in reads a name: some senders end it with NUL bytes.
std::string text_in(BytesView value) {
  while (!value.empty() && value.back() == 0) value = value.first(value.size() - 1);
  return core::text_of(value);
}

std::string device_in(BytesView value) {
  if (!value.empty() && value.front() == kDeviceMark) value = value.subspan(1);
  return text_in(value);
}

/// Elements are the values of one message by tag, each at most once.
class Elements {
 public:
  explicit Elements(BytesView payload) {
    core::Reader reader(payload);
    while (!reader.empty()) {
      const core::Element element = core::next_element(reader, "TVS element");
      if (element.tag >= values_.size()) continue;
      std::optional<BytesView>& value = values_[element.tag];
      if (value) {
        throw Error(Code::malformed, fmt::format("TVS element {} comes twice", element.tag));
      }
      value = element.value;
    }
  }

  BytesView operator[](Tag tag) const { return values_[tag].value_or(BytesView{}); }

 private:
  std::array<std::optional<BytesView>, 16> values_{};
};

void append_header(core::Writer& writer, Command command, std::uint32_t session,
                   std::size_t length) {
  writer.u8(kProtocol).u8(kVersion).u8(static_cast<std::uint8_t>(command)).u8(0);
  writer.u32(session).u16(static_cast<std::uint16_t>(length));
}

Bytes message(Command command, std::uint32_t session, BytesView payload) {
  if (payload.size() > 0xffff) throw Error(Code::malformed, "TVS message exceeds 65535 bytes");
  core::Writer writer;
  append_header(writer, command, session, payload.size());
  writer.bytes(payload);
  return writer.take();
}

void append_name(core::Writer& writer, Tag tag, const std::string& name) {
  if (name.empty()) return;
  core::Writer value;
  value.text(name).u8(0);
  core::append_element(writer, tag, value.view());
}

void append_device(core::Writer& writer, const std::string& device) {
  if (device.empty()) return;
  core::Writer value;
  value.u8(kDeviceMark).text(device);
  core::append_element(writer, kDevice, value.view());
}

}  // namespace

Header parse_header(BytesView bytes) {
  core::Reader reader(bytes);
  const std::uint8_t protocol = reader.u8("TVS header");
  const std::uint8_t version = reader.u8("TVS header");
  const std::uint8_t command = reader.u8("TVS header");
  reader.u8("TVS header");
  Header header;
  header.session = reader.u32("TVS header");
  header.length = reader.u16("TVS header");
  if (protocol != kProtocol || version != kVersion) {
    throw Error(
        Code::malformed,
        fmt::format("TVS message starts with {:02x} {:02x}, right is 57 01", protocol, version));
  }
  header.command = static_cast<Command>(command);
  if (header.command != Command::verify_request && header.command != Command::query_request) {
    throw Error(Code::malformed, fmt::format("TVS command {} is not a request (1 or 3)", command));
  }
  if (header.length > kMaxPayloadBytes) {
    throw Error(Code::malformed, fmt::format("TVS message announces {} bytes, at most {} are read",
                                             header.length, kMaxPayloadBytes));
  }
  return header;
}

Request parse_request(const Header& header, BytesView payload) {
  if (payload.size() != header.length) {
    throw Error(Code::malformed, "TVS message has another length than its header says");
  }
  const Elements elements(payload);
  const std::string device = device_in(elements[kDevice]);
  if (header.command == Command::verify_request) {
    const BytesView certificate = elements[kCertificate];
    if (certificate.empty()) throw Error(Code::malformed, "TVS verification has no certificate");
    return Verify{device, Bytes(certificate.begin(), certificate.end())};
  }
  const BytesView serial = elements[kSerial];
  Query query{device, text_in(elements[kSubject]), text_in(elements[kIssuer]),
              Bytes(serial.begin(), serial.end())};
  if (query.serial.empty() && query.subject.empty()) {
    throw Error(Code::malformed, "TVS query names neither serial number nor subject");
  }
  return query;
}

Bytes to_bytes(const Header& request, const Answer& answer) {
  const bool query = request.command == Command::query_request;
  core::Writer payload;
  const std::array<std::uint8_t, 1> status = {static_cast<std::uint8_t>(answer.trusted() ? 0 : 1)};
  core::append_element(payload, kStatus, status);
  if (answer.trusted()) {
    if (query) core::append_element(payload, kCertificate, answer.certificate);
    core::append_element(payload, kRoles, answer.roles);
    core::Writer seconds;
    seconds.u32(kTimeToLive);
    core::append_element(payload, kTimeToLiveTag, seconds.view());
  }
  return message(query ? Command::query_response : Command::verify_response, request.session,
                 payload.view());
}

Bytes to_bytes(std::uint32_t session, const Request& request) {
  core::Writer payload;
  if (const auto* verify = std::get_if<Verify>(&request)) {
    append_device(payload, verify->device);
    core::append_element(payload, kCertificate, verify->certificate);
    return message(Command::verify_request, session, payload.view());
  }
  const Query& query = std::get<Query>(request);
  append_device(payload, query.device);
  append_name(payload, kSubject, query.subject);
  append_name(payload, kIssuer, query.issuer);
  if (!query.serial.empty()) core::append_element(payload, kSerial, query.serial);
  return message(Command::query_request, session, payload.view());
}

}  // namespace ringfence::services::tvs
