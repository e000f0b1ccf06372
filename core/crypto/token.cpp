#include "core/crypto/token.h"

#include "core/base/error.h"
#include "core/crypto/hsm_code.h"
#include "hsm/client.h"
#include "hsm/provider/provider.h"

namespace ringfence::core {
namespace {

/// told is what an operator reads of hsm's error: ours has no field for the time of a retry.
std::string told(const hsm::Error& error) {
  std::string what = error.what();
  if (error.retry_after().count() > 0 && what.find("retry in") == std::string::npos)
    what += ", retry in " + std::to_string(error.retry_after().count()) + " s";
  return what;
}

/// translated runs `work` and turns hsm's error into ours.
template <typename Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const hsm::Error& error) {
    throw Error(code_of(error.kind()), told(error));
  }
}

}  // namespace

struct Token::Parts {
  explicit Parts(const std::filesystem::path& role_socket)
      : client(role_socket), provider(client) {}

  hsm::SignerClient client;
  hsm::Provider provider;  // uses the client until its end
};

Token::Token(const std::filesystem::path& role_socket)
    : parts_(translated([&] { return std::make_unique<Parts>(role_socket); })) {}

Token::~Token() = default;

EvpPkey Token::key(const KeyRef& ref) const {
  return translated([&] { return EvpPkey(parts_->provider.key(ref).release()); });
}

OSSL_LIB_CTX* Token::context() const noexcept {
  return parts_->provider.context();
}

std::vector<KeyRef> Token::keys() const {
  return translated([&] {
    std::vector<KeyRef> keys;
    for (const hsm::KeyInfo& key : parts_->client.list()) keys.push_back(key.ref);
    return keys;
  });
}

KeyRef Token::generate(const std::string& label, const KeySpec& spec) {
  return translated([&] { return parts_->client.generate(label, spec); });
}

void Token::destroy(const KeyRef& ref) {
  translated([&] { parts_->client.destroy(ref); });
}

TokenStatus Token::status() const {
  return translated([&] { return parts_->client.status(); });
}

void Token::unlock(const Secret& pin) {
  try {
    parts_->client.unlock(pin.reveal());
  } catch (const hsm::Error& error) {
    const bool open_already = error.kind() == hsm::Kind::request;
    throw Error(open_already ? Code::conflict : code_of(error.kind()), told(error));
  }
}

void Token::close() const noexcept {
  parts_->client.close();
}

}  // namespace ringfence::core
