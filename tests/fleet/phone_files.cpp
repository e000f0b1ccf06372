// What a phone fetches, and whom it asks about it.
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/trust/signed_file.h"
#include "tests/fleet/http_client.h"
#include "tests/fleet/phone.h"
#include "tests/fleet/tftp_client.h"
#include "tests/fleet/tvs_client.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using core::ListKind;
namespace asio = core::asio;

namespace {

constexpr std::uint16_t kTftpPort = 69;
constexpr std::uint16_t kHttpPort = 6970;
constexpr std::chrono::seconds kHttpLimit{20};

asio::ip::address address_of(const std::string& text) {
  return asio::ip::make_address(text);
}

std::string file_name(ListKind kind, const std::string& device) {
  return fmt::format("{}{}.tlv", kind == ListKind::ctl ? "CTL" : "ITL", device);
}

}  // namespace

core::Task<void> Phone::update_lists() {
  std::optional<Bytes> ctl = co_await fetch(file_name(ListKind::ctl, name_));
  if (ctl) co_await offer(ListKind::ctl, std::move(*ctl));
  std::optional<Bytes> itl = co_await fetch(file_name(ListKind::itl, name_));
  if (!itl) itl = co_await fetch(file_name(ListKind::itl, "File"));
  if (itl) {
    co_await offer(ListKind::itl, std::move(*itl));
  } else if (trust_.empty()) {
    report([](PhoneReport& phone) { phone.itl_status = "No Trust List installed"; });
  }
}

core::Task<void> Phone::update_config() {
  if (trust_.empty()) {  // nothing to verify with: the plain file
    std::optional<Bytes> plain = co_await fetch(name_ + ".cnf.xml");
    if (!plain) throw Error(Code::not_found, "there is no configuration for this phone");
    use_config(core::text_of(*plain));
    co_return;
  }
  std::optional<Bytes> file = co_await fetch(name_ + ".cnf.xml.sgn");
  if (!file) throw Error(Code::not_found, "there is no signed configuration for this phone");
  Decision decision = trust_.check(*file);
  if (decision.verdict == Verdict::unknown_signer) {
    const std::optional<Bytes> vouched = co_await ask_tvs(core::parse_header(*file).signer);
    if (vouched) decision = trust_.check(*file, vouched);
  }
  if (decision.accepted()) {
    use_config(core::text_of(core::content_of(*file)));
  } else {
    complain("configuration refused: " + decision.why);
    if (config_text_.empty())
      throw Error(Code::refused, "no configuration that can be trusted: " + decision.why);
  }
}

core::Task<std::optional<Bytes>> Phone::fetch(std::string file) {
  const asio::ip::address server = address_of(around_.options.server);
  const std::uint16_t offset = around_.options.port_offset;
  if (transport_ == Transport::http && !http_is_down_) {
    const core::tcp::endpoint http(server, static_cast<std::uint16_t>(kHttpPort + offset));
    try {
      std::optional<Bytes> found = co_await http_get(http, file, kHttpLimit);
      co_return found;
    } catch (const Error& error) {
      if (error.code() != Code::not_found) throw;
      http_is_down_ = true;
    }
  }
  const core::udp::endpoint tftp(server, static_cast<std::uint16_t>(kTftpPort + offset));
  std::optional<Bytes> found = co_await tftp_get(tftp, std::move(file));
  co_return found;
}

core::Task<void> Phone::offer(ListKind kind, Bytes file) {
  const bool first = trust_.empty();
  const bool same = trust_.file(kind) == file;
  Decision decision = trust_.offer(kind, file);
  if (decision.verdict == Verdict::unknown_signer) {
    const std::optional<Bytes> vouched = co_await ask_tvs(core::parse_header(file).signer);
    if (vouched) decision = trust_.offer(kind, file, vouched);
  }
  std::string status;
  if (!decision.accepted()) {
    status = kind == ListKind::ctl ? "CTL update failed" : "Trust List update failed";
    complain(fmt::format("{}: {}", status, decision.why));
  } else if (first) {
    status = kind == ListKind::ctl ? "CTL Installed" : "ITL installed";
  } else if (!same) {
    status = trust_.file(ListKind::ctl) && !trust_.file(ListKind::itl) ? "CTL Installed"
                                                                       : "Trust List updated";
    if (kind == ListKind::ctl) tvs_cache_.clear();
  }
  const std::optional<Bytes> held = trust_.file(ListKind::itl);
  report([&](PhoneReport& phone) {
    if (!status.empty()) phone.itl_status = status;
    if (phone.itl_status.empty() || (same && decision.accepted()))
      phone.itl_status = "ITL installed";
    if (held) phone.itl_sha1 = core::to_hex(core::digest(core::Digest::sha1, *held));
    phone.itl_signer = trust_.signer(ListKind::itl);
  });
}

core::Task<std::optional<Bytes>> Phone::ask_tvs(core::SignerName signer) {
  const auto cached = std::find_if(tvs_cache_.begin(), tvs_cache_.end(), [&](const Cached& entry) {
    return entry.signer == signer && entry.until > Steady::now();
  });
  if (cached != tvs_cache_.end()) co_return cached->certificate;
  std::optional<Vouched> vouched;
  try {
    if (!config_.tvs.known()) throw Error(Code::not_found, "the configuration in use names no TVS");
    const core::tcp::endpoint server = co_await endpoint_of(config_.tvs);
    report([](PhoneReport& phone) { ++phone.tvs_queries; });
    const std::function<bool(BytesView)> trusts = [this](BytesView der) {
      return trust_.knows(core::Role::tvs, der);
    };
    const std::string device = name_.starts_with("SEP") ? "CP-8861-" + name_ : name_;
    vouched = co_await query_tvs(around_.capf.context, server, device, signer, trusts);
  } catch (const Error& error) {
    complain(fmt::format("TVS: {}", error.what()));
  }
  if (!vouched) co_return std::nullopt;
  tvs_cache_.push_back({signer, vouched->certificate, Steady::now() + vouched->lifetime});
  co_return std::move(vouched->certificate);
}

core::Task<core::tcp::endpoint> Phone::endpoint_of(Service service) {
  if (!service.known())
    throw Error(Code::not_found, "the configuration does not say where that service is");
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(service.address, error);
  if (!error) co_return core::tcp::endpoint(address, service.port);
  core::tcp::resolver resolver(strand_);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const std::string port = std::to_string(service.port);
  const auto found = co_await resolver.async_resolve(service.address, port, token);
  if (error || found.empty()) throw Error(Code::io, "DNS unknown IPv4 host " + service.address);
  co_return found.begin()->endpoint();
}

}  // namespace ringfence::fleet
