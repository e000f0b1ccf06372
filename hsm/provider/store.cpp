// STORE: a pkcs11: URI gives the keys of the token that it means.
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "hsm/provider/key.h"
#include "hsm/provider/uri.h"

namespace ringfence::hsm::provider {
namespace {

/// Loader gives one key after the other; which half, the URI or what OpenSSL expects decides.
struct Loader {
  Context& context;
  std::vector<KeyRef> keys;
  bool wants_private;
  bool wants_public;
  std::size_t next = 0;
};

void* open(void* data, const char* text) {
  Context& context = *static_cast<Context*>(data);
  Loader* loader = nullptr;
  guarded(context.core, [&] {
    const KeyUri uri(text);
    loader = new Loader{context, uri.find(context.signer->client()), uri.wants_private(),
                        uri.wants_public()};
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

int set(void* data, const OSSL_PARAM params[]) {
  Loader& loader = *static_cast<Loader*>(data);
  const OSSL_PARAM* param = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
  int expected = 0;
  if (param == nullptr) return 1;
  if (OSSL_PARAM_get_int(param, &expected) != 1) return 0;
  if (expected == 0) return 1;
  loader.wants_private = loader.wants_private && expected == OSSL_STORE_INFO_PKEY;
  loader.wants_public = loader.wants_public && expected == OSSL_STORE_INFO_PUBKEY;
  if (!loader.wants_private && !loader.wants_public) loader.next = loader.keys.size();
  return 1;
}

bool hand_over(std::unique_ptr<Key> made, OSSL_CALLBACK* callback, void* argument) {
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
}

int load(void* data, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) {
  Loader& loader = *static_cast<Loader*>(data);
  return guarded(loader.context.core, [&] {
    if (loader.next == loader.keys.size()) return false;
    const KeyRef& ref = loader.keys[loader.next++];
    std::unique_ptr<Key> key =
        make_key(loader.context, ref, loader.context.signer->client().public_key(ref));
    // A key pair shows as its private half, which has the public one with it.
    if (!loader.wants_private) key->ref.reset();
    return hand_over(std::move(key), callback, argument);
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
