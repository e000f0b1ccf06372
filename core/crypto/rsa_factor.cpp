#include "core/crypto/rsa_factor.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

using Number = Handle<BIGNUM, BN_free>;
using Workspace = Handle<BN_CTX, BN_CTX_free>;
using Montgomery = Handle<BN_MONT_CTX, BN_MONT_CTX_free>;

Number number() {
  return Number(ensure(BN_new(), "BN_new"));
}

Number copy_of(const BIGNUM& n) {
  return Number(ensure(BN_dup(&n), "BN_dup"));
}

/// proper_factor returns gcd(n, other) unless that is 1 or n. BN_gcd takes the same time for all
/// numbers, and three times as long; these are no secrets.
std::optional<Number> proper_factor(const BIGNUM& n, const BIGNUM& other, BN_CTX& work) {
  Number a = copy_of(n);
  Number b = copy_of(other);
  const Number rest = number();
  while (BN_is_zero(b.get()) == 0) {
    ensure(BN_mod(rest.get(), a.get(), b.get(), &work) == 1, "BN_mod");
    BN_swap(a.get(), b.get());
    BN_swap(b.get(), rest.get());
  }
  if (BN_is_one(a.get()) == 1 || BN_cmp(a.get(), &n) == 0) return std::nullopt;
  return a;
}

/// smooth_exponent is the product of the largest powers of all primes that are below the bound.
Number smooth_exponent(std::uint32_t below) {
  std::vector<bool> composite(below);
  Number product = number();
  ensure(BN_one(product.get()) == 1, "BN_one");
  for (std::uint32_t n = 2; n < below; ++n) {
    if (composite[n]) continue;
    std::uint64_t power = n;
    while (power * n < below) power *= n;
    ensure(BN_mul_word(product.get(), power) == 1, "BN_mul_word");
    for (std::uint64_t multiple = std::uint64_t{n} * n; multiple < below; multiple += n)
      composite[multiple] = true;
  }
  return product;
}

/// smooth_factor is Pollard's p-1 method: 3^E is 1 modulo each p whose p - 1 divides E.
bool has_smooth_factor(const BIGNUM& n, BN_MONT_CTX& field, BN_CTX& work) {
  static const Number kExponent = smooth_exponent(kSmoothBelow);
  const Number power = number();
  const Number base = number();
  ensure(BN_set_word(base.get(), 3) == 1 &&
             BN_mod_exp_mont(power.get(), base.get(), kExponent.get(), &n, &work, &field) == 1 &&
             BN_sub_word(power.get(), 1) == 1,
         "BN_mod_exp_mont");
  return BN_is_zero(power.get()) == 1 || proper_factor(n, *power, work).has_value();
}

/// Rho is Brent's form of Pollard's rho: x -> x^2 + 1, whose values repeat modulo a small factor
/// long before they do modulo n. All numbers are in the field's own form, which changes nothing.
class Rho {
 public:
  Rho(const BIGNUM& n, BN_MONT_CTX& field, BN_CTX& work) : n_(n), field_(field), work_(work) {
    ensure(BN_set_word(x_.get(), 2) == 1 && BN_one(product_.get()) == 1, "BN_set_word");
  }

  std::optional<Number> factor(unsigned steps) {
    constexpr unsigned kAtOnce = 1024;  // differences to one gcd
    unsigned until_mark = 1;
    unsigned since_mark = 0;
    for (unsigned done = 1; done <= steps; ++done) {
      if (since_mark == until_mark) {
        ensure(BN_copy(mark_.get(), x_.get()) != nullptr, "BN_copy");
        until_mark *= 2;
        since_mark = 0;
      }
      step();
      ++since_mark;
      if (done % kAtOnce != 0) continue;
      if (auto found = proper_factor(n_, *product_, work_)) return found;
      ensure(BN_one(product_.get()) == 1, "BN_one");
    }
    return std::nullopt;
  }

 private:
  void step() {
    ensure(BN_mod_mul_montgomery(x_.get(), x_.get(), x_.get(), &field_, &work_) == 1 &&
               BN_add_word(x_.get(), 1) == 1,
           "BN_mod_mul_montgomery");
    if (BN_cmp(x_.get(), &n_) >= 0) ensure(BN_sub(x_.get(), x_.get(), &n_) == 1, "BN_sub");
    ensure(BN_sub(difference_.get(), x_.get(), mark_.get()) == 1, "BN_sub");
    BN_set_negative(difference_.get(), 0);
    ensure(BN_mod_mul_montgomery(product_.get(), product_.get(), difference_.get(), &field_,
                                 &work_) == 1,
           "BN_mod_mul_montgomery");
  }

  const BIGNUM& n_;
  BN_MONT_CTX& field_;
  BN_CTX& work_;
  const Number x_ = number();
  const Number mark_ = number();
  const Number difference_ = number();
  const Number product_ = number();
};

std::string decimal(const BIGNUM& n) {
  char* const text = ensure(BN_bn2dec(&n), "BN_bn2dec");
  std::string result = text;
  OPENSSL_free(text);
  return result;
}

}  // namespace

std::optional<std::string> rsa_factor(BytesView modulus) {
  const Number n(ensure(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr),
                        "BN_bin2bn"));
  const Workspace work(ensure(BN_CTX_new(), "BN_CTX_new"));
  const Montgomery field(ensure(BN_MONT_CTX_new(), "BN_MONT_CTX_new"));
  ensure(BN_MONT_CTX_set(field.get(), n.get(), work.get()) == 1, "BN_MONT_CTX_set");
  if (const auto found = Rho(*n, *field, *work).factor(kRhoSteps))
    return fmt::format("its modulus has the small factor {}", decimal(**found));
  if (has_smooth_factor(*n, *field, *work))
    return "a factor of its modulus can be found by Pollard's p-1 method";
  return std::nullopt;
}

}  // namespace ringfence::core
