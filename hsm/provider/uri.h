// RFC 7512 URIs: which keys "pkcs11:token=ringfence;object=CAPF;type=private" means.
#pragma once

#include <memory>

#include "hsm/client.h"

struct p11_kit_uri;

namespace ringfence::hsm::provider {

/// KeyUri is a parsed URI about keys.
///
/// Understood: object, id, type, token, manufacturer, model, serial. Refused: attributes that we do
/// not know, that name a slot or a library (the signer chooses them), and pin-value, pin-source,
/// module-name, module-path (the signer alone has the PIN and the module).
class KeyUri {
 public:
  /// Throws Error{request} that names what is wrong.
  explicit KeyUri(const char* text);
  KeyUri(const KeyUri&) = delete;
  KeyUri& operator=(const KeyUri&) = delete;
  ~KeyUri();

  /// wants_private and wants_public: both without a type; neither for a certificate and the like.
  bool wants_private() const noexcept { return wants_private_; }

  bool wants_public() const noexcept { return wants_public_; }

  /// find returns the keys that are meant: by label, the newest version of each first.
  std::vector<KeyRef> find(SignerClient& client) const;

 private:
  bool means_token(SignerClient& client) const;
  bool means(const KeyRef& ref) const;

  p11_kit_uri* uri_;
  bool wants_private_ = true;
  bool wants_public_ = true;
};

/// uri_of returns the URI of one key of the token.
std::string uri_of(const KeyRef& ref);

}  // namespace ringfence::hsm::provider
