#include "tests/fleet/key_pool.h"

#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/error.h"

namespace ringfence::fleet {

using core::EvpPkey;

namespace {

using Number = core::Handle<BIGNUM, BN_free>;

Number number() {
  return Number(core::ensure(BN_new(), "BN_new"));
}

/// key_of makes the RSA key of two primes and the exponent 65537.
EvpPkey key_of(const BIGNUM& p, const BIGNUM& q) {
  const core::Handle<BN_CTX, BN_CTX_free> work(core::ensure(BN_CTX_new(), "BN_CTX_new"));
  const Number n = number();
  const Number e = number();
  const Number d = number();
  const Number p1 = number();
  const Number q1 = number();
  const Number phi = number();
  const bool made = BN_set_word(e.get(), RSA_F4) == 1 && BN_mul(n.get(), &p, &q, work.get()) == 1 &&
                    BN_sub(p1.get(), &p, BN_value_one()) == 1 &&
                    BN_sub(q1.get(), &q, BN_value_one()) == 1 &&
                    BN_mul(phi.get(), p1.get(), q1.get(), work.get()) == 1 &&
                    BN_mod_inverse(d.get(), e.get(), phi.get(), work.get()) != nullptr;
  core::ensure(made, "BN_mod_inverse");
  const core::Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  const std::pair<const char*, const BIGNUM*> parts[] = {{OSSL_PKEY_PARAM_RSA_N, n.get()},
                                                         {OSSL_PKEY_PARAM_RSA_E, e.get()},
                                                         {OSSL_PKEY_PARAM_RSA_D, d.get()}};
  for (const auto& [name, value] : parts)
    core::ensure(OSSL_PARAM_BLD_push_BN(builder.get(), name, value) == 1, "OSSL_PARAM_BLD_push_BN");
  const core::Handle<OSSL_PARAM, OSSL_PARAM_free> parameters(
      core::ensure(OSSL_PARAM_BLD_to_param(builder.get()), "OSSL_PARAM_BLD_to_param"));
  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), "EVP_PKEY_CTX_new"));
  EVP_PKEY* key = nullptr;
  core::ensure(EVP_PKEY_fromdata_init(context.get()) == 1 &&
                   EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1,
               "EVP_PKEY_fromdata");
  return EvpPkey(key);
}

/// make_prime makes one whose predecessor 65537 does not divide.
Number make_prime(unsigned bits) {
  Number prime = number();
  do {
    core::ensure(BN_generate_prime_ex(prime.get(), static_cast<int>(bits), 0, nullptr, nullptr,
                                      nullptr) == 1,
                 "BN_generate_prime_ex");
  } while (BN_mod_word(prime.get(), RSA_F4) == 1);
  return prime;
}

}  // namespace

bool KeyPool::is_quick(unsigned bits) const {
  const std::lock_guard lock(mutex_);
  const auto size = sizes_.find(bits);
  return size != sizes_.end() && size->second.second < size->second.primes.size();
}

EvpPkey KeyPool::rsa(unsigned bits) {
  if (!shared_) return EvpPkey(core::ensure(EVP_RSA_gen(bits), "EVP_RSA_gen"));
  const std::lock_guard lock(mutex_);
  Size& size = sizes_[bits];
  while (size.primes.size() <= size.second) size.primes.push_back(make_prime(bits / 2));
  EvpPkey key = key_of(*size.primes[size.first], *size.primes[size.second]);
  if (++size.first == size.second) {
    size.first = 0;
    ++size.second;
  }
  return key;
}

EvpPkey make_ec_key(int bits) {
  const char* curve = bits == 256 ? "P-256" : bits == 384 ? "P-384" : bits == 521 ? "P-521" : "";
  if (*curve == '\0') throw core::Error(core::Code::malformed, "no such curve");
  return EvpPkey(core::ensure(EVP_EC_gen(curve), "EVP_EC_gen"));
}

core::Bytes spki_of(EVP_PKEY* key) {
  core::Bytes der(static_cast<std::size_t>(std::max(i2d_PUBKEY(key, nullptr), 0)));
  unsigned char* out = der.data();
  core::ensure(i2d_PUBKEY(key, &out) > 0, "i2d_PUBKEY");
  return der;
}

}  // namespace ringfence::fleet
