#include "hsm/provider/key.h"

#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509.h>

namespace ringfence::hsm {
namespace {

int error_library() noexcept {
  static const int library = [] {
    const int number = ERR_get_next_error_library();
    static ERR_STRING_DATA strings[] = {
        {ERR_PACK(0, 0, 0), "ringfence signer"},
        {ERR_PACK(0, 0, static_cast<int>(Kind::request)), "wrong request"},
        {ERR_PACK(0, 0, static_cast<int>(Kind::refused)), "refused"},
        {ERR_PACK(0, 0, static_cast<int>(Kind::not_found)), "no such key"},
        {ERR_PACK(0, 0, static_cast<int>(Kind::pin)), "PIN missing or wrong"},
        {ERR_PACK(0, 0, static_cast<int>(Kind::unavailable)), "unavailable"},
        {0, nullptr}};
    ERR_load_strings(number, strings);
    return number;
  }();
  return library;
}

struct Digest {
  std::array<const char*, 3> names;
  Hash hash;
};

constexpr std::array<Digest, 7> kDigests = {{
    {{"SHA2-256", "SHA256", "SHA-256"}, Hash::sha256},
    {{"SHA2-384", "SHA384", "SHA-384"}, Hash::sha384},
    {{"SHA2-512", "SHA512", "SHA-512"}, Hash::sha512},
    {{"SHA1", "SHA-1", "SSL3-SHA1"}, Hash::sha1},
    {{"SHA2-224", "SHA224", "SHA-224"}, Hash::sha224},
    {{"MD5", "SSL3-MD5", "MD5"}, Hash::md5},
    {{"MD5-SHA1", "MD5-SHA1", "MD5-SHA1"}, Hash::none},
}};

}  // namespace

std::optional<Kind> kind_of_openssl(unsigned long code) noexcept {
  if (ERR_GET_LIB(code) != error_library()) return std::nullopt;
  return static_cast<Kind>(ERR_GET_REASON(code));
}

namespace provider {

MdCache::~MdCache() {
  for (const std::atomic<EVP_MD*>& md : mds_) EVP_MD_free(md.load());
}

std::optional<std::size_t> MdCache::index_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kDigests.size(); ++i)
    for (const char* known : kDigests[i].names)
      if (name.size() == std::string_view(known).size() &&
          ::strncasecmp(name.data(), known, name.size()) == 0)
        return i;
  return std::nullopt;
}

EVP_MD* MdCache::at(std::size_t index) {
  if (EVP_MD* known = mds_[index].load()) return known;
  EVP_MD* fetched = EVP_MD_fetch(library_, kDigests[index].names[0], "provider=default");
  EVP_MD* expected = nullptr;
  if (mds_[index].compare_exchange_strong(expected, fetched)) return fetched;
  EVP_MD_free(fetched);
  return expected;
}

const char* MdCache::name(std::size_t index) noexcept {
  return kDigests[index].names[0];
}

Hash MdCache::hash(std::size_t index) noexcept {
  return kDigests[index].hash;
}

std::unique_ptr<Key> make_key(Context& context, const KeyRef& ref, BytesView spki) {
  const std::uint8_t* at = spki.data();
  KeyHandle public_key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), context.library,
                                     "provider=default"));
  if (!public_key) throw Error(Kind::request, "the public key of " + to_text(ref) + " is damaged");
  auto key = std::make_unique<Key>();
  key->context = &context;
  key->ref = ref;
  if (EVP_PKEY_is_a(public_key.get(), "EC") == 1) {
    key->algorithm = KeyAlgorithm::ec;
  } else if (EVP_PKEY_is_a(public_key.get(), "RSA") != 1) {
    throw Error(Kind::request, "the key " + to_text(ref) + " is neither RSA nor EC");
  }
  key->public_key = std::move(public_key);
  return key;
}

const char* type_name(KeyAlgorithm algorithm) noexcept {
  return algorithm == KeyAlgorithm::rsa ? "RSA" : "EC";
}

void raise(const Error& error) noexcept {
  ERR_new();
  ERR_set_debug("ringfence", 0, "signer");
  ERR_set_error(error_library(), static_cast<int>(error.kind()), "%s", error.what());
}

}  // namespace provider
}  // namespace ringfence::hsm
