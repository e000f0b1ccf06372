// Key objects of a token: their names, halves and copies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/module.h"

/// All of it talks to the module through a session and throws Error, unless it returns what the
/// module said.
namespace ringfence::hsm::objects {

inline constexpr CK_OBJECT_CLASS kPublic = CKO_PUBLIC_KEY;
inline constexpr CK_OBJECT_CLASS kPrivate = CKO_PRIVATE_KEY;

/// Name is a KeyRef as the two attributes that carry it; it must outlive them.
struct Name {
  std::string label;
  Bytes id;  ///< the version, four bytes big-endian

  explicit Name(const KeyRef& ref);

  CK_ATTRIBUTE label_attribute() const { return attribute(CKA_LABEL, label); }

  CK_ATTRIBUTE id_attribute() const { return attribute(CKA_ID, BytesView(id)); }
};

/// find returns the token objects of one class, with that name.
std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type);
std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type,
                                   const KeyRef& ref);

/// has_id says whether any key of the token, ours or not, has that version's CKA_ID.
bool has_id(const Session& session, std::uint32_t version);

/// ref_of reads an object's name; nothing when it cannot be one of ours.
std::optional<KeyRef> ref_of(const Session& session, CK_OBJECT_HANDLE object);

CK_KEY_TYPE type_of(const Session& session, CK_OBJECT_HANDLE object);

/// material is what tells that two objects are halves of one key: the modulus, or the curve.
std::optional<Bytes> material(const Session& session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type);

/// finished says whether a private key has its material. SoftHSM writes an object first and fills
/// it then; a crash between leaves an object that has a name and signs nothing.
bool finished(const Session& session, CK_OBJECT_HANDLE private_key);

/// start_date returns "2026-11-21", or "" when the object does not say.
std::string start_date(const Session& session, CK_OBJECT_HANDLE object);

/// refused says that a module will not do a thing, unlike one that cannot do it now.
bool refused(CK_RV rv) noexcept;

/// generate_pair makes a private, sensitive, non-extractable pair that signs and does nothing else,
/// valid from today (UTC) if the module takes a date. `made` is the private object.
CK_RV generate_pair(const Session& session, const KeyRef& ref, const KeySpec& spec,
                    CK_OBJECT_HANDLE& made);

/// copy_for_session returns a session object that signs as the token's private key does and is
/// protected like it; nothing when the module refuses.
std::optional<CK_OBJECT_HANDLE> copy_for_session(const Session& session, CK_OBJECT_HANDLE key);

void destroy_object(const Session& session, CK_OBJECT_HANDLE object);

}  // namespace ringfence::hsm::objects
