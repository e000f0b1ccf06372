// The keys of this node: a phone that brings one of them holds it from somewhere else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/storage/cached.h"

namespace ringfence::services::capf {

/// OwnKeys knows the public keys of this node's certificates, present ones and those in its trust
/// stores. Reads them again when admin.db has changed. Safe from several threads.
class OwnKeys {
 public:
  /// `admin` must outlive it; read-only will do.
  explicit OwnKeys(core::Database& admin);

  /// holder returns "this node's CAPF", or the file of a trust store, for a PublicKey's hash.
  std::optional<std::string> holder(std::string_view hash);

 private:
  using Holders = std::map<std::string, std::string, std::less<>>;  ///< by the hash of the key

  static std::shared_ptr<const Holders> read(core::Database& admin);

  core::Cached<Holders> holders_;
};

}  // namespace ringfence::services::capf
