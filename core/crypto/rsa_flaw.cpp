#include "core/crypto/rsa_flaw.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/bn.h>

#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

using Number = Handle<BIGNUM, BN_free>;
using Workspace = Handle<BN_CTX, BN_CTX_free>;

constexpr std::uint32_t kSmallPrimesBelow = 1U << 17U;
constexpr std::size_t kLongestExponentBytes = 8;
constexpr BN_ULONG kFermatSteps = 1000;

Number number() {
  return Number(ensure(BN_new(), "BN_new"));
}

Number number(BytesView bytes) {
  return Number(
      ensure(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr), "BN_bin2bn"));
}

std::vector<std::uint32_t> primes_below(std::uint32_t end) {
  std::vector<bool> composite(end);
  std::vector<std::uint32_t> primes;
  for (std::uint32_t n = 2; n < end; ++n) {
    if (composite[n]) continue;
    primes.push_back(n);
    for (std::uint64_t multiple = std::uint64_t{n} * n; multiple < end; multiple += n)
      composite[multiple] = true;
  }
  return primes;
}

std::uint64_t remainder(const BIGNUM& n, std::uint64_t divisor) {
  const BN_ULONG rest = BN_mod_word(&n, divisor);
  ensure(rest != static_cast<BN_ULONG>(-1), "BN_mod_word");
  return rest;
}

/// product_of multiplies neighbours, so that the numbers stay of a size.
Number product_of(const std::vector<std::uint32_t>& primes, BN_CTX& work) {
  std::vector<Number> factors;
  for (const std::uint32_t prime : primes) {
    factors.push_back(number());
    ensure(BN_set_word(factors.back().get(), prime) == 1, "BN_set_word");
  }
  while (factors.size() > 1) {
    std::vector<Number> products;
    for (std::size_t i = 0; i < factors.size(); i += 2) {
      if (i + 1 < factors.size())
        ensure(BN_mul(factors[i].get(), factors[i].get(), factors[i + 1].get(), &work) == 1,
               "BN_mul");
      products.push_back(std::move(factors[i]));
    }
    factors = std::move(products);
  }
  return std::move(factors.front());
}

/// SmallPrimes are those that are looked for, and their product.
struct SmallPrimes {
  std::vector<std::uint32_t> primes = primes_below(kSmallPrimesBelow);
  Number product;

  SmallPrimes() {
    const Workspace work(ensure(BN_CTX_new(), "BN_CTX_new"));
    product = product_of(primes, *work);
  }
};

/// coprime is Euclid's method: BN_gcd takes three times as long, since it is made for secrets.
bool coprime(const BIGNUM& n, const BIGNUM& other, BN_CTX& work) {
  const Number a = number();
  const Number b = number();
  const Number rest = number();
  ensure(BN_copy(a.get(), &n) != nullptr && BN_copy(b.get(), &other) != nullptr, "BN_copy");
  while (BN_is_zero(b.get()) == 0) {
    ensure(BN_mod(rest.get(), a.get(), b.get(), &work) == 1, "BN_mod");
    BN_swap(a.get(), b.get());
    BN_swap(b.get(), rest.get());
  }
  return BN_is_one(a.get()) == 1;
}

/// small_factor divides the product of all small primes by `n` once, and asks what is common.
std::optional<std::uint32_t> small_factor(const BIGNUM& n, BN_CTX& work) {
  static const SmallPrimes kSmall;
  const Number rest = number();
  ensure(BN_mod(rest.get(), kSmall.product.get(), &n, &work) == 1, "BN_mod");
  if (coprime(n, *rest, work)) return std::nullopt;
  for (const std::uint32_t prime : kSmall.primes)
    if (remainder(n, prime) == 0) return prime;
  return std::nullopt;
}

/// SubgroupOf65537 tells which residues modulo one prime are powers of 65537.
struct SubgroupOf65537 {
  std::uint32_t prime = 0;
  std::vector<bool> has;
};

std::vector<SubgroupOf65537> roca_subgroups() {
  constexpr std::uint32_t kLastPrime = 167;  // the 39th: what even the shortest such keys use
  std::vector<SubgroupOf65537> subgroups;
  for (const std::uint32_t prime : primes_below(kLastPrime + 1)) {
    SubgroupOf65537 one{prime, std::vector<bool>(prime)};
    std::uint32_t power = 1;
    do {
      one.has[power % prime] = true;
      power = static_cast<std::uint32_t>(std::uint64_t{power} * (65537U % prime) % prime);
    } while (power != 1 && power != 0);
    subgroups.push_back(std::move(one));
  }
  return subgroups;
}

