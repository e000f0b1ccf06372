// Message digests and random bytes, with OpenSSL's algorithms fetched once.
#include "core/crypto/digest.h"

#include <array>

#include <openssl/rand.h>

#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

using EvpMd = Handle<EVP_MD, EVP_MD_free>;

/// fetched returns OpenSSL's digest; fetching once keeps its locks out of hot paths.
const EVP_MD* fetched(Digest algorithm) {
  static const auto all = [] {
    std::array<EvpMd, 5> mds;
    constexpr std::array names = {"MD5", "SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};
    for (std::size_t i = 0; i < mds.size(); ++i)
      mds[i].reset(ensure(EVP_MD_fetch(nullptr, names[i], nullptr), "EVP_MD_fetch"));
    return mds;
  }();
  return all[static_cast<std::size_t>(algorithm)].get();
}

}  // namespace

Bytes digest(Digest algorithm, BytesView data) {
  const EVP_MD* md = fetched(algorithm);
  Bytes value(static_cast<std::size_t>(EVP_MD_get_size(md)));
  ensure(EVP_Digest(data.data(), data.size(), value.data(), nullptr, md, nullptr) == 1,
         "EVP_Digest");
  return value;
}

Bytes random_bytes(std::size_t count) {
  Bytes bytes(count);
  ensure(RAND_bytes_ex(nullptr, bytes.data(), bytes.size(), 0) == 1, "RAND_bytes");
  return bytes;
}

std::string random_guid() {
  Bytes bytes = random_bytes(16);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // variant of RFC 4122
  std::string text = to_hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace ringfence::core
