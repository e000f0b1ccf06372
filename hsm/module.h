// A PKCS#11 module loaded into this process, its slots, and sessions on them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "hsm/key.h"
#include "hsm/pkcs11.h"
#include "hsm/status.h"

namespace ringfence::hsm {

/// Slot is a place with a token in it.
struct Slot {
  CK_SLOT_ID id = 0;
  std::string label;  ///< of the token, as manufacturer, model and serial without padding
  bool initialized = false;
  std::string manufacturer;
  std::string model;
  std::string serial;
};

/// Module owns a loaded module between C_Initialize and C_Finalize.
///
/// Never fork while one exists. Not copyable: the end of the first copy would finalise the other.
class Module {
 public:
  /// `arguments` is the text that some modules want in C_Initialize, as p11-kit's x-init-reserved:
  /// NSS softokn reads "configdir='sql:/folder' …"; empty for none.
  /// Throws Error{request} when `path` is no PKCS#11 module, Error{call, rv} otherwise.
  explicit Module(const std::string& path, const std::string& arguments = "");
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  ~Module();

  const CK_FUNCTION_LIST* operator->() const noexcept { return functions_; }

  /// facts reads what `show hsm` tells of the module, its slots, and the token in `used`.
  TokenFacts facts(const Slot& used) const;

  /// library returns what the module calls itself: "SoftHSM, Implementation of PKCS11 2.6".
  std::string library() const;

  /// slots lists those with a token present.
  std::vector<Slot> slots() const;

  /// find returns the slot whose initialised token has `label`.
  std::optional<Slot> find(const std::string& label) const;

  /// init_token makes a new token in an uninitialised slot, with both PINs set. Throws Error.
  void init_token(const std::string& label, BytesView so_pin, BytesView user_pin) const;

 private:
  void* library_ = nullptr;
  CK_FUNCTION_LIST* functions_ = nullptr;
};

enum class User { security_officer, user };

/// Session owns one read-write session. Not safe from several threads at once.
class Session {
 public:
  Session(const Module& module, CK_SLOT_ID slot);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// login: a token counts wrong PINs and locks itself, never retry with the same PIN.
  void login(User user, BytesView pin);

  CK_SESSION_HANDLE handle() const noexcept { return handle_; }

  const Module& module() const noexcept { return module_; }

  /// find returns the handles of all objects that match.
  std::vector<CK_OBJECT_HANDLE> find(std::vector<CK_ATTRIBUTE> match) const;

  /// attribute reads one attribute's bytes.
  Bytes attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;

  /// attribute_if reads one attribute's bytes; nothing when the object has none, does not show it,
  /// or is gone.
  std::optional<Bytes> attribute_if(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;

  /// logged_in asks the module whether the user is logged in to this session.
  bool logged_in() const;

  /// sign does one whole C_SignInit and C_Sign into `signature`, which must have room for the
  /// longest the key can make, and returns how many bytes it has.
  std::size_t sign(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, BytesView input,
                   std::span<std::uint8_t> signature) const;

 private:
  const Module& module_;
  CK_SESSION_HANDLE handle_ = 0;
};

/// attribute makes a template entry that points at `value`, which must outlive it.
template <typename T>

requires std::is_integral_v<T> CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const T& value) {
  return {type, const_cast<T*>(&value), sizeof value};  // the C API is not const-correct
}

CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, BytesView value);
CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const std::string& value);

}  // namespace ringfence::hsm
