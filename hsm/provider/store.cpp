// STORE: "pkcs11:object=CAPF;id=%00%00%00%01" gives the key, as RFC 7512 says.
#include <algorithm>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <p11-kit/uri.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {
namespace {

struct FreeUri {
  void operator()(P11KitUri* uri) const noexcept { p11_kit_uri_free(uri); }
};

using Uri = std::unique_ptr<P11KitUri, FreeUri>;

/// Loader gives the keys that match a URI, the newest version first.
struct Loader {
  Context& context;
  std::vector<KeyRef> keys;
  std::size_t next = 0;
};

Uri parse(const char* text) {
  Uri uri(p11_kit_uri_new());
  const int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri.get());
  if (result != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri.get()) != 0)
    throw Error(Kind::request, "the URI is no pkcs11: URI we understand (RFC 7512)");
  return uri;
}

/// meets says whether one attribute of the URI, if it is there, has this value.
bool meets(P11KitUri* uri, CK_ATTRIBUTE_TYPE type, BytesView value) {
  const CK_ATTRIBUTE* wanted = p11_kit_uri_get_attribute(uri, type);
  if (wanted == nullptr) return true;
  const BytesView bytes(static_cast<const std::uint8_t*>(wanted->pValue), wanted->ulValueLen);
  return std::ranges::equal(bytes, value);
}

bool asks_for_a_key(P11KitUri* uri) {
  const CK_ATTRIBUTE* type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
  if (type == nullptr) return true;
  CK_OBJECT_CLASS wanted = 0;
  std::memcpy(&wanted, type->pValue, std::min<std::size_t>(sizeof wanted, type->ulValueLen));
  return wanted == CKO_PRIVATE_KEY || wanted == CKO_PUBLIC_KEY;
}

bool asks_for_our_token(P11KitUri* uri, SignerClient& client) {
  const CK_TOKEN_INFO* wanted = p11_kit_uri_get_token_info(uri);
  if (wanted->label[0] == 0) return true;
  const std::string label = client.status().token.label;
  CK_TOKEN_INFO ours{};
  std::memset(ours.label, ' ', sizeof ours.label);
  label.copy(reinterpret_cast<char*>(ours.label), sizeof ours.label);
  return std::memcmp(wanted->label, ours.label, sizeof ours.label) == 0;
}

std::vector<KeyRef> find(SignerClient& client, P11KitUri* uri) {
  std::vector<KeyRef> found;
  if (!asks_for_a_key(uri) || !asks_for_our_token(uri, client)) return found;
  for (const KeyInfo& key : client.list()) {
    const BytesView label(reinterpret_cast<const std::uint8_t*>(key.ref.label.data()),
                          key.ref.label.size());
    const std::uint32_t version = key.ref.version;
    const std::uint8_t id[] = {
        static_cast<std::uint8_t>(version >> 24), static_cast<std::uint8_t>(version >> 16),
        static_cast<std::uint8_t>(version >> 8), static_cast<std::uint8_t>(version)};
    if (meets(uri, CKA_LABEL, label) && meets(uri, CKA_ID, id)) found.push_back(key.ref);
  }
  std::ranges::sort(found, std::ranges::greater(), &KeyRef::version);
  return found;
}

void* open(void* data, const char* text) {
  Context& context = *static_cast<Context*>(data);
  Loader* loader = nullptr;
  guarded([&] {
    const Uri uri = parse(text);
    loader = new Loader{context, find(context.client, uri.get())};
    return true;
  });
  return loader;
}

const OSSL_PARAM* settable(void*) {
  static const OSSL_PARAM params[] = {
      OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, nullptr),
      OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, nullptr, 0), OSSL_PARAM_END};
  return params;
}

/// What is expected changes nothing: a key is all we have.
int set(void*, const OSSL_PARAM[]) {
  return 1;
}

int load(void* data, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) {
  Loader& loader = *static_cast<Loader*>(data);
  return guarded([&] {
    if (loader.next == loader.keys.size()) return false;
    const KeyRef& ref = loader.keys[loader.next++];
    std::unique_ptr<Key> made =
        make_key(loader.context, ref, loader.context.client.public_key(ref));
    int type = OSSL_OBJECT_PKEY;
    std::string name = type_name(made->algorithm);
    Key* key = made.release();
    Key** place = &key;  // keymgmt's load takes the key out of its place
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name.data(), name.size()),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &place, sizeof place),
        OSSL_PARAM_construct_end()};
    const bool taken = callback(params, argument) == 1;
    delete key;
    return taken;
  });
}

int eof(void* data) {
  const Loader& loader = *static_cast<Loader*>(data);
  return loader.next == loader.keys.size() ? 1 : 0;
}

int close(void* data) {
  delete static_cast<Loader*>(data);
  return 1;
}

}  // namespace

const OSSL_DISPATCH* pkcs11_store() {
  static const OSSL_DISPATCH dispatch[] = {entry(OSSL_FUNC_STORE_OPEN, open),
                                           entry(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, settable),
                                           entry(OSSL_FUNC_STORE_SET_CTX_PARAMS, set),
                                           entry(OSSL_FUNC_STORE_LOAD, load),
                                           entry(OSSL_FUNC_STORE_EOF, eof),
                                           entry(OSSL_FUNC_STORE_CLOSE, close),
                                           {0, nullptr}};
  return dispatch;
}

}  // namespace ringfence::hsm::provider
