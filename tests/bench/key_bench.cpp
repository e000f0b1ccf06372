// key_bench: what looking at a phone's RSA key costs, beside a signature by such a key.
//
// Usage: key_bench [rounds, 20 when absent]. Processor time of this thread, the median of the
// rounds; everything is measured in turn within one run.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "core/crypto/handles.h"
#include "core/crypto/rsa_flaw.h"

namespace ringfence::bench {
namespace {

using Number = core::Handle<BIGNUM, BN_free>;

double milliseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

double median(std::vector<double> figures) {
  const auto middle = figures.begin() + static_cast<std::ptrdiff_t>(figures.size() / 2);
  std::nth_element(figures.begin(), middle, figures.end());
  return *middle;
}

template <typename Work>
double cost(const Work& work) {
  const double before = milliseconds();
  work();
  return milliseconds() - before;
}

core::Bytes modulus_of(const EVP_PKEY& key) {
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_N, &n);
  const Number owner(n);
  core::Bytes bytes(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, bytes.data());
  return bytes;
}

void sign(EVP_PKEY& key) {
  constexpr int kTimes = 10;
  const core::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(&key, nullptr));
  EVP_PKEY_sign_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING);
  EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256());
  const std::array<unsigned char, 32> digest{1};
  std::array<unsigned char, 1024> signature{};
  for (int i = 0; i < kTimes; ++i) {
    std::size_t length = signature.size();
    EVP_PKEY_sign(context.get(), signature.data(), &length, digest.data(), digest.size());
  }
}

void measure(unsigned bits, int rounds) {
  const core::EvpPkey key(EVP_RSA_gen(bits));
  const core::Bytes modulus = modulus_of(*key);
  const core::Bytes exponent = {1, 0, 1};
  std::vector<double> signatures;
  std::vector<double> looks;
  core::rsa_flaw(modulus, exponent);  // makes its tables
  for (int round = 0; round < rounds; ++round) {
    signatures.push_back(cost([&] { sign(*key); }) / 10);
    looks.push_back(cost([&] { core::rsa_flaw(modulus, exponent); }));
  }
  const double signature = median(signatures);
  std::printf("RSA-%u signature %.3f ms, rsa_flaw %.3f ms (%.1f signatures)\n", bits, signature,
              median(looks), median(looks) / signature);
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20;
  for (const unsigned bits : {2048U, 3072U, 4096U}) ringfence::bench::measure(bits, rounds);
  return 0;
}
