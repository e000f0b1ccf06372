// What ringfence-signer is told: the [hsm] section of ringfence.toml, and the state folder.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>

namespace ringfence::hsm {

/// Config is the signer's configuration with every default filled in.
struct Config {
  std::filesystem::path state;  ///< the state folder
  std::string module = "/usr/lib/softhsm/libsofthsm2.so";
  std::string token = "ringfence";                  ///< the token's label, at most 32 bytes
  std::filesystem::path pin_file;                   ///< default <state>/hsm/user.pin
  std::filesystem::path so_pin_file;                ///< default <state>/hsm/so.pin
  std::map<std::string, uid_t, std::less<>> users;  ///< by role: who else may open its socket

  std::filesystem::path folder() const { return state / "hsm"; }

  std::filesystem::path sockets() const { return state / "run" / "signer"; }

  bool is_softhsm() const;
};

/// load_config reads [hsm] of <state>/ringfence.toml: module, token, pin_file, so_pin_file (all
/// text) and [hsm.users] (role = "user name"). Other sections belong to others; a missing file
/// means defaults. Throws Error{request} naming the file and line of what is wrong.
Config load_config(const std::filesystem::path& state);

}  // namespace ringfence::hsm
