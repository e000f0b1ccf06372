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
  return translated([&] {
    return EvpPkey(parts_->provider.key(hsm::KeyRef{ref.label, ref.version}).release());
  });
}

OSSL_LIB_CTX* Token::context() const noexcept {
  return parts_->provider.context();
}

std::vector<KeyRef> Token::keys() const {
  return translated([&] {
    std::vector<KeyRef> keys;
    for (const hsm::KeyInfo& key : parts_->client.list())
      keys.push_back({key.ref.label, key.ref.version});
    return keys;
  });
}

KeyRef Token::generate(const std::string& label, const KeySpec& spec) {
  return translated([&] {
    const auto algorithm =
        spec.algorithm == KeyAlgorithm::rsa ? hsm::KeyAlgorithm::rsa : hsm::KeyAlgorithm::ec;
    const hsm::KeyRef made =
        parts_->client.generate(label, {algorithm, static_cast<std::uint16_t>(spec.bits)});
    return KeyRef{made.label, made.version};
  });
}

void Token::destroy(const KeyRef& ref) {
  translated([&] { parts_->client.destroy({ref.label, ref.version}); });
}

KeyRef Token::rename(const KeyRef& ref, const std::string& label) {
  return translated([&] {
    const hsm::KeyRef renamed = parts_->client.rename({ref.label, ref.version}, label);
    return KeyRef{renamed.label, renamed.version};
  });
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
