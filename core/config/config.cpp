#include "core/config/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "core/base/file.h"
#include "core/base/state_folder.h"
#include "core/base/toml_section.h"

namespace ringfence::core {
namespace {

constexpr std::int64_t kMaxPortOffset = 58000;  // 6972 + 58000 is still a port

/// Home is the section in which a key belongs; of those that people put at the top.
struct Home {
  std::string_view key;
  std::string_view section;
};

constexpr std::array<Home, 13> kKeys = {{{"host", "node"},
                                         {"domain", "node"},
                                         {"organization", "node"},
                                         {"organization_unit", "node"},
                                         {"locality", "node"},
                                         {"state", "node"},
                                         {"country", "node"},
                                         {"listen", "network"},
                                         {"advertise", "network"},
                                         {"port_offset", "network"},
                                         {"release", "trust"},
                                         {"legacy_tls", "capf"},
                                         {"command", "mail"}}};

void check_address(const TomlFile& file, std::string_view key, const std::string& value) {
  in_addr ignored{};
  if (::inet_pton(AF_INET, value.c_str(), &ignored) != 1)
    file.wrong(fmt::format("network.{} must be an IPv4 address, not '{}'", key, value));
}

/// The address of the interface that has the default route, without sending anything; empty when
/// this machine has none.
std::string default_route_address() {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1: nobody's (RFC 5737)
  socklen_t size = sizeof address;
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return {};
  std::array<char, INET_ADDRSTRLEN> text{};
  return ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) == nullptr ? ""
                                                                                      : text.data();
}

/// What phones are told when network.advertise is not set: never loopback for a listener on all
/// addresses, which would send every phone to itself.
std::string advertised(const TomlFile& file, const std::string& listen) {
  if (listen != "0.0.0.0") return listen;
  std::string address = default_route_address();
  if (address.empty())
    file.wrong(
        "network.listen is 0.0.0.0 and this machine has no default route: set network.advertise "
        "to the address at which phones reach it");
  return address;
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "ringfence";
  std::string host = name.data();
  return host.substr(0, host.find('.')).substr(0, 48);
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

Config Config::load(const std::filesystem::path& state) {
  require_safe_state(state);
  const TomlFile file(state / "ringfence.toml");
  for (const auto& [key, node] : file.root()) {
    const std::string_view name = key.str();
    if (!node.is_table() && name != "hsm")
      for (const auto& [known, home] : kKeys)
        if (name == known)
          file.wrong(node,
                     fmt::format("{} stands outside of a section: it belongs below a line [{}]",
                                 name, home));
    if (name != "node" && name != "network" && name != "trust" && name != "capf" &&
        name != "callmanager" && name != "mail" && name != "log" && name != "hsm")
      file.wrong(node, fmt::format("unknown section [{}]; known are node, network, trust, capf, "
                                   "callmanager, mail, log, hsm",
                                   name));
  }

  Config config;
  config.state_ = state;
  config.node_.host = machine_name();
  Organization& organization = config.node_.organization;
  organization.name = "Ringfence";

  const TomlSection hsm(file, "hsm");  // its keys are the signer's, its shape everybody's
  TomlSection node(file, "node");
  // What core/certificates/profile.cpp issues: bytes, within the bounds of RFC 5280 appendix A.
  node.name_part("host", config.node_.host, 48);  // ITLRECOVERY_<host> must fit a CN of 64
  node.text("domain", config.domain_, 128);
  node.name_part("organization", organization.name, 64);
  node.name_part("organization_unit", organization.unit, 64);
  node.name_part("locality", organization.locality, 64);
  node.name_part("state", organization.state, 64);
  node.name_part("country", organization.country, 2);
  node.refuse_unknown();
  if (config.node_.host.empty()) file.wrong("node.host must not be empty");
  const bool letters = std::ranges::all_of(organization.country, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  if (organization.country.size() == 1 || !letters)
    file.wrong("node.country must have two letters");

  TomlSection network(file, "network");
  std::int64_t offset = 0;
  network.text("listen", config.listen_, 15);
  config.advertise_.clear();
  network.text("advertise", config.advertise_, 15);
  network.integer("port_offset", offset, 0, kMaxPortOffset);
  network.refuse_unknown();
  check_address(file, "listen", config.listen_);
  if (config.advertise_.empty()) config.advertise_ = advertised(file, config.listen_);
  check_address(file, "advertise", config.advertise_);
  if (config.advertise_ == "0.0.0.0")
    file.wrong(
        "network.advertise must be the address at which phones reach this machine, not 0.0.0.0");
  Ports& ports = config.ports_;
  for (std::uint16_t* port : {&ports.tftp, &ports.http, &ports.https, &ports.https_mutual,
                              &ports.capf, &ports.tvs, &ports.sip, &ports.sips})
    *port = static_cast<std::uint16_t>(*port + offset);

  TomlSection trust(file, "trust");
  std::string release = "11.5";
  trust.text("release", release, 8);
  trust.refuse_unknown();
  const std::optional<Release> named = release_named(release);
  if (!named)
    file.wrong(fmt::format("trust.release must be \"11.5\" or \"12\", not \"{}\"", release));
  config.release_ = *named;

  TomlSection capf(file, "capf");
  bool legacy_tls = false;
  capf.flag("legacy_tls", legacy_tls);
  capf.refuse_unknown();
  if (legacy_tls) ports.capf_legacy = static_cast<std::uint16_t>(3805 + offset);

  TomlSection callmanager(file, "callmanager");
  std::string transport = "by-model";
  callmanager.text("sip_transport", transport, 16);
  std::int64_t lifetime = config.sip_.lifetime.count();
  callmanager.integer("register_lifetime", lifetime, 60, 3600);
  std::int64_t grace = config.sip_.grace.count();
  callmanager.integer("register_grace", grace, 0, 60);
  callmanager.refuse_unknown();
  if (transport == "tcp")
    config.sip_.transport = SipTransport::over_tcp;
  else if (transport == "udp")
    config.sip_.transport = SipTransport::over_udp;
  else if (transport != "by-model")
    file.wrong(fmt::format(
        "callmanager.sip_transport must be \"by-model\", \"tcp\" or \"udp\", not \"{}\"",
        transport));
  config.sip_.lifetime = std::chrono::seconds(lifetime);
  config.sip_.grace = std::chrono::seconds(grace);

  TomlSection mail(file, "mail");
  std::string command = fmt::format("{}", fmt::join(config.mail_command_, " "));
  mail.text("command", command, 1024);
  mail.refuse_unknown();
  config.mail_command_ = words_of(command);
  if (!config.mail_command_.empty() && !config.mail_command_.front().starts_with('/'))
    file.wrong(
        "mail.command must begin with the path of a program, like \"/usr/sbin/sendmail -t -i\", or "
        "be empty");

  TomlSection log(file, "log");
  auto megabytes = static_cast<std::int64_t>(config.log_megabytes_);
  log.integer("megabytes", megabytes, 10, 100'000);
  log.refuse_unknown();
  config.log_megabytes_ = static_cast<std::uint64_t>(megabytes);
  return config;
}

}  // namespace ringfence::core
