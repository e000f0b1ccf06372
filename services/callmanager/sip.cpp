#include "services/callmanager/sip.h"

#include <array>
#include <charconv>

#include <fmt/format.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/url.h>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"

namespace ringfence::services::callmanager {

namespace {

/// Home is where Sofia allocates what it prints for us.
class Home {
 public:
  Home() { su_home_init(home_); }

  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  ~Home() { su_home_deinit(home_); }

  su_home_t* get() noexcept { return home_; }

 private:
  su_home_t home_[1] = {SU_HOME_INIT(home_)};
};

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

// The port that `text` names, or `otherwise` when it names none that can be.
std::uint16_t port_from(const char* text, std::uint16_t otherwise) {
  const std::string_view view(text == nullptr ? "" : text);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), port);
  return error != std::errc() || end != view.data() + view.size() || port == 0 ? otherwise : port;
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
  result.host = text_or_empty(contact.m_url->url_host);
  result.port = port_from(contact.m_url->url_port, kSipPort);
  result.instance = unquoted(msg_params_find(contact.m_params, "+sip.instance="));
  result.device_name =
      unquoted(msg_params_find(contact.m_params, "+u.sip!devicename.ccm.cisco.com="));
  result.keep_alive = msg_params_find(contact.m_params, "cisco-keep-alive") != nullptr;
  result.expires = seconds_from(contact.m_expires);
  return result;
}

// sip_header_as_string loses the last parameters of what is longer than 127 bytes: this does not.
template <typename Header>
std::string text_of(const Header* header) {
  if (header == nullptr) return {};
  std::array<char, kLongestMessage + 1024> text{};
  const auto size = sip_header_field_e(text.data(), text.size(),
                                       reinterpret_cast<const sip_header_t*>(header), 0);
  if (size < 0 || static_cast<std::size_t>(size) >= text.size()) return {};
  return {text.data(), static_cast<std::size_t>(size)};
}

template <typename Header>
void add_line(std::string& text, std::string_view name, const Header* header) {
  if (header == nullptr) return;
  const std::string value = text_of(header);
  if (!value.empty()) text += fmt::format("{}: {}\r\n", name, value);
}

/// tag_of returns To's tag: a request that comes again gets the same (RFC 3261 section 8.2.7).
std::string tag_of(const sip_t& sip) {
  static const std::string secret = core::to_hex(core::random_bytes(16));
  const std::string identity = secret + text_or_empty(sip.sip_via->v_branch) +
                               text_of(sip.sip_call_id) + text_of(sip.sip_cseq) +
                               text_of(sip.sip_from);
  const core::Bytes hash = core::digest(core::Digest::sha1, core::bytes_of(identity));
  return core::to_hex(core::BytesView(hash).first(8));
}

}  // namespace

std::string random_word() {
  return core::to_hex(core::random_bytes(8));
}

struct SipMessage::Parsed {
  explicit Parsed(std::string_view text)
      : message(msg_make(sip_default_mclass(), 0, text.data(), static_cast<ssize_t>(text.size()))),
        sip(message == nullptr ? nullptr : sip_object(message)) {}

  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  ~Parsed() {
    if (message != nullptr) msg_destroy(message);
  }

  msg_t* message;
  sip_t* sip;
};

SipMessage::SipMessage(std::string_view text) : size_(text.size()) {
  if (text.empty() || text.size() > kLongestMessage) return;
  auto parsed = std::make_unique<Parsed>(text);
  const sip_t* sip = parsed->sip;
  if (sip == nullptr || sip->sip_via == nullptr ||
      (sip->sip_request == nullptr && sip->sip_status == nullptr))
    return;
  const bool flawed = (sip->sip_flags & (MSG_FLG_ERROR | MSG_FLG_TRUNC)) != 0 ||
                      sip->sip_error != nullptr || sip_sanity_check(sip) < 0;
  parsed_ = std::move(parsed);
  if (sip->sip_request == nullptr)
    kind_ = flawed ? Kind::nonsense : Kind::response;
  else
    kind_ = flawed ? Kind::flawed : Kind::request;
}

SipMessage::~SipMessage() = default;
SipMessage::SipMessage(SipMessage&&) noexcept = default;
SipMessage& SipMessage::operator=(SipMessage&&) noexcept = default;

