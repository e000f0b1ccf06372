#include "tests/fleet/sip_client.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
namespace asio = core::asio;

namespace {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Steady = std::chrono::steady_clock;

// RFC 3261 section 17.1.2.2: Timer E starts at T1 and doubles up to T2.
constexpr Milliseconds kFirstRepeat{500};
constexpr Milliseconds kLongestRepeat{4000};

/// instance_of is the phone's +sip.instance: its MAC address, or for Jabber a digest of its name.
std::string instance_of(const std::string& name) {
  std::string node = name.substr(std::min<std::size_t>(3, name.size()));
  const bool is_mac = node.size() == 12 && std::all_of(node.begin(), node.end(), [](char c) {
                        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
                      });
  if (!is_mac) {
    const core::Bytes hash = core::digest(core::Digest::sha1, core::bytes_of(name));
    node = core::to_hex(core::BytesView(hash).first(6));
  }
  std::transform(node.begin(), node.end(), node.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // Only a MAC address has the all-zero front that a registrar may read a device name from.
  return fmt::format("<urn:uuid:{}-0000-0000-0000-{}>", is_mac ? "00000000" : "ffffffff", node);
}

std::string random_word() {
  return core::to_hex(core::random_bytes(8));
}

std::optional<Seconds> seconds_in(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  unsigned value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    return std::nullopt;
  return Seconds(value);
}

/// alarm_text is what a phone says of itself when it registers (cucm-behaviour 3.2).
std::string alarm_text(const std::string& name, const std::string& itl_sha1) {
  return fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>
<x-cisco-alarm>
<Alarm Name="LastOutOfServiceInformation">
<ParameterList>
<String name="DeviceName">{}</String>
<String name="ITLHash">{}</String>
</ParameterList>
</Alarm>
</x-cisco-alarm>
)",
                     name, itl_sha1);
}

/// granted reads our contact's lifetime from a 200: its own parameter, else the Expires header.
Seconds granted(const SipMessage& response, const std::string& user, Seconds asked) {
  const std::string ours = fmt::format("sip:{}@", user);
  for (const auto& [name, value] : response.headers) {
    if (name != "Contact") continue;
    const std::size_t at = value.find(ours);
    if (at == std::string::npos) continue;
    const std::size_t end = std::min(value.find(",", at), value.size());
    const std::string_view contact = std::string_view(value).substr(at, end - at);
    const std::size_t expires = contact.find("expires=");
    if (expires == std::string_view::npos) break;
    if (const auto lifetime = seconds_in(contact.substr(expires + 8))) return *lifetime;
  }
  if (const auto header = response.header("Expires"))
    if (const auto lifetime = seconds_in(*header)) return *lifetime;
  return asked;
}

}  // namespace

SipClient::SipClient(asio::any_io_executor strand, std::string name,
                     std::function<void(Action)> obey)
    : strand_(std::move(strand)),
      name_(std::move(name)),
      obey_(std::move(obey)),
      answered_(strand_, Steady::time_point::max()) {}

void SipClient::connect(std::unique_ptr<SipLink> link, std::string registrar) {
  link_ = std::move(link);
  registrar_ = std::move(registrar);
  call_id_ = fmt::format("{}-{}@{}", random_word(), name_, link_->via().address);
  tag_ = random_word();
  cseq_ = 100;
}

void SipClient::say_why(int cause, std::string last) {
  cause_ = cause;
  last_ = std::move(last);
}

void SipClient::hang_up() {
  link_.reset();
  call_id_.clear();
  answered_.cancel();
}

