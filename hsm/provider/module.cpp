// ringfence.so: the provider as a module that any OpenSSL program can load.
#include <stdlib.h>
#include <unistd.h>

#include <atomic>

#include "hsm/provider/context.h"

namespace ringfence::hsm::provider {
namespace {

/// OwnSigner connects at the first use, and anew in a forked child: two processes on one connection
/// would read each other's answers, and the locks of the parent's threads stay locked in the child.
class OwnSigner final : public SignerSource {
 public:
  explicit OwnSigner(std::string socket) : socket_(std::move(socket)) {}

  OwnSigner(const OwnSigner&) = delete;
  OwnSigner& operator=(const OwnSigner&) = delete;

  ~OwnSigner() override {
    const Line* line = line_.load();
    if (line != nullptr && line->process == ::getpid()) delete line;
  }

  SignerClient& client() override {
    Line* known = line_.load(std::memory_order_acquire);
    if (known != nullptr && known->process == ::getpid()) return known->client;
    if (socket_.empty())
      throw Error(Kind::request,
                  "nobody said where the signer is: set 'signer = /…/run/signer/capf.sock' in the "
                  "provider's section of openssl.cnf, or RINGFENCE_SIGNER in the environment");
    auto made = std::make_unique<Line>(::getpid(), socket_);
    while (!line_.compare_exchange_strong(known, made.get()))
      if (known != nullptr && known->process == ::getpid()) return known->client;
    return made.release()->client;
  }

 private:
  struct Line {
    Line(pid_t owner, const std::string& socket) : process(owner), client(socket) {}

    const pid_t process;
    SignerClient client;
  };

  const std::string socket_;
  std::atomic<Line*> line_ = nullptr;
};

std::string socket_from(const Core& core) {
  std::string socket = core.parameter("signer");
  const char* named = ::secure_getenv("RINGFENCE_SIGNER");
  if (socket.empty() && named != nullptr) socket = named;
  return socket;
}

}  // namespace
}  // namespace ringfence::hsm::provider

/// OpenSSL's entry into the module. What is public is done in a library context of the module's
/// own, in which OpenSSL activates its default provider by itself: the loading program's context is
/// not ours to use, and whatever is loaded there cannot re-enter us.
extern "C" int OSSL_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in,
                                  const OSSL_DISPATCH** out, void** provider_context) {
  namespace provider = ringfence::hsm::provider;
  const provider::Core core(handle, in);
  return provider::guarded(core, [&] {
    provider::Library library(OSSL_LIB_CTX_new(), OSSL_LIB_CTX_free);
    if (!library) return false;
    auto signer = std::make_unique<provider::OwnSigner>(provider::socket_from(core));
    std::unique_ptr<provider::Context> context(
        new provider::Context{core, std::move(library), std::move(signer)});
    return provider::start(std::move(context), out, provider_context) == 1;
  });
}
