#include "hsm/provider/digests.h"

#include <strings.h>

#include "hsm/error.h"

namespace ringfence::hsm::provider {
namespace {

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

Digests::~Digests() {
  for (const std::atomic<EVP_MD*>& md : mds_) EVP_MD_free(md.load());
}

std::optional<std::size_t> Digests::index_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kDigests.size(); ++i)
    for (const std::string_view known : kDigests[i].names)
      if (name.size() == known.size() && ::strncasecmp(name.data(), known.data(), name.size()) == 0)
        return i;
  return std::nullopt;
}

EVP_MD* Digests::at(std::size_t index) {
  if (EVP_MD* known = mds_[index].load(std::memory_order_acquire)) return known;
  EVP_MD* fetched = EVP_MD_fetch(library_, kDigests[index].names[0], "provider=default");
  EVP_MD* expected = nullptr;
  if (mds_[index].compare_exchange_strong(expected, fetched)) return fetched;
  EVP_MD_free(fetched);
  return expected;
}

Bytes digest_of(Digests& digests, Hash hash, BytesView message) {
  std::size_t index = 0;
  while (index < kDigests.size() && kDigests[index].hash != hash) ++index;
  const EVP_MD* digest = index < kDigests.size() ? digests.at(index) : nullptr;
  Bytes made(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  if (digest == nullptr ||
      EVP_Digest(message.data(), message.size(), made.data(), &size, digest, nullptr) != 1)
    throw Error(Kind::request, "the signer cannot make that digest");
  made.resize(size);
  return made;
}

const char* Digests::name(std::size_t index) noexcept {
  return kDigests[index].names[0];
}

Hash Digests::hash(std::size_t index) noexcept {
  return kDigests[index].hash;
}

}  // namespace ringfence::hsm::provider
