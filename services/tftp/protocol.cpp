#include "services/tftp/protocol.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::services::tftp {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;

enum Opcode : std::uint16_t {
  kRead = 1,
  kWrite = 2,
  kData = 3,
  kAck = 4,
  kError = 5,
  kOptionAck = 6,
};

constexpr std::size_t kMinBlockBytes = 8;
constexpr std::size_t kMaxWindowAsked = 65535;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// take_text takes the bytes up to a NUL, and the NUL.
std::string take_text(core::Reader& reader, std::string_view what) {
  const BytesView rest = reader.rest();
  const auto end = std::find(rest.begin(), rest.end(), std::uint8_t{0});
  if (end == rest.end()) throw Error(Code::malformed, fmt::format("{} has no end", what));
  const auto length = static_cast<std::size_t>(end - rest.begin());
  std::string text = core::text_of(reader.take(length, what));
  reader.u8(what);
  return text;
}

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void read_option(Options& options, const std::string& name, const std::string& text) {
  const std::optional<std::uint64_t> value = number_in(text);
  if (!value) return;
  if (name == "blksize" && *value >= kMinBlockBytes) {
    options.block_bytes = std::min<std::uint64_t>(*value, kMaxBlockBytes);
  } else if (name == "timeout" && *value >= 1 && *value <= kMaxTimeoutSeconds) {
    options.timeout_seconds = static_cast<unsigned>(*value);
  } else if (name == "tsize") {
    options.size = true;
  } else if (name == "windowsize" && *value >= 1 && *value <= kMaxWindowAsked) {
    options.window = *value;
  }
}

/// bound_window cuts the window to what all its packets together may be.
void bound_window(Options& options) {
  if (!options.window) return;
  const std::size_t packet = options.block_bytes.value_or(kDefaultBlockBytes) + kDataHeaderBytes;
  const std::size_t most = std::clamp<std::size_t>(kMaxWindowBytes / packet, 1, kMaxWindow);
  options.window = std::min(*options.window, most);
}

void append_option(core::Writer& writer, std::string_view name, std::uint64_t value) {
  writer.text(name).u8(0).text(fmt::format("{}", value)).u8(0);
}

void append_options(core::Writer& writer, const Options& options, std::size_t size) {
  if (options.block_bytes) append_option(writer, "blksize", *options.block_bytes);
  if (options.timeout_seconds) append_option(writer, "timeout", *options.timeout_seconds);
  if (options.size) append_option(writer, "tsize", size);
  if (options.window) append_option(writer, "windowsize", *options.window);
}

}  // namespace

bool is_request(BytesView datagram) noexcept {
  return datagram.size() >= 2 && datagram[0] == 0 &&
         (datagram[1] == kRead || datagram[1] == kWrite);
}

ReadRequest parse_request(BytesView datagram) {
  if (datagram.size() > kMaxRequestBytes) {
    throw Error(Code::malformed, fmt::format("request is longer than {} bytes", kMaxRequestBytes));
  }
  core::Reader reader(datagram);
  const std::uint16_t opcode = reader.u16("operation");
  if (opcode == kWrite) throw Error(Code::refused, "this server is read only");
  if (opcode != kRead) {
    throw Error(Code::malformed, fmt::format("operation {} is not a read request (1)", opcode));
  }
  ReadRequest request;
  request.file = take_text(reader, "file name");
  const std::string mode = lower(take_text(reader, "mode"));
  if (mode == "netascii") {
    request.mode = Mode::netascii;
  } else if (mode != "octet") {
    throw Error(Code::malformed, "mode must be octet or netascii");
  }
  std::set<std::string> seen;
  while (!reader.empty()) {
    const std::string name = lower(take_text(reader, "option name"));
    const std::string value = take_text(reader, "option value");
    if (!seen.insert(name).second) throw Error(Code::malformed, "an option comes twice");
    read_option(request.options, name, value);
  }
  bound_window(request.options);
  return request;
}

Reply parse_reply(BytesView datagram) {
  core::Reader reader(datagram);
  const std::uint16_t opcode = reader.u16("operation");
  const std::uint16_t number = reader.u16("number");
  if (opcode == kAck) return Acknowledgement{number};
  if (opcode == kError) return Refusal{static_cast<Failure>(number)};
  throw Error(Code::malformed, fmt::format("operation {} has no place in a transfer", opcode));
}

Bytes data_packet(std::uint16_t block, BytesView data) {
  Bytes packet;
  append_data(packet, block, data);
  return packet;
}

void append_data(Bytes& packets, std::uint16_t block, BytesView data) {
  const std::array<std::uint8_t, kDataHeaderBytes> header = {
      0, kData, static_cast<std::uint8_t>(block >> 8U), static_cast<std::uint8_t>(block)};
  packets.insert(packets.end(), header.begin(), header.end());
  packets.insert(packets.end(), data.begin(), data.end());
}

Bytes error_packet(Failure failure, std::string_view text) {
  core::Writer writer;
  writer.u16(kError).u16(static_cast<std::uint16_t>(failure)).text(text).u8(0);
  return writer.take();
}

Bytes error_within(std::size_t datagram_bytes, Failure failure, std::string_view text) {
  for (const std::string_view words : {text, std::string_view()}) {
    Bytes packet = error_packet(failure, words);
    if (packet.size() <= kMaxAmplification * datagram_bytes) return packet;
  }
  return {};
}

Bytes option_packet(const Options& options, std::size_t file_bytes) {
  core::Writer writer;
  writer.u16(kOptionAck);
  append_options(writer, options, file_bytes);
  return writer.take();
}

Bytes request_packet(const ReadRequest& request) {
  core::Writer writer;
  writer.u16(kRead).text(request.file).u8(0);
  writer.text(request.mode == Mode::octet ? "octet" : "netascii").u8(0);
  append_options(writer, request.options, 0);
  return writer.take();
}

Bytes to_netascii(BytesView text) {
  Bytes converted;
  converted.reserve(text.size() + text.size() / 16);
  for (const std::uint8_t byte : text) {
    if (byte == '\n') converted.push_back('\r');
    converted.push_back(byte);
    if (byte == '\r') converted.push_back(0);
  }
  return converted;
}

}  // namespace ringfence::services::tftp
