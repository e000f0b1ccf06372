#include "hsm/signer/token_uri.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <p11-kit/uri.h>

#include "hsm/error.h"
#include "hsm/pkcs11.h"

namespace ringfence::hsm {
namespace {

struct FreeUri {
  void operator()(P11KitUri* uri) const noexcept { p11_kit_uri_free(uri); }
};

using Uri = std::unique_ptr<P11KitUri, FreeUri>;

[[noreturn]] void wrong(const std::string& what) {
  throw Error(Kind::request, what);
}

/// p11-kit pads with blanks what the URI says and leaves zeros where it says nothing.
template <std::size_t Size>
std::string text_of(const CK_UTF8CHAR (&field)[Size]) {
  std::size_t size = Size;
  while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == 0)) --size;
  return {field, field + size};
}

std::optional<std::string> optional_text(const char* text) {
  if (text == nullptr) return std::nullopt;
  return std::string(text);
}

/// require_token_only refuses what would be ignored, or must not stand in a configuration.
void require_token_only(P11KitUri* uri) {
  if (p11_kit_uri_get_pin_value(uri) != nullptr)
    wrong("pin-value puts a PIN into the configuration: use pin-source=file:/path");
  CK_ULONG objects = 0;
  p11_kit_uri_get_attributes(uri, &objects);
  if (objects > 0) wrong("object, id and type name a key; only a token is chosen here");
  if (p11_kit_uri_get_module_name(uri) != nullptr)
    wrong("module-name is not searched for: use module-path=/path/of/the/module.so");
  const CK_INFO& module = *p11_kit_uri_get_module_info(uri);
  const CK_SLOT_INFO& slot = *p11_kit_uri_get_slot_info(uri);
  const bool library = module.manufacturerID[0] != 0 || module.libraryDescription[0] != 0 ||
                       module.libraryVersion.major != 0xff;
  if (library || slot.manufacturerID[0] != 0 || slot.slotDescription[0] != 0 ||
      p11_kit_uri_any_unrecognized(uri) != 0)
    wrong("known are token, manufacturer, model, serial, slot-id, module-path and pin-source");
}

}  // namespace

bool is_uri(const std::string& text) noexcept {
  return text.starts_with("pkcs11:");
}

TokenUri parse_token_uri(const std::string& text) {
  const Uri uri(p11_kit_uri_new());
  const int result = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get());
  if (result != P11_KIT_URI_OK)
    wrong(fmt::format("it is no RFC 7512 URI ({}): write \"pkcs11:token=LABEL\"",
                      p11_kit_uri_message(result)));
  require_token_only(uri.get());
  const CK_TOKEN_INFO& token = *p11_kit_uri_get_token_info(uri.get());
  TokenUri said{{text, text_of(token.label), text_of(token.manufacturerID), text_of(token.model),
                 text_of(token.serialNumber), std::nullopt},
                optional_text(p11_kit_uri_get_module_path(uri.get())),
                optional_text(p11_kit_uri_get_pin_source(uri.get()))};
  const CK_SLOT_ID slot = p11_kit_uri_get_slot_id(uri.get());
  if (slot != static_cast<CK_SLOT_ID>(-1)) said.token.slot_id = slot;
  const TokenMatch& match = said.token;
  if (match.label.empty() && match.manufacturer.empty() && match.model.empty() &&
      match.serial.empty() && !match.slot_id)
    wrong("it chooses no token: say token=LABEL, serial, manufacturer, model or slot-id");
  return said;
}

}  // namespace ringfence::hsm
