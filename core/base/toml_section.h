// The sections of a TOML file: keys within their bounds, and what is wrong told with its line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace ringfence::core {

/// TomlFile is a parsed file; a missing one is empty.
class TomlFile {
 public:
  /// Throws Error: `malformed` ("FILE:LINE: what") for what is no TOML or has more than 64 KiB;
  /// `io`.
  explicit TomlFile(std::filesystem::path path);

  const toml::table& root() const noexcept { return root_; }

  /// wrong throws Error{malformed, "FILE:LINE: what"}, or "FILE: what" of no line.
  [[noreturn]] void wrong(const toml::node& at, const std::string& what) const;
  [[noreturn]] void wrong(const std::string& what) const;

 private:
  std::filesystem::path path_;
  toml::table root_;
};

/// TomlSection reads the keys of one table. What is not there leaves the value as it is; what is
/// wrong throws Error{malformed} that names file, line, key and what would be right.
class TomlSection {
 public:
  /// The section `name` of the file, which must outlive it. Throws where that is no section.
  TomlSection(const TomlFile& file, std::string_view name);

  /// inner is the section [name.key].
  TomlSection inner(std::string_view key);

  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }

  std::vector<std::string> keys() const;

  void text(std::string_view key, std::string& value, std::size_t max_characters);

  /// filled_text is text that is not empty.
  void filled_text(std::string_view key, std::string& value, std::size_t max_characters);

  /// name_part reads text that becomes part of a certificate's name.
  void name_part(std::string_view key, std::string& value, std::size_t max_characters);

  void integer(std::string_view key, std::int64_t& value, std::int64_t low, std::int64_t high);
  void flag(std::string_view key, bool& value);

  /// refuse_unknown throws for a key that was not asked for before.
  void refuse_unknown() const;

  /// wrong throws with the line of `key`, which must be there.
  [[noreturn]] void wrong(std::string_view key, const std::string& what) const;

 private:
  TomlSection(const TomlFile& file, std::string name, const toml::node* node);

  const toml::node* find(std::string_view key);

  const TomlFile& file_;
  std::string name_;
  const toml::table* table_ = nullptr;
  std::vector<std::string> asked_;
};

}  // namespace ringfence::core
