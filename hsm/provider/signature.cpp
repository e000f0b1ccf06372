// SIGNATURE: signing with a key of the token is the signer's, everything else OpenSSL's own.
#include <openssl/core_names.h>

#include "hsm/provider/delegated.h"
#include "hsm/provider/token_signing.h"

namespace ringfence::hsm::provider {
namespace {

/// State is one conversation. Which of the two it is gets known with the key.
struct State {
  Context& context;
  const Key* key = nullptr;  ///< OpenSSL keeps it as long as this state
  std::optional<TokenSigning> token;
  std::optional<Delegated> delegated;
};

State& state(void* data) {
  return *static_cast<State*>(data);
}

void* make(void* context, const char*) {
  return new (std::nothrow) State{*static_cast<Context*>(context), nullptr, {}, {}};
}

void destroy(void* data) {
  delete static_cast<State*>(data);
}

void* duplicate(void* data) {
  const State& from = state(data);
  State* made = nullptr;
  guarded(from.context.core, [&] {
    made = new State{from.context, from.key, from.token, from.delegated};
    return true;
  });
  return made;
}

/// take_key remembers the key; OpenSSL gives none when a conversation begins anew with the same.
const Key& take_key(State& self, void* key) {
  if (key != nullptr) self.key = static_cast<const Key*>(key);
  if (self.key == nullptr || !self.key->inner) throw Error(Kind::request, "no key was given");
  self.token.reset();
  self.delegated.reset();
  return *self.key;
}

template <Direction Way>
int begin(void* data, void* given, const OSSL_PARAM params[]) {
  State& self = state(data);
  return guarded(self.context.core, [&] {
    const Key& key = take_key(self, given);
    if (Way == Direction::sign && key.ref) {
      self.token.emplace(key, params);
    } else {
      self.delegated.emplace(key, Way, params);
    }
    return true;
  });
}

template <Direction Way>
int digest_begin(void* data, const char* digest, void* given, const OSSL_PARAM params[]) {
  State& self = state(data);
  return guarded(self.context.core, [&] {
    const Key& key = take_key(self, given);
    if (digest == nullptr) digest = "";
    if (Way == Direction::sign && key.ref) {
      self.token.emplace(key, digest, params);
    } else {
      self.delegated.emplace(key, Way, digest, params);
    }
    return true;
  });
}

/// with runs `token` or `delegated`, whichever this conversation is.
template <typename Token, typename Other>
int with(void* data, Token token, Other delegated) {
  State& self = state(data);
  if (self.delegated) return delegated(*self.delegated);
  return guarded(self.context.core, [&] { return self.token && token(*self.token); });
}

int sign(void* data, unsigned char* out, std::size_t* size, std::size_t room,
         const unsigned char* input, std::size_t input_size) {
  const auto work = [&](auto& one) { return one.sign(out, size, room, {input, input_size}); };
  return with(data, work, work);
}

int verify(void* data, const unsigned char* signature, std::size_t signature_size,
           const unsigned char* input, std::size_t input_size) {
  State& self = state(data);
  return self.delegated ? self.delegated->verify({signature, signature_size}, {input, input_size})
                        : 0;
}

int recover(void* data, unsigned char* out, std::size_t* size, std::size_t room,
            const unsigned char* signature, std::size_t signature_size) {
  State& self = state(data);
  return self.delegated ? self.delegated->recover(out, size, room, {signature, signature_size}) : 0;
}

int digest_update(void* data, const unsigned char* bytes, std::size_t size) {
  const auto work = [&](auto& one) { return one.update({bytes, size}); };
  return with(data, work, work);
}

int digest_sign_final(void* data, unsigned char* out, std::size_t* size, std::size_t room) {
  const auto work = [&](auto& one) { return one.sign_final(out, size, room); };
  return with(data, work, work);
}

/// digest_sign spares OpenSSL the copy of the conversation that it makes before each final.
int digest_sign(void* data, unsigned char* out, std::size_t* size, std::size_t room,
                const unsigned char* bytes, std::size_t bytes_size) {
  const BytesView view(bytes, bytes_size);
  return with(
      data, [&](TokenSigning& token) { return token.digest_sign(out, size, room, view); },
      [&](Delegated& other) {
        if (out != nullptr && other.update(view) != 1) return 0;
        return other.sign_final(out, size, room);
      });
}

int digest_verify_final(void* data, const unsigned char* signature, std::size_t size) {
  State& self = state(data);
  return self.delegated ? self.delegated->verify_final({signature, size}) : 0;
}

int get_params(void* data, OSSL_PARAM params[]) {
  const auto work = [&](auto& one) { return one.get_params(params); };
  return with(data, work, work);
}

int set_params(void* data, const OSSL_PARAM params[]) {
  return with(
      data,
      [&](TokenSigning& token) {
        token.set_params(params);
        return true;
      },
      [&](Delegated& other) { return other.set_params(params); });
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* gettable(void*, void*) {
  static const OSSL_PARAM rsa[] = {
      OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
      OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {
      OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0), OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* settable(void*, void*) {
  static const OSSL_PARAM rsa[] = {
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0), OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                  OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const OSSL_DISPATCH* table() {
  constexpr bool kRsa = Algorithm == KeyAlgorithm::rsa;
  static const OSSL_DISPATCH dispatch[] = {
      entry(OSSL_FUNC_SIGNATURE_NEWCTX, make),
      entry(OSSL_FUNC_SIGNATURE_FREECTX, destroy),
      entry(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate),
      entry(OSSL_FUNC_SIGNATURE_SIGN_INIT, begin<Direction::sign>),
      entry(OSSL_FUNC_SIGNATURE_SIGN, sign),
      entry(OSSL_FUNC_SIGNATURE_VERIFY_INIT, begin<Direction::verify>),
      entry(OSSL_FUNC_SIGNATURE_VERIFY, verify),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_begin<Direction::sign>),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_begin<Direction::verify>),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_update),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),
      entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
      entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable<Algorithm>),
      entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
      entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable<Algorithm>),
      // An ECDSA signature recovers nothing: the table ends before these two.
      kRsa ? entry(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, begin<Direction::recover>)
           : OSSL_DISPATCH{0, nullptr},
      kRsa ? entry(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, recover) : OSSL_DISPATCH{0, nullptr},
      {0, nullptr}};
  return dispatch;
}

}  // namespace

const OSSL_DISPATCH* rsa_signature() {
  return table<KeyAlgorithm::rsa>();
}

const OSSL_DISPATCH* ecdsa_signature() {
  return table<KeyAlgorithm::ec>();
}

}  // namespace ringfence::hsm::provider
