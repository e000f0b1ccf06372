// One template, filled in.
#include "core/phones/config_file.h"

#include <fmt/format.h>

#include "core/phones/model_series.h"

namespace ringfence::core {
namespace {

/// escaped makes `text` safe as the content of an element (XML 1.0 section 2.4).
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&apos;"; break;
      default: result += c;
    }
  return result;
}

/// auth_mode_number is the phone's numbering of what CAPF will ask it for; 0 says: do not go there.
int auth_mode_number(AuthMode mode, CapfVisit visit) {
  if (visit == CapfVisit::none) return 0;
  switch (mode) {
    case AuthMode::auth_string: return 1;
    case AuthMode::null_string: return 2;
    case AuthMode::lsc: return 3;
    case AuthMode::mic: return 4;
  }
  return 0;
}

/// capf_port is the one for TLS 1.0 for the 7900 series, which knows no more.
std::uint16_t capf_port(const Phone& phone, const ConfigNode& node) noexcept {
  return is_of_series(phone.model, "79") ? node.capf_legacy.value_or(node.capf) : node.capf;
}

constexpr std::string_view kCallManager = R"(        <member priority="{priority}">
          <callManager>
            <name>{address}</name>
            <description>{address}</description>
            <ports>
              <ethernetPhonePort>2000</ethernetPhonePort>
              <sipPort>{sip}</sipPort>
              <securedSipPort>{sips}</securedSipPort>
            </ports>
            <processNodeName>{address}</processNodeName>
          </callManager>
        </member>
)";

constexpr std::string_view kDefaultCallManager = R"(      <member priority="{priority}">
        <callManager>
          <ports>
            <ethernetPhonePort>2000</ethernetPhonePort>
            <sipPort>{sip}</sipPort>
            <securedSipPort>{sips}</securedSipPort>
          </ports>
          <processNodeName>{address}</processNodeName>
        </callManager>
      </member>
)";

constexpr std::string_view kTvs = R"(      <member priority="{priority}">
        <port>{tvs}</port>
        <address>{address}</address>
      </member>
)";

/// members fills `one` in for the node and for those of the others that `serves` it, `most` at
/// most.
std::string members(const ConfigNode& node, std::string_view one, bool ConfigMember::*serves,
                    std::size_t most) {
  std::vector<ConfigMember> all = {{node.address, node.sip, node.sips, node.tvs}};
  for (const ConfigMember& other : node.others)
    if (other.*serves && all.size() < most) all.push_back(other);
  std::string text;
  for (std::size_t priority = 0; priority < all.size(); ++priority) {
    const ConfigMember& member = all[priority];
    text += fmt::format(fmt::runtime(one), fmt::arg("priority", priority),
                        fmt::arg("address", escaped(member.address)), fmt::arg("sip", member.sip),
                        fmt::arg("sips", member.sips), fmt::arg("tvs", member.tvs));
  }
  return text;
}

constexpr std::string_view kDefault = R"(<?xml version="1.0" encoding="UTF-8"?>
<Default>
  <callManagerGroup>
    <members>
{call_managers}    </members>
  </callManagerGroup>
  <TVS>
    <members>
{tvs}    </members>
  </TVS>
</Default>
)";

constexpr std::string_view kTemplate = R"(<?xml version="1.0" encoding="UTF-8"?>
<device>
  <fullConfig>true</fullConfig>
  <deviceProtocol>SIP</deviceProtocol>
  <ipAddressMode>0</ipAddressMode>
  <devicePool>
    <name>{pool}</name>
    <dateTimeSetting>
      <dateTemplate>D-M-Y</dateTemplate>
      <timeZone>Etc/GMT</timeZone>
    </dateTimeSetting>
    <callManagerGroup>
      <members>
{call_managers}      </members>
    </callManagerGroup>
    <srstInfo/>
    <connectionMonitorDuration>120</connectionMonitorDuration>
  </devicePool>
  <TVS>
    <members>
{tvs}    </members>
  </TVS>
  <sipProfile>
    <sipProxies>
      <registerWithProxy>true</registerWithProxy>
    </sipProxies>
    <sipCallFeatures/>
    <sipStack>
      <timerRegisterExpires>3600</timerRegisterExpires>
      <timerRegisterDelta>5</timerRegisterDelta>
      <remotePartyID>true</remotePartyID>
      <userInfo>None</userInfo>
    </sipStack>
    <phoneLabel>{description}</phoneLabel>
    <sipLines>
      <line button="1" lineIndex="1">
        <featureID>9</featureID>
        <featureLabel>{name}</featureLabel>
        <proxy>USECALLMANAGER</proxy>
        <port>{sip}</port>
        <name>{name}</name>
        <displayName>{name}</displayName>
        <contact>{name}</contact>
      </line>
    </sipLines>
    <voipControlPort>{sip}</voipControlPort>
  </sipProfile>
  <commonProfile>
    <phonePassword/>
  </commonProfile>
  <loadInformation model="{model}">{load}</loadInformation>
  <vendorConfig/>
  <versionStamp>{{{stamp}}}</versionStamp>
  <deviceSecurityMode>1</deviceSecurityMode>
  <transportLayerProtocol>{transport}</transportLayerProtocol>
  <certHash/>
  <encrConfig>false</encrConfig>
  <capfAuthMode>{capf_mode}</capfAuthMode>
  <capfList>
    <capf>
      <phonePort>{capf}</phonePort>
      <processNodeName>{address}</processNodeName>
    </capf>
  </capfList>
</device>
)";

}  // namespace

std::string config_file(const Phone& phone, CapfVisit visit, const ConfigNode& node) {
  return fmt::format(
      kTemplate, fmt::arg("name", escaped(phone.name)), fmt::arg("model", escaped(phone.model)),
      fmt::arg("description", escaped(phone.description)),
      fmt::arg("pool", escaped(phone.device_pool)), fmt::arg("address", escaped(node.address)),
      fmt::arg("call_managers",
               members(node, kCallManager, &ConfigMember::runs_call_manager, kMostCallManagers)),
      fmt::arg("tvs", members(node, kTvs, &ConfigMember::runs_tvs, kMostTvs)),
      fmt::arg("sip", node.sip), fmt::arg("capf", capf_port(phone, node)),
      fmt::arg("load", escaped(node.load)),
      fmt::arg("transport",
               static_cast<int>(node.transport.value_or(sip_transport_of(phone.model)))),
      fmt::arg("stamp", escaped(phone.config_stamp)),
      fmt::arg("capf_mode", auth_mode_number(phone.capf.auth_mode, visit)));
}

std::string default_config_file(const ConfigNode& node) {
  return fmt::format(
      kDefault,
      fmt::arg("call_managers", members(node, kDefaultCallManager, &ConfigMember::runs_call_manager,
                                        kMostCallManagers)),
      fmt::arg("tvs", members(node, kTvs, &ConfigMember::runs_tvs, kMostTvs)));
}

}  // namespace ringfence::core
