// What a daemon must know before it starts: read once from <state>/ringfence.toml, valid after.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/log_file.h"
#include "core/certificates/issue.h"
#include "core/config/release.h"
#include "core/config/sip_settings.h"

namespace ringfence::core {

/// Ports are the TCP and UDP ports of the services, the offset already added.
struct Ports {
  std::uint16_t tftp = 69;
  std::uint16_t http = 6970;
  std::uint16_t https = 6971;
  std::uint16_t https_mutual = 6972;
  std::uint16_t capf = 3804;
  std::optional<std::uint16_t> capf_legacy;  ///< 3805 when [capf] legacy_tls opens that door
  std::uint16_t tvs = 2445;
  std::uint16_t sip = 5060;
  std::uint16_t sips = 5061;
};

/// Config is the valid configuration of one instance and the layout of its state folder.
///
/// Sections and keys of ringfence.toml, all optional: [node] host, domain, organization,
/// organization_unit, locality, state, country; [network] listen (IPv4 address), advertise (the
/// address phones are told), port_offset (0 to 58000); [trust] release ("11.5" or "12"); [capf]
/// legacy_tls (whether phones that know TLS 1.0 only have a port); [mail] command (what sends
/// mail); [callmanager] sip_transport, register_lifetime, register_grace; [log] megabytes (what all
/// logs may take together). The section [hsm] belongs to ringfence-signer. Unknown keys are errors
/// naming the file and line.
class Config {
 public:
  /// load reads `<state>/ringfence.toml`; throws Error{malformed} naming file, line and key.
  static Config load(const std::filesystem::path& state);

  const std::filesystem::path& state() const noexcept { return state_; }

  const Node& node() const noexcept { return node_; }

  const std::string& domain() const noexcept { return domain_; }

  const std::string& listen() const noexcept { return listen_; }

  /// advertise is the address written into phones' configuration files: what network.advertise
  /// says, or `listen`, or when that is 0.0.0.0 the address of the default route's interface now.
  const std::string& advertise() const noexcept { return advertise_; }

  const Ports& ports() const noexcept { return ports_; }

  Release release() const noexcept { return release_; }

  const SipSettings& sip() const noexcept { return sip_; }

  /// mail_command is the program that sends a mail it reads on its standard input, and its
  /// arguments; never a shell's line. Empty: this node sends no mail.
  const std::vector<std::string>& mail_command() const noexcept { return mail_command_; }

  /// log_bounds are one daemon's.
  LogBounds log_bounds() const noexcept { return log_share(log_megabytes_); }

  /// log_file is the one of a daemon, such as "capf".
  std::filesystem::path log_file(const std::string& daemon) const {
    return log_folder() / (daemon + ".log");
  }

  /// The layout of the state folder.
  std::filesystem::path admin_db() const { return state_ / "db" / "admin.db"; }

  std::filesystem::path capf_db() const { return state_ / "db" / "capf.db"; }

  std::filesystem::path callmanager_db() const { return state_ / "db" / "callmanager.db"; }

  std::filesystem::path tftp_db() const { return state_ / "db" / "tftp.db"; }

  std::filesystem::path tvs_db() const { return state_ / "db" / "tvs.db"; }

  /// Only ringfence-admin, which writes it, and ringfence-capf may read this one.
  std::filesystem::path secrets_db() const { return state_ / "db" / "secrets.db"; }

  std::filesystem::path tftp_folder() const { return state_ / "tftp"; }

  std::filesystem::path log_folder() const { return state_ / "log"; }

  std::filesystem::path signer_socket(const std::string& role) const {
    return state_ / "run" / "signer" / (role + ".sock");
  }

  /// control_socket is where a daemon answers JSON-RPC: "admin" is the admin API, the others
  /// answer `status` and `reload`, callmanager `reset` as well.
  std::filesystem::path control_socket(const std::string& daemon) const {
    return state_ / "run" / (daemon + ".sock");
  }

 private:
  std::filesystem::path state_;
  Node node_;
  std::string domain_;
  std::string listen_ = "127.0.0.1";
  std::string advertise_ = "127.0.0.1";
  Ports ports_;
  Release release_ = Release::r11_5;
  SipSettings sip_;
  std::uint64_t log_megabytes_ = 300;
  std::vector<std::string> mail_command_ = {"/usr/sbin/sendmail", "-t", "-i"};
};

}  // namespace ringfence::core
