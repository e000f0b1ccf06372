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
#include <toml++/toml.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/state_folder.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;
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

std::string place(const std::filesystem::path& file, const toml::source_region& source) {
  return fmt::format("{}:{}", file.string(), source.begin.line);
}

/// Section reads the keys of one table and refuses what nobody asked for.
class Section {
 public:
  Section(const std::filesystem::path& file, const toml::table& root, std::string_view name)
      : file_(file), name_(name), table_(root[name].as_table()) {
    const toml::node* node = root.get(name);
    if (node != nullptr && table_ == nullptr)
      throw Error(Code::malformed,
                  fmt::format("{}: {} must be a section: a line [{}], and below it its keys",
                              place(file_, node->source()), name_, name_));
  }

  /// name_part reads text that becomes part of a certificate's name.
  void name_part(std::string_view key, std::string& value, std::size_t max_characters) {
    text(key, value, max_characters);
    for (const char c : value)
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
        throw Error(Code::malformed,
                    fmt::format("{}: {}.{} must not have control characters: it stands in the "
                                "names of certificates",
                                place(file_, table_->get(key)->source()), name_, key));
  }

  void text(std::string_view key, std::string& value, std::size_t max_characters) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto found = node->value_exact<std::string>();
    if (!found || found->size() > max_characters)
      throw Error(Code::malformed,
                  fmt::format("{}: {}.{} must be text of at most {} characters",
                              place(file_, node->source()), name_, key, max_characters));
    value = *found;
  }

  void integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto found = node->value_exact<std::int64_t>();
    if (!found || *found < low || *found > high)
      throw Error(Code::malformed,
                  fmt::format("{}: {}.{} must be a number from {} to {}",
                              place(file_, node->source()), name_, key, low, high));
    value = *found;
  }

  void flag(std::string_view key, bool& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto found = node->value_exact<bool>();
    if (!found)
      throw Error(Code::malformed, fmt::format("{}: {}.{} must be true or false",
                                               place(file_, node->source()), name_, key));
    value = *found;
  }

  void refuse_unknown() const {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      bool known = false;
      for (const std::string& asked : asked_) known |= asked == key.str();
      if (!known)
        throw Error(Code::malformed,
                    fmt::format("{}: unknown key {}.{}; known are {}", place(file_, node.source()),
                                name_, key.str(), fmt::join(asked_, ", ")));
    }
  }

 private:
  const toml::node* find(std::string_view key) {
    asked_.emplace_back(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }

  const std::filesystem::path& file_;
  std::string name_;
  const toml::table* table_;
  std::vector<std::string> asked_;
};

