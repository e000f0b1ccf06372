#include "hsm/provider/provider.h"

#include <cstring>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm {
namespace {

constexpr char kName[] = "ringfence";

/// Furnishing is what our init needs and OpenSSL does not hand on: it starts a built-in provider
/// in the thread that loads it, without any argument of ours.
struct Furnishing {
  OSSL_LIB_CTX* library;
  SignerClient* client;
};

thread_local const Furnishing* furnishing = nullptr;

class BorrowedSigner final : public provider::SignerSource {
 public:
  explicit BorrowedSigner(SignerClient& client) : client_(client) {}

  SignerClient& client() override { return client_; }

 private:
  SignerClient& client_;
};

/// The library is the one that is being furnished: it outlives us and is not ours to free.
int init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
         void** provider_context) {
  const provider::Core core(handle, in);
  return provider::guarded(core, [&] {
    if (furnishing == nullptr) return false;
    provider::Library library(furnishing->library, [](OSSL_LIB_CTX*) {});
    auto signer = std::make_unique<BorrowedSigner>(*furnishing->client);
    std::unique_ptr<provider::Context> context(
        new provider::Context{core, std::move(library), std::move(signer)});
    return provider::start(std::move(context), out, provider_context) == 1;
  });
}

}  // namespace

std::optional<Kind> kind_of_openssl(unsigned long code) noexcept {
  const char* library = ERR_lib_error_string(code);
  if (library == nullptr || std::strcmp(library, kName) != 0) return std::nullopt;
  return static_cast<Kind>(ERR_GET_REASON(code));
}

Provider::Provider(SignerClient& client) : client_(client), context_(OSSL_LIB_CTX_new()) {
  if (context_ == nullptr) throw Error(Kind::unavailable, "OpenSSL gave no library context");
  // The default provider first: a fetch that names no provider takes the first that fits.
  default_ = OSSL_PROVIDER_load(context_, "default");
  const Furnishing here{context_, &client};
  furnishing = &here;
  if (OSSL_PROVIDER_add_builtin(context_, kName, init) == 1)
    ours_ = OSSL_PROVIDER_load(context_, kName);
  furnishing = nullptr;
  if (default_ == nullptr || ours_ == nullptr) {
    close();
    throw Error(Kind::request, "OpenSSL did not load its default provider and ours");
  }
}

Provider::~Provider() {
  close();
}

void Provider::close() noexcept {
  if (ours_ != nullptr) OSSL_PROVIDER_unload(ours_);
  if (default_ != nullptr) OSSL_PROVIDER_unload(default_);
  OSSL_LIB_CTX_free(context_);
}

KeyHandle Provider::key(const KeyRef& ref) const {
  Bytes spki = client_.public_key(ref);
  const std::uint8_t* at = spki.data();
  const KeyHandle public_key(
      d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), context_, "provider=default"));
  const bool ec = public_key && EVP_PKEY_is_a(public_key.get(), "EC") == 1;
  const char* type = provider::type_name(ec ? KeyAlgorithm::ec : KeyAlgorithm::rsa);
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> maker(
      EVP_PKEY_CTX_new_from_name(context_, type, "provider=ringfence"), EVP_PKEY_CTX_free);
  std::string label = ref.label;
  std::uint32_t version = ref.version;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(provider::kParamSpki, spki.data(), spki.size()),
      OSSL_PARAM_construct_utf8_string(provider::kParamLabel, label.data(), label.size()),
      OSSL_PARAM_construct_uint32(provider::kParamVersion, &version), OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, params) != 1) {
    ERR_clear_error();
    throw Error(Kind::request, "OpenSSL does not take the key " + to_text(ref));
  }
  return KeyHandle(made);
}

}  // namespace ringfence::hsm
