#include "hsm/signer/config.h"

#include <pwd.h>

#define TOML_HEADER_ONLY 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include "hsm/error.h"
#include "hsm/signer/roles.h"

namespace ringfence::hsm {
namespace {

[[noreturn]] void wrong(const std::filesystem::path& file, const toml::node& node,
                        const std::string& what) {
  throw Error(Kind::request,
              fmt::format("{}:{}: {}", file.string(), node.source().begin.line, what));
}

std::string text_at(const std::filesystem::path& file, std::string_view key,
                    const toml::node& node) {
  const auto text = node.value_exact<std::string>();
  if (!text || text->empty())
    wrong(file, node, fmt::format("hsm.{} must be a text in quotes that is not empty", key));
  return *text;
}

uid_t user_at(const std::filesystem::path& file, std::string_view role, const toml::node& node) {
  if (role_named(role) == nullptr)
    wrong(file, node, fmt::format("hsm.users.{}: there is no such role", role));
  const std::string name = text_at(file, fmt::format("users.{}", role), node);
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr)
    wrong(file, node, fmt::format("hsm.users.{}: there is no user {}", role, name));
  return entry->pw_uid;
}

void read_section(const std::filesystem::path& file, const toml::table& section, Config& config) {
  for (const auto& [key, node] : section) {
    if (key == "module") {
      config.module = text_at(file, key, node);
    } else if (key == "token") {
      config.token = text_at(file, key, node);
      if (config.token.size() > 32) wrong(file, node, "hsm.token must be at most 32 bytes long");
    } else if (key == "pin_file") {
      config.pin_file = text_at(file, key, node);
    } else if (key == "so_pin_file") {
      config.so_pin_file = text_at(file, key, node);
    } else if (key == "users" && node.is_table()) {
      for (const auto& [role, user] : *node.as_table())
        config.users[std::string(role)] = user_at(file, role, user);
    } else {
      wrong(file, node,
            fmt::format("hsm.{} is not known; known are module, token, pin_file, so_pin_file and "
                        "the table users",
                        std::string_view(key)));
    }
  }
}

}  // namespace

bool Config::is_softhsm() const {
  return std::filesystem::path(module).filename().string().find("softhsm") != std::string::npos;
}

Config load_config(const std::filesystem::path& state) {
  Config config;
  config.state = state;
  config.pin_file = config.folder() / "user.pin";
  config.so_pin_file = config.folder() / "so.pin";
  const std::filesystem::path file = state / "ringfence.toml";
  if (!std::filesystem::exists(file)) return config;
  try {
    const toml::table root = toml::parse_file(file.string());
    const toml::node* hsm = root.get("hsm");
    if (hsm != nullptr && !hsm->is_table()) wrong(file, *hsm, "hsm must be a table");
    if (hsm != nullptr) read_section(file, *hsm->as_table(), config);
  } catch (const toml::parse_error& error) {
    throw Error(Kind::request, fmt::format("{}:{}: {}", file.string(), error.source().begin.line,
                                           error.description()));
  }
  return config;
}

}  // namespace ringfence::hsm