void check_address(const std::filesystem::path& file, std::string_view key,
                   const std::string& value) {
  in_addr ignored{};
  if (::inet_pton(AF_INET, value.c_str(), &ignored) != 1)
    throw Error(Code::malformed, fmt::format("{}: network.{} must be an IPv4 address, not '{}'",
                                             file.string(), key, value));
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
std::string advertised(const std::filesystem::path& file, const std::string& listen) {
  if (listen != "0.0.0.0") return listen;
  std::string address = default_route_address();
  if (address.empty())
    throw Error(Code::malformed,
                fmt::format("{}: network.listen is 0.0.0.0 and this machine has no default route: "
                            "set network.advertise to the address at which phones reach it",
                            file.string()));
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

toml::table parse(const std::filesystem::path& file) {
  Bytes text;
  try {
    text = read_file(file, kMaxFileBytes);
  } catch (const Error& error) {
    if (error.code() == Code::not_found) return {};
    throw;
  }
  try {
    return toml::parse(text_of(text), file.string());
  } catch (const toml::parse_error& error) {
    throw Error(Code::malformed,
                fmt::format("{}: {}", place(file, error.source()), error.description()));
  }
}

}  // namespace

Config Config::load(const std::filesystem::path& state) {
  const std::filesystem::path file = state / "ringfence.toml";
  require_safe_state(state);
  const toml::table root = parse(file);
  for (const auto& [key, node] : root) {
    const std::string_view name = key.str();
    if (!node.is_table() && name != "hsm")
      for (const auto& [known, home] : kKeys)
        if (name == known)
          throw Error(
              Code::malformed,
              fmt::format("{}: {} stands outside of a section: it belongs below a line [{}]",
                          place(file, node.source()), name, home));
    if (name != "node" && name != "network" && name != "trust" && name != "capf" &&
        name != "callmanager" && name != "mail" && name != "log" && name != "hsm")
      throw Error(Code::malformed,
                  fmt::format("{}: unknown section [{}]; known are node, network, trust, capf, "
                              "callmanager, mail, log, hsm",
                              place(file, node.source()), name));
  }

  Config config;
  config.state_ = state;
  config.node_.host = machine_name();
  Organization& organization = config.node_.organization;
  organization.name = "Ringfence";

  const Section hsm(file, root, "hsm");  // its keys are the signer's, its shape everybody's
  Section node(file, root, "node");
  // What core/certificates/profile.cpp issues: bytes, within the bounds of RFC 5280 appendix A.
  node.name_part("host", config.node_.host, 48);  // ITLRECOVERY_<host> must fit a CN of 64
  node.text("domain", config.domain_, 128);
  node.name_part("organization", organization.name, 64);
  node.name_part("organization_unit", organization.unit, 64);
  node.name_part("locality", organization.locality, 64);
  node.name_part("state", organization.state, 64);
  node.name_part("country", organization.country, 2);
  node.refuse_unknown();
  if (config.node_.host.empty())
    throw Error(Code::malformed, file.string() + ": node.host must not be empty");
  const bool letters = std::ranges::all_of(organization.country, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  if (organization.country.size() == 1 || !letters)
    throw Error(Code::malformed, file.string() + ": node.country must have two letters");

  Section network(file, root, "network");
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
    throw Error(Code::malformed, file.string() +
                                     ": network.advertise must be the address at which phones "
                                     "reach this machine, not 0.0.0.0");
  Ports& ports = config.ports_;
  for (std::uint16_t* port : {&ports.tftp, &ports.http, &ports.https, &ports.https_mutual,
                              &ports.capf, &ports.tvs, &ports.sip, &ports.sips})
    *port = static_cast<std::uint16_t>(*port + offset);

  Section trust(file, root, "trust");
  std::string release = "11.5";
  trust.text("release", release, 8);
  trust.refuse_unknown();
  const std::optional<Release> named = release_named(release);
  if (!named)
    throw Error(Code::malformed,
                fmt::format("{}: trust.release must be \"11.5\" or \"12\", not \"{}\"",
                            file.string(), release));
  config.release_ = *named;

  Section capf(file, root, "capf");
  bool legacy_tls = false;
  capf.flag("legacy_tls", legacy_tls);
  capf.refuse_unknown();
  if (legacy_tls) ports.capf_legacy = static_cast<std::uint16_t>(3805 + offset);

  Section callmanager(file, root, "callmanager");
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
    throw Error(Code::malformed,
                fmt::format("{}: callmanager.sip_transport must be \"by-model\", \"tcp\" or "
                            "\"udp\", not \"{}\"",
                            file.string(), transport));
  config.sip_.lifetime = std::chrono::seconds(lifetime);
  config.sip_.grace = std::chrono::seconds(grace);

  Section mail(file, root, "mail");
  std::string command = fmt::format("{}", fmt::join(config.mail_command_, " "));
  mail.text("command", command, 1024);
  mail.refuse_unknown();
  config.mail_command_ = words_of(command);
  if (!config.mail_command_.empty() && !config.mail_command_.front().starts_with('/'))
    throw Error(Code::malformed, file.string() +
                                     ": mail.command must begin with the path of a program, like "
                                     "\"/usr/sbin/sendmail -t -i\", or be empty");

  Section log(file, root, "log");
  auto megabytes = static_cast<std::int64_t>(config.log_megabytes_);
  log.integer("megabytes", megabytes, 10, 100'000);
  log.refuse_unknown();
  config.log_megabytes_ = static_cast<std::uint64_t>(megabytes);
  return config;
}

}  // namespace ringfence::core
