// ENCODER: a key as text, and what is written where a private key's PEM was asked for.
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "hsm/provider/key.h"
#include "hsm/provider/uri.h"

namespace ringfence::hsm::provider {
namespace {

/// An encoder has nothing to remember but whose it is.
void* make(void* context) {
  return context;
}

void destroy(void*) {}

using Text = std::unique_ptr<BIO, int (*)(BIO*)>;

Text new_text() {
  Text text(BIO_new(BIO_s_mem()), BIO_free);
  if (!text) throw Error(Kind::unavailable, "OpenSSL gave no memory for a key's text");
  return text;
}

bool write(const Context& context, OSSL_CORE_BIO* out, BIO* text) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text, &bytes);
  return context.core.write(out, {bytes, static_cast<std::size_t>(size)});
}

/// print needs no export: OpenSSL's own encoder would ask for the private half.
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

int encode_text(void* data, OSSL_CORE_BIO* out, const void* object, const OSSL_PARAM[],
                int selection, OSSL_PASSPHRASE_CALLBACK*, void*) {
  const Context& context = *static_cast<const Context*>(data);
  return guarded(context.core, [&] {
    const Key& key = *static_cast<const Key*>(object);
    const Text text = new_text();
    return key.inner && print(key, selection, text.get()) && write(context, out, text.get());
  });
}

/// encode_pem writes no key of the token, but a line that says so: some programs, `openssl
/// storeutl` among them, do not look at the error. Readers of PEM skip such lines.
int encode_pem(void* data, OSSL_CORE_BIO* out, const void* object, const OSSL_PARAM[], int,
               OSSL_PASSPHRASE_CALLBACK*, void*) {
  const Context& context = *static_cast<const Context*>(data);
  return guarded(context.core, [&] {
    const Key& key = *static_cast<const Key*>(object);
    const Text text = new_text();
    if (!key.ref)
      return key.inner &&
             PEM_write_bio_PrivateKey(text.get(), key.inner.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1 &&
             write(context, out, text.get());
    const Error refusal = never_leaves(*key.ref);
    context.core.write(out, std::string("# ") + refusal.what() + "\n");
    throw refusal;
  });
}

int only_private(void*, int selection) {
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? 1 : 0;
}

}  // namespace

const OSSL_DISPATCH* text_encoder() {
  static const OSSL_DISPATCH dispatch[] = {entry(OSSL_FUNC_ENCODER_NEWCTX, make),
                                           entry(OSSL_FUNC_ENCODER_FREECTX, destroy),
                                           entry(OSSL_FUNC_ENCODER_ENCODE, encode_text),
                                           {0, nullptr}};
  return dispatch;
}

const OSSL_DISPATCH* pem_encoder() {
  static const OSSL_DISPATCH dispatch[] = {entry(OSSL_FUNC_ENCODER_NEWCTX, make),
                                           entry(OSSL_FUNC_ENCODER_FREECTX, destroy),
                                           entry(OSSL_FUNC_ENCODER_DOES_SELECTION, only_private),
                                           entry(OSSL_FUNC_ENCODER_ENCODE, encode_pem),
                                           {0, nullptr}};
  return dispatch;
}

}  // namespace ringfence::hsm::provider
