// Every file that phones may fetch, by name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/phones/config_file.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone_store.h"
#include "core/storage/database.h"
#include "core/trust/node_store.h"
#include "core/trust/trust_list.h"
#include "services/tftp/signing.h"
#include "services/tftp/source.h"

namespace ringfence::services::tftp {

/// FilePaths is where the source reads from.
struct FilePaths {
  std::filesystem::path folder;   ///< of ITLFile.tlv and CTLFile.tlv
  std::filesystem::path capf_db;  ///< may appear later
};

/// FileSource makes the files:
///
///     ITLFile.tlv, ITL<device>.tlv         the ITL, the same for all
///     CTLFile.tlv, CTL<device>.tlv         the CTL, when there is one
///     <device>.cnf.xml[.sgn]               from the phone's record; unknown phones have none
///     XMLDefault.cnf.xml[.sgn]             the nodes alone
///
/// `.sgn` files are signed with a CallManager key (SigningChoice) and kept while record, CAPF
/// visit, nodes and certificate stay. Safe from several threads.
class FileSource final : public Source {
 public:
  /// `admin` is admin.db, read-only; it and `token` and `clock` must outlive the source.
  FileSource(core::Database& admin, const core::Token& token, const core::Clock& clock,
             FilePaths paths, core::ConfigNode node);

  /// at_hand knows trust lists: they cost a look at the file's time, and no database.
  std::optional<File> at_hand(std::string_view name) override;
  Found find(std::string_view name) override;
  File sign(const Unsigned& config) override;

  /// served returns the trust list that phones get now, nothing when there is none.
  std::shared_ptr<const Content> served(core::ListKind kind) {
    return (kind == core::ListKind::itl ? itl_ : ctl_).current();
  }

  /// reload forgets what was kept.
  void reload();

 private:
  struct Kept {
    std::string name;
    std::string stamp;  ///< of everything that the content was made from
    std::shared_ptr<const Content> content;
  };

  void check_is_ours(core::ListKind kind, core::BytesView file);
  core::ConfigNode with_others() const;
  Found config(std::string_view name, std::string_view plain);
  std::optional<core::Outcome> outcome(const core::Phone& phone);
  Found made(Unsigned config);
  std::shared_ptr<const Content> kept(const std::string& name, const std::string& stamp);
  void keep(Kept entry);

  core::Database& admin_;
  const core::Token& token_;
  const core::Clock& clock_;
  const FilePaths paths_;
  const core::ConfigNode node_;
  const core::PhoneStore phones_;
  const core::CertificateStore certificates_;
  const core::NodeStore nodes_;
  SigningChoice signing_;
  ListFile itl_;
  ListFile ctl_;

  std::mutex capf_mutex_;
  std::unique_ptr<core::Database> capf_;

  std::mutex kept_mutex_;  // for the two that follow
  std::list<Kept> newest_first_;
  std::unordered_map<std::string, std::list<Kept>::iterator> by_name_;
};

/// valid_name tells whether `name` has 1 to 128 letters, digits, '.', '_' and '-' only. No folder
/// can be spelled with those, so no name leaves what FileSource knows.
bool valid_name(std::string_view name) noexcept;

}  // namespace ringfence::services::tftp
