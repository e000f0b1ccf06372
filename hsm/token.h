// The key pairs of one token, logged in once, found once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/module.h"

namespace ringfence::hsm {

/// Token holds one logged-in session and the handles of all our key pairs.
///
/// Private keys are used through session-object copies where the token allows copying: SoftHSM
/// reads a token object's file again for each signature, a copy stays in memory (and inside the
/// token, as sensitive as before). Keys whose CKA_ID is not four bytes, or whose
/// label no KeyRef may have, are not ours and not seen.
/// Throws Error. Not safe from several threads at once.
class Token {
 public:
  /// Throws Error{pin} for a wrong PIN; never retry it.
  Token(const Module& module, const Slot& slot, BytesView pin);

  std::vector<KeyInfo> keys() const;
  Bytes public_key(const KeyRef& ref) const;
  Bytes sign(const SignRequest& request) const;

  /// generate makes a private, sensitive, non-extractable key pair under the label's next
  /// version. A version is never used again, also after destroy: the last one is kept in the token
  /// as a data object.
  KeyRef generate(const std::string& label, const KeySpec& spec);
  void destroy(const KeyRef& ref);

  /// copies counts the keys that are used through session-object copies.
  std::size_t copies() const noexcept;

 private:
  struct Key {
    CK_OBJECT_HANDLE handle = 0;  ///< what signs: the copy, or the token object
    bool copied = false;
    KeySpec spec;
    Bytes spki;
  };

  void load();
  void load_key(CK_OBJECT_HANDLE private_key);
  const Key& at(const KeyRef& ref) const;
  std::uint32_t last_version(const std::string& label) const;
  void keep_version(const std::string& label, std::uint32_t version);

  Session session_;
  std::map<KeyRef, Key> keys_;
};

}  // namespace ringfence::hsm