std::string SipClient::register_text(Seconds lifetime, const std::string& branch) const {
  const Via via = link_->via();
  const bool tcp = via.transport == "TCP";
  std::string text = fmt::format("REGISTER sip:{} SIP/2.0\r\n", registrar_);
  text += fmt::format("Via: SIP/2.0/{} {}:{};branch={}\r\n", via.transport, via.address, via.port,
                      branch);
  text += fmt::format("From: <sip:{}@{}>;tag={}\r\n", name_, registrar_, tag_);
  text += fmt::format("To: <sip:{}@{}>\r\n", name_, registrar_);
  text += fmt::format("Call-ID: {}\r\nMax-Forwards: 70\r\nCSeq: {} REGISTER\r\n", call_id_, cseq_);
  text += "User-Agent: Ringfence-Fleet/1.0\r\n";
  text += fmt::format("Contact: <sip:{}@{}:{}{}>", name_, via.address, via.port,
                      tcp ? ";transport=tcp" : "");
  text += fmt::format(";+sip.instance=\"{}\"", instance_of(name_));
  text += fmt::format(";+u.sip!devicename.ccm.cisco.com=\"{}\"\r\n", name_);
  text += fmt::format(
      "Reason: SIP;cause=200;text=\"cisco-alarm:{} Name={} ActiveLoad=fleet.2-0 "
      "InactiveLoad=fleet.1-0 Last={}\"\r\n",
      cause_, name_, last_);
  text += fmt::format("Supported: replaces,join\r\nExpires: {}\r\n", lifetime.count());
  if (itl_sha1_.empty()) return text + "Content-Length: 0\r\n\r\n";
  const std::string alarm = alarm_text(name_, itl_sha1_);
  return text + fmt::format(
                    "Content-Type: application/x-cisco-alarm+xml\r\nContent-Length: {}"
                    "\r\n\r\n{}",
                    alarm.size(), alarm);
}

core::Task<Seconds> SipClient::register_for(Seconds lifetime, Milliseconds limit) {
  for (int attempt = 0;; ++attempt) {
    if (!link_) throw Error(Code::io, "the connection to the registrar is lost");
    ++cseq_;
    std::string branch = "z9hG4bK" + random_word();
    std::string text = register_text(lifetime, branch);
    const SipMessage response = co_await transact(std::move(text), std::move(branch), limit);
    const int status = response.status();
    if (status == 423 && attempt == 0) {  // the registrar wants a longer lifetime
      const auto least = seconds_in(response.header("Min-Expires").value_or(""));
      if (least && *least > lifetime) {
        lifetime = *least;
        continue;
      }
    }
    if (status != 200)
      throw Error(Code::refused, fmt::format("the registrar answered {} to REGISTER",
                                             response.start_line.substr(8)));
    itl_sha1_.clear();  // refreshes say nothing new
    co_return granted(response, name_, lifetime);
  }
}

core::Task<SipMessage> SipClient::transact(std::string text, std::string branch,
                                           Milliseconds limit) {
  const bool repeats = link_->via().transport == "UDP";
  const auto end = Steady::now() + limit;
  Milliseconds repeat = kFirstRepeat;
  branch_ = std::move(branch);
  response_.reset();
  link_->send(text);
  while (!response_) {
    const auto next = repeats ? std::min(Steady::now() + repeat, end) : end;
    answered_.expires_at(next);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await answered_.async_wait(token);
    if (response_) break;
    if (!link_) throw Error(Code::io, "the connection to the registrar is lost");
    if (Steady::now() >= end) {
      branch_.clear();
      throw Error(Code::io, "the registrar does not answer REGISTER");
    }
    if (error) continue;  // woken, but not by an answer
    repeat = std::min(repeat * 2, kLongestRepeat);
    link_->send(text);
  }
  branch_.clear();
  SipMessage response = std::move(*response_);
  response_.reset();
  co_return response;
}

void SipClient::receive(SipMessage message) {
  if (!message.is_response()) return answer(message);
  if (branch_.empty() || message.status() < 200) return;
  const std::string via = message.header("Via").value_or("");
  if (via.find("branch=" + branch_) == std::string::npos) return;  // of an earlier transaction
  response_ = std::move(message);
  answered_.cancel();
}

void SipClient::answer(const SipMessage& request) {
  if (request.method() == "ACK" || !link_) return;
  const std::string identity =
      fmt::format("{} {} {}", request.header("Call-ID").value_or(""),
                  request.header("CSeq").value_or(""), request.header("Via").value_or(""));
  if (identity == last_request_) return link_->send(last_answer_);
  if (call_id_.empty()) return;         // booting: as deaf as a phone without power
  if (request.method() == "OPTIONS") {  // within what we began, or nothing that we know
    const bool ours = request.header("Call-ID").value_or("") == call_id_;
    return link_->send(sip_response(request, ours ? 200 : 481,
                                    ours ? "OK" : "Call/Transaction Does Not Exist", tag_));
  }
  const NotifyVerdict verdict = judge_notify(request, name_, call_id_);
  last_request_ = identity;
  last_answer_ = sip_response(request, verdict.status, verdict.reason, random_word());
  link_->send(last_answer_);
  if (verdict.action) obey_(*verdict.action);
}

}  // namespace ringfence::fleet
