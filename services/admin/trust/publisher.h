// Publishing a trust list: which one is in force, who signs it, and until when a recovery list
// stays.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/storage/database.h"
#include "core/trust/itl.h"
#include "core/trust/list_store.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/node_certificates.h"

namespace ringfence::services::admin {

/// Published is a list in force, and what went wrong once it was: nothing of that takes it back.
struct Published {
  std::string sha1;  ///< hex, lower case
  std::vector<std::string> warnings;
  std::vector<std::string> untold = {};  ///< services that run and were not told of it
};

/// Ensured is what was wrong with the served file, when it was not the list of the certificates,
/// and what was done about it.
struct Ensured {
  enum class By { last_good, new_list };

  By by = By::new_list;
  std::string why;   ///< what was wrong with the file, without a full stop
  std::string sha1;  ///< of the list in force now
  std::vector<std::string> warnings;
  bool first = false;  ///< no list was ever published before
};

/// Publisher writes the served list of one kind and one node: each has its own last good copy and
/// its own history. Every call but `signer`, `recovering` and `served_sha1` wants
/// the mutex of trust held.
///
/// A list is in force from the moment it has its name in the folder of Cisco Tftp. Its version in
/// admin.db comes before: a daemon that was ended between the two publishes it at its next start.
///
/// A recovery list stays in force until `end_recovery`: that is a row of admin.db, so that nothing
/// else ends it, neither restarts nor crashes nor a regeneration, whose list is signed by the
/// recovery key then.
class Publisher {
 public:
  /// `admin` is admin.db. All must outlive it.
  Publisher(const core::Config& config, core::Database& admin, const core::Token& token,
            const core::Clock& clock, core::ListKind kind = core::ListKind::itl,
            core::NodeId node = core::kThisNode)
      : config_(config),
        admin_(admin),
        token_(token),
        clock_(clock),
        versions_(admin),
        kind_(kind),
        node_(node) {}

  /// signer signs the next list: the normal signer, while a recovery list is in force the other.
  core::Unit signer() const;
  bool recovering() const;
  std::string served_sha1() const;  ///< of the last list that was published, or ""

  /// build signs the list of these certificates as the next one, and publishes nothing.
  SignedList build(const NodeCertificates& certificates);

  /// prepare writes the list beside the served one, synced. `record` makes it the last version, in
  /// the caller's transaction. `publish` puts it in force and tells the services; it throws only
  /// when the list is not in force. What fails behind that keeps nothing else from being done.
  void prepare(const SignedList& list);
  void record(const SignedList& list, const std::string& reason);
  Published publish(const SignedList& list, const std::string& reason);

  /// ensure has the list of these certificates in force, and takes away what a killed process left
  /// beside it: nothing happens when the served file is
  /// that. Else the last list that was published takes its place, the same bytes, if that is it: so
  /// phones are not touched, and no key is needed. Else a new one is built and published.
  std::optional<Ensured> ensure(const NodeCertificates& certificates, const std::string& reason);

  /// begin_recovery publishes a list signed by the recovery signer, which stays; end_recovery
  /// returns to the normal signer, and does nothing when no recovery list is in force.
  Published begin_recovery(const NodeCertificates& certificates);
  std::optional<Published> end_recovery(const NodeCertificates& certificates,
                                        const std::string& reason);

 private:
  SignedList build(const NodeCertificates& certificates, core::Unit signer);
  /// last_good returns the last list that was published when it is the one of these certificates.
  std::optional<core::ListVersion> last_good(const NodeCertificates& certificates,
                                             core::Unit signer);
  Published put_in_force(const core::Bytes& file, const std::string& sha1);
  void tell_services(Published& published);  ///< that the list in force is another one
  Published publish_with(const SignedList& list, const std::string& reason, bool recovering);

  std::filesystem::path path() const;  ///< of the served file
  std::filesystem::path next_path() const;
  std::filesystem::path good_path() const;  ///< of the copy that Cisco Tftp falls back to
  std::string recovery_setting() const;

  const core::Config& config_;
  core::Database& admin_;
  const core::Token& token_;
  const core::Clock& clock_;
  core::ListStore versions_;
  core::ListKind kind_;
  core::NodeId node_;
};

/// list_path is where Cisco Tftp finds a list.
std::filesystem::path list_path(const core::Config& config, core::ListKind kind);

/// node_list_path is where the list of a node lies: list_path for this one, else a folder of that
/// node's.
std::filesystem::path node_list_path(const core::Config& config, core::ListKind kind,
                                     core::NodeId node);

inline constexpr std::size_t kMaxListBytes = 1 << 20;

/// tell_reload asks a service to reread what changed, within five seconds. It returns why one that
/// runs was not told; one that is down rereads everything when it starts.
std::optional<std::string> tell_reload(const core::Config& config, const Service& service) noexcept;

}  // namespace ringfence::services::admin
