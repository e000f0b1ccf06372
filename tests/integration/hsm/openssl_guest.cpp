// A program that knows nothing of Ringfence: openssl.cnf loads ringfence.so into its default
// context. Its argument says what it goes through; it prints "done" when all went well.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>

#include "hsm/pkcs11.h"

namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

EVP_PKEY* load(const char* uri) {
  OSSL_STORE_CTX* store = OSSL_STORE_open(uri, nullptr, nullptr, nullptr, nullptr);
  require(store != nullptr, "OSSL_STORE_open");
  OSSL_STORE_INFO* info = OSSL_STORE_load(store);
  require(info != nullptr, "OSSL_STORE_load");
  EVP_PKEY* key = OSSL_STORE_INFO_get1_PKEY(info);
  OSSL_STORE_INFO_free(info);
  OSSL_STORE_close(store);
  require(key != nullptr, "OSSL_STORE_INFO_get1_PKEY");
  return key;
}

/// sign signs `text` and verifies what came back.
void sign(EVP_PKEY* key, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  unsigned char signature[1024];
  std::size_t size = sizeof signature;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  require(EVP_DigestSignInit_ex(context, nullptr, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
              EVP_DigestSign(context, signature, &size, bytes, text.size()) == 1,
          "EVP_DigestSign");
  EVP_MD_CTX_free(context);
  context = EVP_MD_CTX_new();
  require(
      EVP_DigestVerifyInit_ex(context, nullptr, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
          EVP_DigestVerify(context, signature, size, bytes, text.size()) == 1,
      "EVP_DigestVerify");
  EVP_MD_CTX_free(context);
}

/// Token is SoftHSM in this very process; it uses OpenSSL's default context, as we do.
class Token {
 public:
  Token() {
    void* module = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    require(module != nullptr, "dlopen");
    const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module, "C_GetFunctionList"));
    require(list != nullptr && list(&call_) == CKR_OK, "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    require(call_->C_Initialize(&arguments) == CKR_OK, "C_Initialize");
    CK_ULONG count = 1;
    CK_SLOT_ID slot = 0;
    require(call_->C_GetSlotList(CK_TRUE, &slot, &count) == CKR_OK || count > 0, "C_GetSlotList");
    unsigned char pin[] = "1234";
    unsigned char label[33] = "guest                           ";
    require(call_->C_InitToken(slot, pin, 4, label) == CKR_OK, "C_InitToken");
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    count = 4;
    CK_SLOT_ID slots[4];
    require(call_->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "C_GetSlotList");
    slot_ = slots[0];
    require(call_->C_OpenSession(slot_, flags, nullptr, nullptr, &session_) == CKR_OK,
            "C_OpenSession");
    require(call_->C_Login(session_, CKU_SO, pin, 4) == CKR_OK, "C_Login");
    require(call_->C_InitPIN(session_, pin, 4) == CKR_OK, "C_InitPIN");
    require(call_->C_Logout(session_) == CKR_OK, "C_Logout");
    require(call_->C_Login(session_, CKU_USER, pin, 4) == CKR_OK, "C_Login");
    generate();
  }

  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  void sign() {
    CK_SESSION_HANDLE session = 0;
    require(call_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session) == CKR_OK,
            "C_OpenSession");
    CK_MECHANISM mechanism{CKM_SHA256_RSA_PKCS, nullptr, 0};
    unsigned char text[] = "some words";
    unsigned char signature[512];
    CK_ULONG size = sizeof signature;
    require(call_->C_SignInit(session, &mechanism, key_) == CKR_OK &&
                call_->C_Sign(session, text, sizeof text, signature, &size) == CKR_OK,
            "C_Sign");
    call_->C_CloseSession(session);
  }

  void finalize() { require(call_->C_Finalize(nullptr) == CKR_OK, "C_Finalize"); }

 private:
  void generate() {
    CK_MECHANISM mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
    CK_ULONG bits = 2048;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE open[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE secret[] = {{CKA_SIGN, &yes, sizeof yes}, {CKA_PRIVATE, &yes, sizeof yes}};
    CK_OBJECT_HANDLE public_key = 0;
    require(call_->C_GenerateKeyPair(session_, &mechanism, open, 2, secret, 2, &public_key,
                                     &key_) == CKR_OK,
            "C_GenerateKeyPair");
  }

  CK_FUNCTION_LIST* call_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
};

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

/// SoftHSM and ringfence.so do real work side by side. With "first", SoftHSM comes first.
void meet(bool softhsm_first) {
  EVP_PKEY* key = softhsm_first ? nullptr : load("pkcs11:object=CAPF");
  Token token;
  if (softhsm_first) key = load("pkcs11:object=CAPF");
  EVP_PKEY* ec = load("pkcs11:object=TVS");
  sign(key, "before");
  token.sign();
  in_threads(8, [&](int thread) {
    for (int i = 0; i < 20; ++i) {
      if (thread % 2 == 0) {
        token.sign();
      } else {
        sign(i % 2 == 0 ? key : ec, std::to_string(thread * 100 + i));
      }
    }
  });
  token.finalize();
  sign(key, "after");
  EVP_PKEY_free(key);
  EVP_PKEY_free(ec);
}

/// Threads sign on while the process ends. They begin their operations before: a fetch after
/// OpenSSL's own cleanup is a fault of OpenSSL's with any key.
[[noreturn]] void exit_while_signing() {
  EVP_PKEY* key = load("pkcs11:object=TVS");
  static std::atomic<int> count = 0;
  for (int i = 0; i < 8; ++i)
    std::thread([key] {
      EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
      require(EVP_PKEY_sign_init(context) == 1, "EVP_PKEY_sign_init");
      const unsigned char digest[32] = {1};
      for (;;) {
        unsigned char signature[256];
        std::size_t size = sizeof signature;
        if (EVP_PKEY_sign(context, signature, &size, digest, sizeof digest) == 1) {
          ++count;
          count.notify_all();
        }
      }
    }).detach();
  for (int seen = count; seen < 200; seen = count) count.wait(seen);
  std::puts("done");
  std::fflush(stdout);
  std::exit(0);
}

/// Parent and child sign at once; whoever read the other's answer would fail to verify it.
void fork_and_sign() {
  EVP_PKEY* key = load("pkcs11:object=TVS");
  sign(key, "before");
  const pid_t child = ::fork();
  require(child >= 0, "fork");
  for (int i = 0; i < 100; ++i) sign(key, std::to_string(::getpid()) + " " + std::to_string(i));
  EVP_PKEY* again = load("pkcs11:object=CAPF");
  sign(again, "after");
  EVP_PKEY_free(again);
  EVP_PKEY_free(key);
  if (child == 0) std::exit(0);
  int status = 0;
  require(::waitpid(child, &status, 0) == child && status == 0, "the child");
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count == 2 ? words[1] : "";
  try {
    if (what == "sign") {
      EVP_PKEY* key = load("pkcs11:object=CAPF");
      sign(key, "some words");
      EVP_PKEY_free(key);
    } else if (what == "leave") {  // frees nothing
      OSSL_STORE_open("pkcs11:object=CAPF", nullptr, nullptr, nullptr, nullptr);
      EVP_MD_CTX* context = EVP_MD_CTX_new();
      EVP_PKEY* key = load("pkcs11:object=CAPF");
      require(EVP_DigestSignInit_ex(context, nullptr, "SHA256", nullptr, nullptr, key, nullptr) &&
                  EVP_DigestSignUpdate(context, "x", 1) == 1,
              "EVP_DigestSignUpdate");
      sign(key, "some words");
    } else if (what == "meet") {
      meet(false);
    } else if (what == "meet-first") {
      meet(true);
    } else if (what == "exit-while-signing") {
      exit_while_signing();
    } else if (what == "fork") {
      fork_and_sign();
    } else {
      throw std::runtime_error("unknown word");
    }
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    ERR_print_errors_fp(stdout);
    return 1;
  }
  std::puts("done");
  return 0;
}
