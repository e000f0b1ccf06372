#include "services/callmanager/sip.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace ringfence::services::callmanager {

namespace {

std::string text_or_empty(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

std::string unquoted(const char* text) {
  std::string value = text_or_empty(text);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return value;
}

// What is no number counts as absent (RFC 3261 section 10.2.1.1).
std::optional<std::chrono::seconds> seconds_from(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error == std::errc::result_out_of_range) return std::chrono::seconds(UINT32_MAX);
  if (error != std::errc() || end != view.data() + view.size()) return std::nullopt;
  return std::chrono::seconds(value);
}

std::string uri_of(const url_t& url) {
  url_t plain = url;
  plain.url_headers = nullptr;
  Home home;
  return text_or_empty(url_as_string(home.get(), &plain));
}

Contact contact_of(const sip_contact_t& contact) {
  Contact result;
  result.uri = uri_of(contact.m_url[0]);
  result.user = text_or_empty(contact.m_url->url_user);
  result.instance = unquoted(msg_params_find(contact.m_params, "+sip.instance="));
  result.device_name =
      unquoted(msg_params_find(contact.m_params, "+u.sip!devicename.ccm.cisco.com="));
  result.expires = seconds_from(contact.m_expires);
  return result;
}

}  // namespace

Register read_register(const sip_t& sip, std::string transport, std::string peer) {
  Register request;
  if (sip.sip_call_id != nullptr) request.call_id = text_or_empty(sip.sip_call_id->i_id);
  if (sip.sip_cseq != nullptr) request.cseq = sip.sip_cseq->cs_seq;
  if (sip.sip_to != nullptr) request.to_user = text_or_empty(sip.sip_to->a_url->url_user);
  for (const sip_contact_t* contact = sip.sip_contact;
       contact != nullptr && request.contacts.size() < 9; contact = contact->m_next) {
    if (contact->m_url->url_type == url_any)
      request.every_contact = true;
    else
      request.contacts.push_back(contact_of(*contact));
  }
  if (sip.sip_expires != nullptr) request.expires = std::chrono::seconds(sip.sip_expires->ex_delta);
  if (sip.sip_user_agent != nullptr)
    request.user_agent = text_or_empty(sip.sip_user_agent->g_string).substr(0, 256);
  request.transport = std::move(transport);
  request.peer = std::move(peer);
  return request;
}

std::string peer_of(msg_t* msg) {
  const su_sockaddr_t* address = msg_addr(msg);
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address->su_family, SU_ADDR(address), text.data(), text.size());
  const bool bracket = address->su_family == AF_INET6;
  return fmt::format("{}{}{}:{}", bracket ? "[" : "", text.data(), bracket ? "]" : "",
                     ntohs(address->su_port));
}

}  // namespace ringfence::services::callmanager
