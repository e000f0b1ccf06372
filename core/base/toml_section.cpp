#include "core/base/toml_section.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;

std::string place(const std::filesystem::path& file, const toml::source_region& source) {
  return fmt::format("{}:{}", file.string(), source.begin.line);
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

TomlFile::TomlFile(std::filesystem::path path) : path_(std::move(path)), root_(parse(path_)) {}

void TomlFile::wrong(const toml::node& at, const std::string& what) const {
  throw Error(Code::malformed, fmt::format("{}: {}", place(path_, at.source()), what));
}

void TomlFile::wrong(const std::string& what) const {
  throw Error(Code::malformed, fmt::format("{}: {}", path_.string(), what));
}

TomlSection::TomlSection(const TomlFile& file, std::string_view name)
    : TomlSection(file, std::string(name), file.root().get(name)) {}

TomlSection::TomlSection(const TomlFile& file, std::string name, const toml::node* node)
    : file_(file), name_(std::move(name)) {
  if (node == nullptr) return;
  table_ = node->as_table();
  if (table_ == nullptr)
    file_.wrong(*node, fmt::format("{} must be a section: a line [{}], and below it its keys",
                                   name_, name_));
}

TomlSection TomlSection::inner(std::string_view key) {
  return {file_, fmt::format("{}.{}", name_, key), find(key)};
}

std::vector<std::string> TomlSection::keys() const {
  std::vector<std::string> keys;
  if (table_ == nullptr) return keys;
  for (const auto& [key, node] : *table_) keys.emplace_back(key.str());
  return keys;
}

void TomlSection::text(std::string_view key, std::string& value, std::size_t max_characters) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto found = node->value_exact<std::string>();
  if (!found || found->size() > max_characters)
    wrong(key,
          fmt::format("{}.{} must be text of at most {} characters", name_, key, max_characters));
  value = *found;
}

void TomlSection::filled_text(std::string_view key, std::string& value,
                              std::size_t max_characters) {
  text(key, value, max_characters);
  if (has(key) && value.empty()) wrong(key, fmt::format("{}.{} must not be empty", name_, key));
}

void TomlSection::name_part(std::string_view key, std::string& value, std::size_t max_characters) {
  text(key, value, max_characters);
  for (const char c : value)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      wrong(key, fmt::format("{}.{} must not have control characters: it stands in the names of "
                             "certificates",
                             name_, key));
}

void TomlSection::integer(std::string_view key, std::int64_t& value, std::int64_t low,
                          std::int64_t high) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto found = node->value_exact<std::int64_t>();
  if (!found || *found < low || *found > high)
    wrong(key, fmt::format("{}.{} must be a number from {} to {}", name_, key, low, high));
  value = *found;
}

void TomlSection::flag(std::string_view key, bool& value) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto found = node->value_exact<bool>();
  if (!found) wrong(key, fmt::format("{}.{} must be true or false", name_, key));
  value = *found;
}

void TomlSection::refuse_unknown() const {
  for (const std::string& key : keys())
    if (std::ranges::find(asked_, key) == asked_.end())
      wrong(key,
            fmt::format("unknown key {}.{}; known are {}", name_, key, fmt::join(asked_, ", ")));
}

void TomlSection::wrong(std::string_view key, const std::string& what) const {
  file_.wrong(*table_->get(key), what);
}

const toml::node* TomlSection::find(std::string_view key) {
  asked_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

}  // namespace ringfence::core
