// ENCODER: a key as text. OpenSSL's own would ask for the private half of a key of the token.
#include <openssl/bio.h>

#include "hsm/provider/key.h"
#include "hsm/provider/uri.h"

namespace ringfence::hsm::provider {
namespace {

/// An encoder has nothing to remember but whose it is.
void* make(void* context) {
  return context;
}

void destroy(void*) {}

bool print(const Key& key, int selection, BIO* out) {
  const EVP_PKEY* inner = key.inner.get();
  if (key.ref && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
    const std::string line = "Private-Key: in the token, " + uri_of(*key.ref) + ";type=private\n";
    return BIO_puts(out, line.c_str()) > 0 && EVP_PKEY_print_public(out, inner, 0, nullptr) == 1;
  }
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
    return EVP_PKEY_print_private(out, inner, 0, nullptr) == 1;
  if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
    return EVP_PKEY_print_public(out, inner, 0, nullptr) == 1;
  return EVP_PKEY_print_params(out, inner, 0, nullptr) == 1;
}

int encode(void* data, OSSL_CORE_BIO* out, const void* object, const OSSL_PARAM[], int selection,
           OSSL_PASSPHRASE_CALLBACK*, void*) {
  const Context& context = *static_cast<const Context*>(data);
  return guarded(context.core, [&] {
    const Key& key = *static_cast<const Key*>(object);
    const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new(BIO_s_mem()), BIO_free);
    if (!text || !key.inner || !print(key, selection, text.get())) return false;
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text.get(), &bytes);
    return context.core.write(out, {bytes, static_cast<std::size_t>(size)});
  });
}

}  // namespace

const OSSL_DISPATCH* text_encoder() {
  static const OSSL_DISPATCH dispatch[] = {entry(OSSL_FUNC_ENCODER_NEWCTX, make),
                                           entry(OSSL_FUNC_ENCODER_FREECTX, destroy),
                                           entry(OSSL_FUNC_ENCODER_ENCODE, encode),
                                           {0, nullptr}};
  return dispatch;
}

}  // namespace ringfence::hsm::provider
