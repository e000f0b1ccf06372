#include "hsm/provider/uri.h"

#include <algorithm>
#include <cstring>

#include <p11-kit/uri.h>

#include "hsm/key_id.h"

namespace ringfence::hsm::provider {
namespace {

/// fill writes a text as PKCS#11 does: no end, padded with blanks.
template <std::size_t Size>
void fill(unsigned char (&field)[Size], std::string_view text) {
  std::memset(field, ' ', Size);
  text.copy(reinterpret_cast<char*>(field), Size);
}

template <std::size_t Size>
bool is_set(const unsigned char (&field)[Size]) {
  return std::ranges::any_of(field, [](unsigned char byte) { return byte != 0; });
}

/// meets says whether one attribute of the URI, if it is there, has this value.
bool meets(P11KitUri* uri, CK_ATTRIBUTE_TYPE type, BytesView value) {
  const CK_ATTRIBUTE* wanted = p11_kit_uri_get_attribute(uri, type);
  if (wanted == nullptr) return true;
  const BytesView bytes(static_cast<const std::uint8_t*>(wanted->pValue), wanted->ulValueLen);
  return std::ranges::equal(bytes, value);
}

Error wrong(const std::string& why) {
  return {Kind::request, "the pkcs11: URI " + why};
}

/// refuse_what_is_the_signers throws when the URI says what only the signer decides.
void refuse_what_is_the_signers(P11KitUri* uri) {
  if (p11_kit_uri_get_pin_value(uri) != nullptr || p11_kit_uri_get_pin_source(uri) != nullptr)
    throw wrong("names a PIN: the signer has it, leave pin-value and pin-source out");
  if (p11_kit_uri_get_module_name(uri) != nullptr || p11_kit_uri_get_module_path(uri) != nullptr)
    throw wrong("names a module: the signer has it, leave module-name and module-path out");
  const CK_INFO& library = *p11_kit_uri_get_module_info(uri);
  const CK_SLOT_INFO& slot = *p11_kit_uri_get_slot_info(uri);
  if (is_set(library.manufacturerID) || is_set(library.libraryDescription) ||
      library.libraryVersion.major != static_cast<CK_BYTE>(-1))
    throw wrong("names a library: the signer chooses it, leave library-… out");
  if (is_set(slot.slotDescription) || is_set(slot.manufacturerID) ||
      p11_kit_uri_get_slot_id(uri) != static_cast<CK_SLOT_ID>(-1))
    throw wrong("names a slot: the signer chooses it, leave slot-… out");
}

}  // namespace

KeyUri::KeyUri(const char* text) : uri_(p11_kit_uri_new()) {
  try {
    const int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri_);
    if (result != P11_KIT_URI_OK)
      throw wrong(std::string("does not parse (RFC 7512): ") + p11_kit_uri_message(result));
    refuse_what_is_the_signers(uri_);
    // p11-kit passes over a query that it does not know, and no other than these is left.
    if (p11_kit_uri_any_unrecognized(uri_) != 0 || std::strchr(text, '?') != nullptr)
      throw wrong(
          "has an attribute that we do not know; we know object, id, type, token, "
          "manufacturer, model and serial");
  } catch (const Error&) {
    p11_kit_uri_free(uri_);
    throw;
  }
  if (const CK_ATTRIBUTE* type = p11_kit_uri_get_attribute(uri_, CKA_CLASS)) {
    CK_OBJECT_CLASS wanted = 0;
    std::memcpy(&wanted, type->pValue, std::min<std::size_t>(sizeof wanted, type->ulValueLen));
    wants_private_ = wanted == CKO_PRIVATE_KEY;
    wants_public_ = wanted == CKO_PUBLIC_KEY;
  }
}

KeyUri::~KeyUri() {
  p11_kit_uri_free(uri_);
}

bool KeyUri::means_token(SignerClient& client) const {
  const CK_TOKEN_INFO& wanted = *p11_kit_uri_get_token_info(uri_);
  if (!is_set(wanted.label) && !is_set(wanted.manufacturerID) && !is_set(wanted.model) &&
      !is_set(wanted.serialNumber))
    return true;
  const TokenFacts token = client.status().token;
  CK_TOKEN_INFO ours{};
  fill(ours.label, token.label);
  fill(ours.manufacturerID, token.manufacturer);
  fill(ours.model, token.model);
  fill(ours.serialNumber, token.serial);
  return p11_kit_uri_match_token_info(uri_, &ours) != 0;
}

bool KeyUri::means(const KeyRef& ref) const {
  return meets(uri_, CKA_LABEL, core::bytes_of(ref.label)) &&
         meets(uri_, CKA_ID, id_of(ref.version));
}

std::vector<KeyRef> KeyUri::find(SignerClient& client) const {
  std::vector<KeyRef> found;
  if ((!wants_private_ && !wants_public_) || !means_token(client)) return found;
  for (KeyInfo& key : client.list())
    if (means(key.ref)) found.push_back(std::move(key.ref));
  std::ranges::sort(found, [](const KeyRef& one, const KeyRef& two) {
    return one.label != two.label ? one.label < two.label : one.version > two.version;
  });
  return found;
}

std::string uri_of(const KeyRef& ref) {
  std::string uri = "pkcs11:object=" + ref.label + ";id=";
  for (const std::uint8_t byte : id_of(ref.version)) uri += fmt::format("%{:02X}", byte);
  return uri;
}

}  // namespace ringfence::hsm::provider
