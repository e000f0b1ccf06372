// The key pairs of one token, logged in once, found once.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/module.h"
#include "hsm/status.h"
#include "hsm/versions.h"

namespace ringfence::hsm {

/// Token holds one logged-in session and the handles of all our key pairs.
///
/// Private keys are used through session-object copies where the token allows copying: SoftHSM
/// reads a token object's file again for each signature, a copy stays in memory (inside the token,
/// sensitive, non-extractable, and able to sign only). Keys whose CKA_ID is not four bytes, or
/// whose label no KeyRef may have, are not ours and not seen; halves of a pair, left by a crash,
/// are not seen either.
///
/// Several processes may hold a Token on one token: all may sign, but one at a time may generate
/// and destroy; the others learn of a new key when they are asked for it, and of one that
/// went by forget(). Throws Error. Not safe from several threads at once.
class Token {
 public:
  using Entry = KeyFacts;

  /// Logs in and finds the keys. `versions` names the file that keeps each label's last version
  /// where the token takes no data objects; without it such a token's keys cannot be changed.
  /// `sync` is as in Versions. Throws Error{pin} for a wrong PIN; never retry it.
  Token(const Module& module, const Slot& slot, BytesView pin, std::filesystem::path versions = {},
        Versions::Sync sync = {});

  std::vector<Entry> entries() const;

  /// sign makes one signature. A key that is not known yet is looked up in the token once.
  /// Throws Error: `not_found` when it is not there either.
  Bytes sign(const SignRequest& request);

  /// find returns one key pair, valid until it is forgotten; looks up and throws as sign does.
  const Entry& find(const KeyRef& ref);

  /// generate makes a private, sensitive, non-extractable key pair under the label's next
  /// version, valid from today (UTC) where the module takes CKA_START_DATE. Codes that pass
  /// (is_transient) are tried again, three times in all.
  ///
  /// A version is never used again, also after destroy: the last one is kept in the token as a
  /// data object, or in the file of versions. It may be skipped when generate fails.
  Entry generate(const std::string& label, const KeySpec& spec);

  /// destroy leaves no half: what a crash leaves is cleared away by the next generate or destroy.
  void destroy(const KeyRef& ref);

  /// forget drops what we hold of a key that another process destroyed.
  void forget(const KeyRef& ref) noexcept;

 private:
  struct Key {
    CK_OBJECT_HANDLE handle = 0;  ///< what signs: the copy, or the token object
    Entry entry;
  };

  struct Pair {
    CK_OBJECT_HANDLE private_key = 0;
    Entry entry;
  };

  void load();

  /// read_pair reads the whole pair a private token object belongs to; nothing for a half.
  std::optional<Pair> read_pair(CK_OBJECT_HANDLE private_key) const;

  /// adopt makes the pair ours, with a session copy where that can be had.
  Key& adopt(Pair pair);
  Key& at(const KeyRef& ref);

  /// gone lists the pairs that a destruction, perhaps one that never ended, did away with.
  std::set<KeyRef> gone(const VersionRecords& records) const;

  /// clear_away ends key operations that a crash cut short, and returns the records.
  VersionRecords clear_away();
  void clear_half(const KeyRef& ref);
  void destroy_objects(const KeyRef& ref);

  std::uint32_t next_version(const std::string& label, const VersionRecords& records) const;

  Session session_;
  Versions versions_;  // reads through the session
  /// Whether keys of several labels may have one CKA_ID. NSS softokn keeps one key for each and
  /// overwrites; SoftHSM is known not to. Elsewhere a version that any key has is skipped.
  bool shares_ids_;
  std::map<KeyRef, Key> keys_;
};

}  // namespace ringfence::hsm