/// has_roca_fingerprint: both primes of that library are 65537^a modulo the product of the first
/// primes, so the modulus is one too. One good key in 2^27 looks so (Nemec et al., CCS 2017).
bool has_roca_fingerprint(const BIGNUM& n) {
  static const std::vector<SubgroupOf65537> kSubgroups = roca_subgroups();
  return std::ranges::all_of(kSubgroups, [&n](const SubgroupOf65537& one) {
    if (one.prime == 2) return true;
    return static_cast<bool>(one.has[remainder(n, one.prime)]);
  });
}

/// square_root returns the largest number whose square is not above `n` (Newton's method).
Number square_root(const BIGNUM& n, BN_CTX& work) {
  Number root = number();
  ensure(BN_set_bit(root.get(), BN_num_bits(&n) / 2 + 1) == 1, "BN_set_bit");
  const Number next = number();
  for (;;) {
    ensure(BN_div(next.get(), nullptr, &n, root.get(), &work) == 1 &&
               BN_add(next.get(), next.get(), root.get()) == 1 &&
               BN_rshift1(next.get(), next.get()) == 1,
           "BN_div");
    if (BN_cmp(next.get(), root.get()) >= 0) return root;
    BN_swap(root.get(), next.get());
  }
}

bool is_square(const BIGNUM& n, BN_CTX& work) {
  const Number root = square_root(n, work);
  const Number square = number();
  ensure(BN_sqr(square.get(), root.get(), &work) == 1, "BN_sqr");
  return BN_cmp(square.get(), &n) == 0;
}

/// Sieve follows a^2 - n modulo one small number while a counts up, and tells when it may be a
/// square: most numbers are no square modulo a few.
struct Sieve {
  std::uint32_t modulus = 0;
  std::uint64_t squares = 0;  ///< bit i: i is one
  std::uint32_t a = 0;
  std::uint32_t rest = 0;  ///< of a^2 - n

  Sieve(std::uint32_t small, const BIGNUM& first_a, const BIGNUM& first_rest)
      : modulus(small),
        a(static_cast<std::uint32_t>(remainder(first_a, small))),
        rest(static_cast<std::uint32_t>(remainder(first_rest, small))) {
    for (std::uint32_t i = 0; i < modulus; ++i) squares |= std::uint64_t{1} << (i * i % modulus);
  }

  bool may_be_square() const { return (squares >> rest & 1U) != 0; }

  void next() {
    rest = (rest + 2 * a + 1) % modulus;
    a = (a + 1) % modulus;
  }
};

/// close_factors looks for n = a^2 - b^2 with a just above the root: step 0 finds squares too.
bool close_factors(const BIGNUM& n, BN_CTX& work) {
  constexpr std::array<std::uint32_t, 10> kModuli = {64, 63, 61, 59, 55, 53, 47, 43, 41, 37};
  const Number root = square_root(n, work);
  const Number rest = number();  // a^2 - n
  ensure(BN_sqr(rest.get(), root.get(), &work) == 1, "BN_sqr");
  if (BN_cmp(rest.get(), &n) == 0) return true;
  const Number a = number();
  ensure(BN_copy(a.get(), root.get()) != nullptr && BN_add_word(a.get(), 1) == 1 &&
             BN_sqr(rest.get(), a.get(), &work) == 1 && BN_sub(rest.get(), rest.get(), &n) == 1,
         "BN_sqr");
  std::vector<Sieve> sieves;
  sieves.reserve(kModuli.size());
  for (const std::uint32_t modulus : kModuli) sieves.emplace_back(modulus, *a, *rest);
  for (BN_ULONG step = 0; step < kFermatSteps; ++step) {
    if (std::ranges::all_of(sieves, &Sieve::may_be_square)) {
      const Number here = number();
      ensure(BN_copy(here.get(), a.get()) != nullptr && BN_add_word(here.get(), step) == 1 &&
                 BN_sqr(rest.get(), here.get(), &work) == 1 &&
                 BN_sub(rest.get(), rest.get(), &n) == 1,
             "BN_sqr");
      if (is_square(*rest, work)) return true;
    }
    for (Sieve& sieve : sieves) sieve.next();
  }
  return false;
}

