// ringfence.so: the provider as a module that any OpenSSL program can load.
#include <stdlib.h>

#include <optional>

#include "hsm/provider/context.h"

namespace ringfence::hsm::provider {
namespace {

/// OwnSigner is the module's own client, which connects at its first call.
class OwnSigner final : public SignerSource {
 public:
  explicit OwnSigner(const std::string& socket) {
    if (!socket.empty()) client_.emplace(socket);
  }

  SignerClient& client() override {
    if (!client_)
      throw Error(Kind::request,
                  "nobody said where the signer is: set 'signer = /…/run/signer/capf.sock' in the "
                  "provider's section of openssl.cnf, or RINGFENCE_SIGNER in the environment");
    return *client_;
  }

 private:
  std::optional<SignerClient> client_;
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
