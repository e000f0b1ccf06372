// Sixty-four threads in ringfence.so at once. Meant to be run under the sanitizers as well.
#include <atomic>
#include <thread>

#include <openssl/provider.h>
#include <openssl/store.h>

#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

constexpr int kThreads = 64;

/// Loaded is a library context into which the module was loaded, as a program would.
class Loaded {
 public:
  Loaded() : context_(OSSL_LIB_CTX_new()) {
    OSSL_PROVIDER_set_default_search_path(context_, RINGFENCE_BIN_DIR);
    default_ = OSSL_PROVIDER_load(context_, "default");
    ours_ = OSSL_PROVIDER_load(context_, "ringfence");
  }

  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  ~Loaded() {
    OSSL_PROVIDER_unload(ours_);
    OSSL_PROVIDER_unload(default_);
    OSSL_LIB_CTX_free(context_);
  }

  OSSL_LIB_CTX* context() const noexcept { return context_; }

  /// key loads the first key that the URI means.
  KeyHandle key(const char* uri) const {
    OSSL_STORE_CTX* store =
        OSSL_STORE_open_ex(uri, context_, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    OSSL_STORE_INFO* info = store != nullptr ? OSSL_STORE_load(store) : nullptr;
    KeyHandle key(info != nullptr ? OSSL_STORE_INFO_get1_PKEY(info) : nullptr);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return key;
  }

 private:
  OSSL_LIB_CTX* context_;
  OSSL_PROVIDER* default_ = nullptr;
  OSSL_PROVIDER* ours_ = nullptr;
};

bool sign_and_verify(OSSL_LIB_CTX* library, EVP_PKEY* key, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  unsigned char signature[1024];
  std::size_t size = sizeof signature;
  const MdCtx signing(EVP_MD_CTX_new());
  if (EVP_DigestSignInit_ex(signing.get(), nullptr, "SHA256", library, nullptr, key, nullptr) !=
          1 ||
      EVP_DigestSignUpdate(signing.get(), bytes, text.size()) != 1)
    return false;
  const MdCtx copy(EVP_MD_CTX_new());
  if (EVP_MD_CTX_copy_ex(copy.get(), signing.get()) != 1 ||
      EVP_DigestSignFinal(copy.get(), signature, &size) != 1)
    return false;
  const MdCtx verifying(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit_ex(verifying.get(), nullptr, "SHA256", library, nullptr, key,
                                 nullptr) == 1 &&
         EVP_DigestVerify(verifying.get(), signature, size, bytes, text.size()) == 1;
}

template <typename Work>
int count_good(Work work) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      if (work(i)) ++good;
    });
  for (std::thread& thread : threads) thread.join();
  return good;
}

class OpensslThreadsTest : public HouseTest {
 protected:
  void SetUp() override { ::setenv("RINGFENCE_SIGNER", house().socket().c_str(), 1); }

  void TearDown() override { ::unsetenv("RINGFENCE_SIGNER"); }
};

TEST_F(OpensslThreadsTest, SignsWithSharedKeys) {
  const Loaded loaded;
  const KeyHandle rsa = loaded.key("pkcs11:object=CAPF");
  const KeyHandle ec = loaded.key("pkcs11:object=TVS");
  ASSERT_TRUE(rsa && ec) << openssl_errors();
  const int good = count_good([&](int thread) {
    for (int i = 0; i < 10; ++i)
      if (!sign_and_verify(loaded.context(), (thread + i) % 2 == 0 ? rsa.get() : ec.get(),
                           std::to_string(thread * 100 + i)))
        return false;
    return true;
  });
  EXPECT_EQ(good, kThreads);
}

TEST_F(OpensslThreadsTest, LoadsAndFreesKeys) {
  const Loaded loaded;
  const int good = count_good([&](int thread) {
    for (int i = 0; i < 5; ++i) {
      const KeyHandle key =
          loaded.key((thread + i) % 2 == 0 ? "pkcs11:object=CallManager-ECDSA"
                                           : "pkcs11:object=CAPF;id=%00%00%00%01");
      const KeyHandle copy(key ? EVP_PKEY_dup(key.get()) : nullptr);
      if (!copy || !sign_and_verify(loaded.context(), copy.get(), "x")) return false;
    }
    return true;
  });
  EXPECT_EQ(good, kThreads);
}

TEST_F(OpensslThreadsTest, LoadsAndUnloadsTheModule) {
  const int good = count_good([&](int) {
    const Loaded loaded;
    const KeyHandle key = loaded.key("pkcs11:object=TVS");
    return key && sign_and_verify(loaded.context(), key.get(), "x");
  });
  EXPECT_EQ(good, kThreads);
}

TEST_F(OpensslThreadsTest, MakesAndFreesBuiltInProviders) {
  const int good = count_good([&](int) {
    SignerClient client(house().socket());
    const Provider provider(client);
    const KeyHandle key = provider.key(house().p256());
    return sign_and_verify(provider.context(), key.get(), "x");
  });
  EXPECT_EQ(good, kThreads);
}

TEST_F(OpensslThreadsTest, SharesOneBuiltInProvider) {
  SignerClient client(house().socket());
  const Provider provider(client);
  const KeyHandle rsa = provider.key(house().rsa());
  const int good = count_good([&](int thread) {
    for (int i = 0; i < 5; ++i) {
      const KeyHandle own = provider.key(house().p384());
      if (!sign_and_verify(provider.context(), i % 2 == 0 ? rsa.get() : own.get(),
                           std::to_string(thread)))
        return false;
    }
    return true;
  });
  EXPECT_EQ(good, kThreads);
}

}  // namespace
}  // namespace ringfence::hsm::test