std::string SipMessage::method() const {
  const sip_t& sip = *parsed_->sip;
  if (sip.sip_request != nullptr) return text_or_empty(sip.sip_request->rq_method_name);
  return sip.sip_cseq == nullptr ? "" : text_or_empty(sip.sip_cseq->cs_method_name);
}

int SipMessage::status() const {
  return parsed_->sip->sip_status == nullptr ? 0 : parsed_->sip->sip_status->st_status;
}

std::string SipMessage::branch() const {
  return text_or_empty(parsed_->sip->sip_via->v_branch);
}

SentBy SipMessage::sent_by() const {
  const sip_via_t& via = *parsed_->sip->sip_via;
  SentBy result;
  result.host = text_or_empty(via.v_host);
  result.port = port_from(via.v_port, kSipPort);
  result.rport = via.v_rport != nullptr;
  return result;
}

std::string SipMessage::event() const {
  const sip_event_t* event = parsed_->sip->sip_event;
  return event == nullptr ? "" : text_or_empty(event->o_type);
}

std::vector<std::string> SipMessage::reasons() const {
  std::vector<std::string> found;
  for (const sip_reason_t* reason = parsed_->sip->sip_reason; reason != nullptr && found.size() < 4;
       reason = reason->re_next)
    found.push_back(text_of(reason));
  return found;
}

std::string SipMessage::content_type() const {
  return text_of(parsed_->sip->sip_content_type);
}

std::string SipMessage::body() const {
  const sip_payload_t* payload = parsed_->sip->sip_payload;
  return payload == nullptr || payload->pl_data == nullptr
             ? std::string()
             : std::string(payload->pl_data, payload->pl_len);
}

Register SipMessage::registration(std::string transport, std::string peer) const {
  const sip_t& sip = *parsed_->sip;
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
  request.sent_by = sent_by();
  return request;
}

std::string SipMessage::question(std::string_view target, std::string_view own_address,
                                 std::string_view branch) const {
  const sip_t& sip = *parsed_->sip;
  if (sip.sip_from == nullptr || sip.sip_to == nullptr) return {};
  // Without a tag to name, anybody takes it for a question to all.
  if (text_or_empty(sip.sip_from->a_tag).empty()) return {};
  const std::string user = text_or_empty(sip.sip_from->a_url->url_user);
  const std::string tag = sip.sip_to->a_tag != nullptr ? std::string() : ";tag=" + tag_of(sip);
  std::string text = fmt::format("OPTIONS {} SIP/2.0\r\n", notify_uri(user, target, "udp"));
  text += fmt::format("Via: SIP/2.0/UDP {};branch={};rport\r\n", own_address, branch);
  text += fmt::format("From: {}{}\r\nTo: {}\r\n", text_of(sip.sip_to), tag, text_of(sip.sip_from));
  add_line(text, "Call-ID", sip.sip_call_id);
  text += "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
  return text;
}

std::string SipMessage::answer(int status, std::string_view reason, std::string_view peer,
                               std::string_view headers) const {
  const sip_t& sip = *parsed_->sip;
  std::string text = fmt::format("SIP/2.0 {} {}\r\n", status, reason);
  for (const sip_via_t* via = sip.sip_via; via != nullptr; via = via->v_next) {
    std::string value = text_of(via);
    if (via == sip.sip_via) {
      Home home;
      auto* const first = sip_via_copy(home.get(), via);
      if (first == nullptr) return {};
      const std::string_view address = address_in(peer);
      const std::string received = fmt::format("received={}", address);
      const std::string rport = fmt::format("rport={}", peer.substr(address.size() + 1));
      if (via->v_rport != nullptr)
        msg_header_replace_param(home.get(), first->v_common, rport.c_str());
      if (via->v_rport != nullptr || via->v_received != nullptr ||
          text_or_empty(via->v_host) != address)
        msg_header_replace_param(home.get(), first->v_common, received.c_str());
      value = text_of(first);
    }
    text += fmt::format("Via: {}\r\n", value);
  }
  add_line(text, "From", sip.sip_from);
  if (sip.sip_to != nullptr) {
    const std::string tag = sip.sip_to->a_tag != nullptr ? std::string() : ";tag=" + tag_of(sip);
    text += fmt::format("To: {}{}\r\n", text_of(sip.sip_to), tag);
  }
  add_line(text, "Call-ID", sip.sip_call_id);
  add_line(text, "CSeq", sip.sip_cseq);
  text += headers;
  text += "Content-Length: 0\r\n\r\n";
  return text;
}

}  // namespace ringfence::services::callmanager