std::uint64_t power_modulo(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
  std::uint64_t result = 1;
  for (base %= modulus; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result = result * base % modulus;
    base = base * base % modulus;
  }
  return result;
}

/// may_be_power rules out most numbers that are no k-th powers: modulo a prime q = 1 (mod k) only
/// one number in k is one.
bool may_be_power(const BIGNUM& n, std::uint32_t k, const std::vector<std::uint32_t>& primes) {
  constexpr int kWitnesses = 5;
  int seen = 0;
  for (const std::uint32_t q : primes) {
    if (q % k != 1) continue;
    if (power_modulo(remainder(n, q), (q - 1) / k, q) != 1) return false;
    if (++seen == kWitnesses) break;
  }
  return true;
}

/// is_power tells whether `n` is the k-th power of a whole number, by halving where its root is.
bool is_power(const BIGNUM& n, std::uint32_t k, BN_CTX& work) {
  const Number exponent = number();
  ensure(BN_set_word(exponent.get(), k) == 1, "BN_set_word");
  const Number root = number();
  const Number power = number();
  for (int bit = BN_num_bits(&n) / static_cast<int>(k) + 1; bit >= 0; --bit) {
    ensure(BN_set_bit(root.get(), bit) == 1 &&
               BN_exp(power.get(), root.get(), exponent.get(), &work) == 1,
           "BN_exp");
    const int order = BN_cmp(power.get(), &n);
    if (order == 0) return true;
    if (order > 0) ensure(BN_clear_bit(root.get(), bit) == 1, "BN_clear_bit");
  }
  return false;
}

/// is_prime asks whether 3^(n-1) is 1 modulo n, as it is for every prime: that one power is most of
/// what looking at a key costs, and only if it is, whether n is a prime indeed.
bool is_prime(const BIGNUM& n, BN_CTX& work) {
  const Number exponent = number();
  const Number power = number();
  ensure(BN_copy(exponent.get(), &n) != nullptr && BN_sub_word(exponent.get(), 1) == 1 &&
             BN_mod_exp_mont_word(power.get(), 3, exponent.get(), &n, &work, nullptr) == 1,
         "BN_mod_exp_mont_word");
  return BN_is_one(power.get()) == 1 && BN_check_prime(&n, &work, nullptr) == 1;
}

/// perfect_power tries every prime exponent above 2 that a number without small factors can have.
bool perfect_power(const BIGNUM& n, BN_CTX& work) {
  static const std::vector<std::uint32_t> kPrimes = primes_below(kSmallPrimesBelow);
  constexpr int kLeastFactorBits = 14;
  const auto most = static_cast<std::uint32_t>(BN_num_bits(&n) / kLeastFactorBits + 1);
  for (const std::uint32_t k : kPrimes) {
    if (k > most) return false;
    if (k > 2 && may_be_power(n, k, kPrimes) && is_power(n, k, work)) return true;
  }
  return false;
}

std::optional<std::string> exponent_flaw(BytesView exponent) {
  const auto first = std::ranges::find_if(exponent, [](std::uint8_t byte) { return byte != 0; });
  const auto length = static_cast<std::size_t>(exponent.end() - first);
  if (length == 0 || exponent.back() % 2 == 0 || (length == 1 && *first < 3))
    return "its exponent is not an odd number of at least 3";
  if (length > kLongestExponentBytes)
    return "its exponent has more than 64 bits, which no phone's has";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> rsa_flaw(BytesView modulus, BytesView exponent) {
  if (auto flaw = exponent_flaw(exponent)) return flaw;
  const Number n = number(modulus);
  if (BN_is_odd(n.get()) == 0) return "its modulus is even";
  if (BN_num_bits(n.get()) < 64) return "its modulus has fewer than 64 bits";
  const Workspace work(ensure(BN_CTX_new(), "BN_CTX_new"));
  if (const auto factor = small_factor(*n, *work))
    return fmt::format("its modulus has the small factor {}", *factor);
  if (has_roca_fingerprint(*n))
    return "its modulus has the fingerprint of keys that can be factored (ROCA, CVE-2017-15361)";
  if (close_factors(*n, *work))
    return "the two factors of its modulus are so close to each other that they can be found";
  if (perfect_power(*n, *work)) return "its modulus is the power of one number";
  if (is_prime(*n, *work)) return "its modulus is a prime number";
  return std::nullopt;
}

}  // namespace ringfence::core
