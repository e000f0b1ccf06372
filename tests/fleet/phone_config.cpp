#include "tests/fleet/phone_config.h"

#include <charconv>
#include <initializer_list>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;

namespace {

/// inside returns what stands in the first element of that name; empty when there is none.
std::string_view inside(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}", name);
  const std::string close = fmt::format("</{}>", name);
  for (std::size_t at = xml.find(open); at != std::string_view::npos; at = xml.find(open, at + 1)) {
    const std::size_t after = at + open.size();
    if (after >= xml.size() || (xml[after] != '>' && xml[after] != ' ')) continue;
    const std::size_t start = xml.find('>', after);
    if (start == std::string_view::npos || xml[start - 1] == '/') return {};
    const std::size_t end = xml.find(close, start);
    if (end == std::string_view::npos)
      throw Error(Code::malformed, fmt::format("the configuration's {} does not end", name));
    return xml.substr(start + 1, end - start - 1);
  }
  return {};
}

std::string_view inside(std::string_view xml, std::initializer_list<std::string_view> path) {
  for (const std::string_view name : path) xml = inside(xml, name);
  return xml;
}

template <typename Number>
Number number(std::string_view text, std::string_view what) {
  Number value{};
  if (text.empty()) return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::malformed, fmt::format("the configuration's {} is no number", what));
  return value;
}

}  // namespace

PhoneConfig parse_phone_config(std::string_view xml) {
  const std::string_view device = inside(xml, "device");
  if (device.empty()) throw Error(Code::malformed, "the configuration has no device element");
  PhoneConfig config;
  std::string_view stamp = inside(device, "versionStamp");
  if (stamp.starts_with('{') && stamp.ends_with('}')) stamp = stamp.substr(1, stamp.size() - 2);
  config.version_stamp = stamp;
  config.capf_auth_mode = number<int>(inside(device, "capfAuthMode"), "capfAuthMode");

  if (const std::string_view transport = inside(device, "transportLayerProtocol");
      !transport.empty())
    config.sip_transport = number<int>(transport, "transportLayerProtocol");

  const std::string_view capf = inside(device, {"capfList", "capf"});
  config.capf.address = inside(capf, "processNodeName");
  config.capf.port = number<std::uint16_t>(inside(capf, "phonePort"), "CAPF port");

  std::string_view tvs = inside(device, {"TVS", "members", "member"});
  if (tvs.empty()) tvs = inside(device, {"tvs", "members", "member"});
  config.tvs.address = inside(tvs, "address");
  config.tvs.port = number<std::uint16_t>(inside(tvs, "port"), "TVS port");

  const std::string_view node =
      inside(device, {"devicePool", "callManagerGroup", "members", "member", "callManager"});
  config.call_manager.address = inside(node, "processNodeName");
  config.call_manager.port = number<std::uint16_t>(inside(node, {"ports", "sipPort"}), "SIP port");

  const std::string_view stack = inside(device, {"sipProfile", "sipStack"});
  const auto expires = number<unsigned>(inside(stack, "timerRegisterExpires"), "register timer");
  const auto delta = number<unsigned>(inside(stack, "timerRegisterDelta"), "register delta");
  if (expires != 0) config.register_expires = std::chrono::seconds(expires);
  if (delta != 0) config.register_delta = std::chrono::seconds(delta);
  return config;
}

}  // namespace ringfence::fleet
