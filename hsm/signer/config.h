// What ringfence-signer is told: the [hsm] section of ringfence.toml, and the state folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "hsm/module.h"

namespace ringfence::hsm {

/// TokenMatch chooses a token; what is empty matches any.
struct TokenMatch {
  std::string text = "ringfence";  ///< as configured, a label or an RFC 7512 URI: for messages
  std::string label = "ringfence";
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::optional<std::uint64_t> slot_id;

  bool matches(const Slot& slot) const;
};

/// PinSource says where the token's user PIN comes from.
struct PinSource {
  enum class From {
    file,        ///< `path`, mode 0600 or 0400
    credential,  ///< systemd put it at `path`
    typed,       ///< by an administrator, after each start
  };

  From from = From::file;
  std::filesystem::path path;  ///< empty when typed

  /// to_text says it for messages: "the file /x", "the systemd credential /x", "what
  /// an administrator types".
  std::string to_text() const;

  bool operator==(const PinSource&) const = default;
};

/// Config is the signer's configuration with every default filled in.
struct Config {
  std::filesystem::path state;  ///< the state folder
  std::string module = "/usr/lib/softhsm/libsofthsm2.so";
  std::string module_arguments;  ///< for C_Initialize, see hsm/module.h; mostly empty
  TokenMatch token;
  PinSource pin;                                    ///< default the file <state>/hsm/user.pin
  unsigned workers = 2;                             ///< default one a core, at least 2
  std::uint64_t log_megabytes = 300;                ///< of all daemons, [log] megabytes
  std::map<std::string, uid_t, std::less<>> users;  ///< by role: who else may open its socket

  std::filesystem::path folder() const { return state / "hsm"; }

  std::filesystem::path sockets() const { return state / "run" / "signer"; }

  /// versions_file keeps the last key versions for a token that cannot (hsm/versions.h).
  std::filesystem::path versions_file() const { return folder() / "versions"; }

  /// so_pin_file is written when we make a SoftHSM token, and never read.
  std::filesystem::path so_pin_file() const { return folder() / "so.pin"; }

  bool pin_is_typed() const noexcept { return pin.from == PinSource::From::typed; }

  bool is_softhsm() const;
};

/// load_config reads [hsm] of <state>/ringfence.toml: workers (1 to 64), module, module_arguments,
/// token (a label, or a "pkcs11:" URI that may also name module-path and pin-source), pin_source
/// ("file:/path", "credential:NAME" or "typed") and [hsm.users] (role = "user name"). Of [log] it
/// takes megabytes. Other sections belong to others; a missing file means
/// defaults. Throws Error{request} naming the file and line of what is wrong, the value, and what
/// would be right.
Config load_config(const std::filesystem::path& state);

}  // namespace ringfence::hsm
