#include "hsm/signer/config.h"

#include <pwd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#define TOML_HEADER_ONLY 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include "core/base/error.h"
#include "core/base/state_folder.h"
#include "hsm/error.h"
#include "hsm/signer/roles.h"
#include "hsm/signer/token_uri.h"

namespace ringfence::hsm {
namespace {

constexpr unsigned kMaxWorkers = 64;
constexpr std::size_t kMaxLabel = 32;  // PKCS#11 v2.40 3.2, CK_TOKEN_INFO

/// Section reads [hsm] of one file; what is wrong is thrown with the place it stands at.
class Section {
 public:
  Section(std::filesystem::path file, const toml::table& table) : file_(std::move(file)) {
    for (const auto& [key, node] : table) {
      require_known(key, node);
      if (key == "users") users_ = node.as_table();
    }
    workers_ = table.get("workers");
    module_ = table.get("module");
    arguments_ = table.get("module_arguments");
    token_ = table.get("token");
    pin_source_ = table.get("pin_source");
  }

  void read(Config& config) const {
    if (workers_ != nullptr) config.workers = workers();
    if (module_ != nullptr) config.module = text("module", *module_);
    if (arguments_ != nullptr) config.module_arguments = text("module_arguments", *arguments_);
    if (pin_source_ != nullptr)
      config.pin = pin_source("pin_source", text("pin_source", *pin_source_), *pin_source_);
    if (token_ != nullptr) read_token(config);
    if (users_ != nullptr)
      for (const auto& [role, user] : *users_)
        config.users[std::string(role)] = user_id(role, user);
  }

 private:
  [[noreturn]] void wrong(const toml::node& node, const std::string& what) const {
    throw Error(Kind::request,
                fmt::format("{}:{}: {}", file_.string(), node.source().begin.line, what));
  }

  void require_known(std::string_view key, const toml::node& node) const {
    static constexpr std::string_view known[] = {"workers", "module",     "module_arguments",
                                                 "token",   "pin_source", "users"};
    if (std::ranges::find(known, key) == std::end(known))
      wrong(node, fmt::format("hsm.{} is not known; known are {}", key, fmt::join(known, ", ")));
    if (key == "users" && !node.is_table()) wrong(node, "hsm.users must be a table");
  }

  std::string text(std::string_view key, const toml::node& node) const {
    const auto value = node.value_exact<std::string>();
    if (!value || value->empty())
      wrong(node, fmt::format("hsm.{} must be a text in quotes that is not empty", key));
    return *value;
  }

  unsigned workers() const {
    const auto count = workers_->value_exact<std::int64_t>();
    if (!count || *count < 1 || *count > kMaxWorkers)
      wrong(*workers_, fmt::format("hsm.workers must be a whole number from 1 to {}", kMaxWorkers));
    return static_cast<unsigned>(*count);
  }

  void read_token(Config& config) const {
    const std::string value = text("token", *token_);
    if (!is_uri(value)) {
      if (value.size() > kMaxLabel)
        wrong(*token_,
              fmt::format("hsm.token \"{}\" is longer than a label's {} bytes", value, kMaxLabel));
      config.token = {value, value, "", "", "", std::nullopt};
      return;
    }
    const TokenUri uri = parse(value);
    config.token = uri.token;
    if (uri.module_path) {
      if (module_ != nullptr && config.module != *uri.module_path)
        wrong(*token_,
              fmt::format("hsm.token names the module {} and hsm.module names {}: keep one",
                          *uri.module_path, config.module));
      config.module = *uri.module_path;
    }
    if (uri.pin_source) {
      const PinSource source = pin_source("token's pin-source", *uri.pin_source, *token_);
      if (pin_source_ != nullptr && !(source == config.pin))
        wrong(*token_, fmt::format("hsm.token takes the PIN from {} and hsm.pin_source from {}: "
                                   "keep one",
                                   source.to_text(), config.pin.to_text()));
      config.pin = source;
    }
  }

  TokenUri parse(const std::string& value) const {
    try {
      return parse_token_uri(value);
    } catch (const Error& error) {
      wrong(*token_, fmt::format("hsm.token \"{}\": {}", without_pin(value), error.what()));
    }
  }

  /// A PIN that does not belong there must not reach a log as well.
  static std::string without_pin(const std::string& uri) {
    const std::size_t pin = uri.find("pin-value=");
    return pin == std::string::npos ? uri : uri.substr(0, pin) + "pin-value=...";
  }

  PinSource pin_source(std::string_view key, const std::string& value,
                       const toml::node& node) const {
    if (value == "typed") return {PinSource::From::typed, {}};
    if (value.starts_with("credential:")) return credential(key, value.substr(11), node);
    // RFC 7512 2.4: a bare absolute path is a file, too; and file: may be followed by "//".
    std::string path = value.starts_with("file:") ? value.substr(5) : value;
    if (path.starts_with("///")) path.erase(0, 2);
    if (!path.starts_with('/') || path.starts_with("//"))
      wrong(node, fmt::format("hsm.{} \"{}\" must be \"file:/path\", \"credential:NAME\" or "
                              "\"typed\"",
                              key, value));
    return {PinSource::From::file, path};
  }

  PinSource credential(std::string_view key, const std::string& name,
                       const toml::node& node) const {
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
      wrong(node, fmt::format("hsm.{} \"credential:{}\" must name one credential, as "
                              "\"credential:token-pin\"",
                              key, name));
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == 0)
      wrong(node, fmt::format("hsm.{} \"credential:{}\": systemd gave this process no credentials "
                              "(CREDENTIALS_DIRECTORY is not set): add LoadCredential={}:/path to "
                              "the unit",
                              key, name, name));
    return {PinSource::From::credential, std::filesystem::path(folder) / name};
  }

  uid_t user_id(std::string_view role, const toml::node& node) const {
    if (role_named(role) == nullptr)
      wrong(node, fmt::format("hsm.users.{}: there is no such role", role));
    const std::string name = text(fmt::format("users.{}", role), node);
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) wrong(node, fmt::format("hsm.users.{}: there is no user {}", role, name));
    return entry->pw_uid;
  }

  std::filesystem::path file_;
  const toml::node* workers_ = nullptr;
  const toml::node* module_ = nullptr;
  const toml::node* arguments_ = nullptr;
  const toml::node* token_ = nullptr;
  const toml::node* pin_source_ = nullptr;
  const toml::table* users_ = nullptr;
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
  const std::filesystem::path file = state / "ringfence.toml";
  try {
    core::require_safe_state(state);
  } catch (const core::Error& error) {
    throw Error(Kind::refused, error.what());
  }
  if (!std::filesystem::exists(file)) return config;
  try {
    const toml::table root = toml::parse_file(file.string());
    const toml::node* hsm = root.get("hsm");
    if (hsm != nullptr && !hsm->is_table())
      throw Error(Kind::request,
                  fmt::format("{}:{}: hsm must be a section: a line [hsm], and below it its keys",
                              file.string(), hsm->source().begin.line));
    const auto megabytes = root["log"]["megabytes"].value<std::int64_t>();
    if (megabytes && *megabytes > 0) config.log_megabytes = static_cast<std::uint64_t>(*megabytes);
    if (hsm != nullptr) Section(file, *hsm->as_table()).read(config);
  } catch (const toml::parse_error& error) {
    throw Error(Kind::request, fmt::format("{}:{}: {}", file.string(), error.source().begin.line,
                                           error.description()));
  }
  return config;
}

}  // namespace ringfence::hsm
