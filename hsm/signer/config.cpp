#include "hsm/signer/config.h"

#include <pwd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/state_folder.h"
#include "core/base/toml_section.h"
#include "hsm/error.h"
#include "hsm/signer/roles.h"
#include "hsm/signer/token_uri.h"

namespace ringfence::hsm {
namespace {

constexpr unsigned kMaxWorkers = 64;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxLabel = 32;  // PKCS#11 v2.40 3.2, CK_TOKEN_INFO

/// Reader reads [hsm]; what is wrong is thrown with the place it stands at.
class Reader {
 public:
  explicit Reader(const core::TomlFile& file) : hsm_(file, "hsm") {}

  void read(Config& config) {
    std::int64_t workers = config.workers;
    hsm_.integer("workers", workers, 1, kMaxWorkers);
    config.workers = static_cast<unsigned>(workers);
    hsm_.filled_text("module", config.module, kMaxText);
    hsm_.filled_text("module_arguments", config.module_arguments, kMaxText);
    std::string token;
    hsm_.filled_text("token", token, kMaxText);
    std::string source;
    hsm_.filled_text("pin_source", source, kMaxText);
    if (!source.empty()) config.pin = pin_source("pin_source", "pin_source", source);
    if (!token.empty()) read_token(config, token);
    core::TomlSection users = hsm_.inner("users");
    for (const std::string& role : users.keys()) config.users[role] = user_id(users, role);
    hsm_.refuse_unknown();
  }

 private:
  void read_token(Config& config, const std::string& value) const {
    if (!is_uri(value)) {
      if (value.size() > kMaxLabel)
        hsm_.wrong("token", fmt::format("hsm.token \"{}\" is longer than a label's {} bytes", value,
                                        kMaxLabel));
      config.token = {value, value, "", "", "", std::nullopt};
      return;
    }
    const TokenUri uri = parse(value);
    config.token = uri.token;
    if (uri.module_path) {
      if (hsm_.has("module") && config.module != *uri.module_path)
        hsm_.wrong("token",
                   fmt::format("hsm.token names the module {} and hsm.module names {}: keep one",
                               *uri.module_path, config.module));
      config.module = *uri.module_path;
    }
    if (uri.pin_source) {
      const PinSource source = pin_source("token", "token's pin-source", *uri.pin_source);
      if (hsm_.has("pin_source") && !(source == config.pin))
        hsm_.wrong("token",
                   fmt::format("hsm.token takes the PIN from {} and hsm.pin_source from {}: keep "
                               "one",
                               source.to_text(), config.pin.to_text()));
      config.pin = source;
    }
  }

  TokenUri parse(const std::string& value) const {
    try {
      return parse_token_uri(value);
    } catch (const Error& error) {
      hsm_.wrong("token", fmt::format("hsm.token \"{}\": {}", without_pin(value), error.what()));
    }
  }

  /// A PIN that does not belong there must not reach a log as well.
  static std::string without_pin(const std::string& uri) {
    const std::size_t pin = uri.find("pin-value=");
    return pin == std::string::npos ? uri : uri.substr(0, pin) + "pin-value=...";
  }

  /// pin_source reads what `key` says; `what` is its name in messages.
  PinSource pin_source(std::string_view key, std::string_view what,
                       const std::string& value) const {
    if (value == "typed") return {PinSource::From::typed, {}};
    if (value.starts_with("credential:")) return credential(key, what, value.substr(11));
    // RFC 7512 2.4: a bare absolute path is a file, too; and file: may be followed by "//".
    std::string path = value.starts_with("file:") ? value.substr(5) : value;
    if (path.starts_with("///")) path.erase(0, 2);
    if (!path.starts_with('/') || path.starts_with("//"))
      hsm_.wrong(key, fmt::format("hsm.{} \"{}\" must be \"file:/path\", \"credential:NAME\" or "
                                  "\"typed\"",
                                  what, value));
    return {PinSource::From::file, path};
  }

  PinSource credential(std::string_view key, std::string_view what, const std::string& name) const {
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
      hsm_.wrong(key, fmt::format("hsm.{} \"credential:{}\" must name one credential, as "
                                  "\"credential:token-pin\"",
                                  what, name));
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == 0)
      hsm_.wrong(key,
                 fmt::format("hsm.{} \"credential:{}\": systemd gave this process no credentials "
                             "(CREDENTIALS_DIRECTORY is not set): add LoadCredential={}:/path to "
                             "the unit",
                             what, name, name));
    return {PinSource::From::credential, std::filesystem::path(folder) / name};
  }

  static uid_t user_id(core::TomlSection& users, const std::string& role) {
    if (role_named(role) == nullptr)
      users.wrong(role, fmt::format("hsm.users.{}: there is no such role", role));
    std::string name;
    users.filled_text(role, name, kMaxText);
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr)
      users.wrong(role, fmt::format("hsm.users.{}: there is no user {}", role, name));
    return entry->pw_uid;
  }

  core::TomlSection hsm_;
};

/// fits says whether a wish of a TokenMatch is met.
bool fits(const std::string& wanted, const std::string& has) {
  return wanted.empty() || wanted == has;
}

}  // namespace

bool TokenMatch::matches(const Slot& slot) const {
  return slot.initialized && fits(label, slot.label) && fits(manufacturer, slot.manufacturer) &&
         fits(model, slot.model) && fits(serial, slot.serial) &&
         slot_id.value_or(slot.id) == slot.id;
}

std::string PinSource::to_text() const {
  switch (from) {
    case From::file: return "the file " + path.string();
    case From::credential: return "the systemd credential " + path.string();
    case From::typed: return "what an administrator types";
  }
  return "";
}

bool Config::is_softhsm() const {
  return std::filesystem::path(module).filename().string().find("softhsm") != std::string::npos;
}

Config load_config(const std::filesystem::path& state) {
  Config config;
  config.state = state;
  config.pin.path = config.folder() / "user.pin";
  config.workers = std::clamp(std::thread::hardware_concurrency(), 2U, kMaxWorkers);
  try {
    core::require_safe_state(state);
    const core::TomlFile file(state / "ringfence.toml");
    Reader(file).read(config);
    auto megabytes = static_cast<std::int64_t>(config.log_megabytes);
    core::TomlSection(file, "log").integer("megabytes", megabytes, 10, 100'000);
    config.log_megabytes = static_cast<std::uint64_t>(megabytes);
  } catch (const core::Error& error) {
    throw Error(error.code() == core::Code::refused ? Kind::refused : Kind::request, error.what());
  }
  return config;
}

}  // namespace ringfence::hsm
