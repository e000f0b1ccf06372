// Signatures a second: software keys beside token keys through the signer's socket, in one run, so
// that ratios mean something on a noisy machine.

#include <benchmark/benchmark.h>

#include <memory>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"
#include "core/crypto/handles.h"
#include "core/crypto/token.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence {
namespace {

/// House is one signer with the keys of all sizes that are measured; made once, for all threads.
struct House {
  test::TemporaryFolder folder;
  test::SignerProcess signer{folder.path()};
  core::Token admin{signer.socket("admin")};
  core::KeyRef rsa = admin.generate("CAPF", {core::KeyAlgorithm::rsa, 2048});
  core::KeyRef ec = admin.generate("CallManager-ECDSA", {core::KeyAlgorithm::ec, 256});

  static House& instance() {
    static House house;
    return house;
  }
};

void sign(EVP_PKEY* key, OSSL_LIB_CTX* context) {
  const core::BytesView data = core::bytes_of("what a phone's certificate would hold");
  const core::EvpMdCtx digest(core::ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  core::ensure(
      EVP_DigestSignInit_ex(digest.get(), nullptr, "SHA256", context, nullptr, key, nullptr) > 0,
      "EVP_DigestSignInit_ex");
  std::uint8_t signature[1024];
  std::size_t length = sizeof signature;
  core::ensure(EVP_DigestSign(digest.get(), signature, &length, data.data(), data.size()) > 0,
               "EVP_DigestSign");
  benchmark::DoNotOptimize(signature);
}

void software(benchmark::State& state, EVP_PKEY* made) {
  const core::EvpPkey key(made);
  for (auto _ : state) sign(key.get(), nullptr);
  state.SetItemsProcessed(state.iterations());
}

void token(benchmark::State& state, const core::KeyRef& ref) {
  const core::EvpPkey key = House::instance().admin.key(ref);
  for (auto _ : state) sign(key.get(), House::instance().admin.context());
  state.SetItemsProcessed(state.iterations());
}

void SoftwareRsa2048(benchmark::State& state) {
  software(state, EVP_RSA_gen(2048));
}

void TokenRsa2048(benchmark::State& state) {
  token(state, House::instance().rsa);
}

void SoftwareP256(benchmark::State& state) {
  software(state, EVP_EC_gen("P-256"));
}

void TokenP256(benchmark::State& state) {
  token(state, House::instance().ec);
}

BENCHMARK(SoftwareRsa2048)->UseRealTime();
BENCHMARK(TokenRsa2048)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK(SoftwareP256)->UseRealTime();
BENCHMARK(TokenP256)->Threads(1)->Threads(8)->UseRealTime();

}  // namespace
}  // namespace ringfence

BENCHMARK_MAIN();
