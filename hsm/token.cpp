#include "hsm/token.h"

#include <algorithm>

#include <fmt/format.h>

#include "hsm/der.h"
#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

const std::string kApplication = "ringfence";

Bytes id_of(std::uint32_t version) {
  return {static_cast<std::uint8_t>(version >> 24), static_cast<std::uint8_t>(version >> 16),
          static_cast<std::uint8_t>(version >> 8), static_cast<std::uint8_t>(version)};
}

std::uint32_t version_of(BytesView id) {
  std::uint32_t version = 0;
  for (const std::uint8_t byte : id) version = version << 8 | byte;
  return version;
}

struct PssMechanisms {
  CK_MECHANISM_TYPE hash;
  CK_RSA_PKCS_MGF_TYPE mgf;
};

PssMechanisms pss_mechanisms(Hash hash) {
  switch (hash) {
    case Hash::sha1: return {CKM_SHA_1, CKG_MGF1_SHA1};
    case Hash::sha224: return {CKM_SHA224, CKG_MGF1_SHA224};
    case Hash::sha256: return {CKM_SHA256, CKG_MGF1_SHA256};
    case Hash::sha384: return {CKM_SHA384, CKG_MGF1_SHA384};
    case Hash::sha512: return {CKM_SHA512, CKG_MGF1_SHA512};
    case Hash::none:
    case Hash::md5: break;
  }
  throw Error(Kind::request, "RSA PSS signing needs a SHA hash");
}

/// require_room refuses what cannot fit: SoftHSM would only say CKR_GENERAL_ERROR.
void require_room(std::size_t needed, const KeySpec& spec) {
  if (needed > spec.bits / 8U)
    throw Error(Kind::request,
                fmt::format("{} bytes with padding do not fit a {} bit key", needed, spec.bits));
}

void require_algorithm(const SignRequest& request, KeyAlgorithm algorithm) {
  const bool ec = request.scheme == Scheme::ecdsa;
  if (ec != (algorithm == KeyAlgorithm::ec))
    throw Error(Kind::request,
                fmt::format("the key {} cannot sign with that scheme", to_text(request.key)));
}

}  // namespace

Token::Token(const Module& module, const Slot& slot, BytesView pin) : session_(module, slot.id) {
  session_.login(User::user, pin);
  load();
}

void Token::load() {
  const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  const CK_BBOOL on_token = CK_TRUE;
  for (const CK_OBJECT_HANDLE handle :
       session_.find({attribute(CKA_CLASS, private_key), attribute(CKA_TOKEN, on_token)}))
    load_key(handle);
}

void Token::load_key(CK_OBJECT_HANDLE private_key) {
  const Bytes label = session_.attribute(private_key, CKA_LABEL);
  const Bytes id = session_.attribute(private_key, CKA_ID);
  if (id.size() != 4 || !is_label(std::string(label.begin(), label.end()))) return;
  const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
  const auto found =
      session_.find({attribute(CKA_CLASS, public_class), attribute(CKA_LABEL, BytesView(label)),
                     attribute(CKA_ID, BytesView(id))});
  if (found.empty()) return;  // half a pair: the other half was lost or is being destroyed
  Key key;
  if (session_.attribute(private_key, CKA_KEY_TYPE) ==
      session_.attribute(found.front(), CKA_KEY_TYPE)) {
    const Bytes type_bytes = session_.attribute(private_key, CKA_KEY_TYPE);
    CK_KEY_TYPE type = 0;
    std::copy_n(type_bytes.begin(), std::min(type_bytes.size(), sizeof type),
                reinterpret_cast<std::uint8_t*>(&type));
    if (type == CKK_RSA) {
      const Bytes modulus = session_.attribute(found.front(), CKA_MODULUS);
      key.spec = {KeyAlgorithm::rsa, static_cast<std::uint16_t>(modulus.size() * 8)};
      key.spki = der::rsa_spki(modulus, session_.attribute(found.front(), CKA_PUBLIC_EXPONENT));
    } else if (type == CKK_EC) {
      const Bytes curve = session_.attribute(found.front(), CKA_EC_PARAMS);
      const Bytes point = session_.attribute(found.front(), CKA_EC_POINT);
      key.spec = {KeyAlgorithm::ec, der::curve_bits(curve).value_or(0)};
      key.spki = der::ec_spki(curve, der::unwrap_octets(point));
    }
  }
  if (key.spki.empty() || key.spec.bits == 0) return;
  const CK_BBOOL off_token = CK_FALSE;
  CK_ATTRIBUTE copy = attribute(CKA_TOKEN, off_token);
  key.copied = session_.module()->C_CopyObject(session_.handle(), private_key, &copy, 1,
                                               &key.handle) == CKR_OK;
  if (!key.copied) key.handle = private_key;
  keys_[{{label.begin(), label.end()}, version_of(id)}] = std::move(key);
}

std::vector<KeyInfo> Token::keys() const {
  std::vector<KeyInfo> list;
  for (const auto& [ref, key] : keys_) list.push_back({ref, key.spec});
  return list;
}

std::size_t Token::copies() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(keys_.begin(), keys_.end(), [](const auto& key) { return key.second.copied; }));
}

const Token::Key& Token::at(const KeyRef& ref) const {
  const auto found = keys_.find(ref);
  if (found == keys_.end())
    throw Error(Kind::not_found, fmt::format("the token has no key {}", to_text(ref)));
  return found->second;
}

Bytes Token::public_key(const KeyRef& ref) const {
  return at(ref).spki;
}

Bytes Token::sign(const SignRequest& request) const {
  const Key& key = at(request.key);
  require_algorithm(request, key.spec.algorithm);
  switch (request.scheme) {
    case Scheme::rsa_pkcs1:
      return session_.sign({CKM_RSA_PKCS, nullptr, 0}, key.handle,
                           der::digest_info(request.hash, request.input));
    case Scheme::rsa_type1:
      require_room(request.input.size() + 11, key.spec);  // RFC 8017 9.2
      return session_.sign({CKM_RSA_PKCS, nullptr, 0}, key.handle, request.input);
    case Scheme::rsa_pss: {
      if (request.input.size() != size_of(request.hash))
        throw Error(Kind::request, "the digest's length does not fit its hash");
      require_room(request.input.size() + request.salt_bytes + 2, key.spec);  // RFC 8017 9.1.1
      CK_RSA_PKCS_PSS_PARAMS parameters{};
      parameters.hashAlg = pss_mechanisms(request.hash).hash;
      parameters.mgf = pss_mechanisms(request.mgf_hash).mgf;
      parameters.sLen = request.salt_bytes;
      return session_.sign({CKM_RSA_PKCS_PSS, &parameters, sizeof parameters}, key.handle,
                           request.input);
    }
    case Scheme::ecdsa: {
      // FIPS 186-4 6.4: only the leftmost bits of the digest, as many as the order has, count.
      const std::size_t order_bytes = (key.spec.bits + 7U) / 8U;
      const std::size_t used = std::min(request.input.size(), order_bytes);
      return der::ecdsa_signature(
          session_.sign({CKM_ECDSA, nullptr, 0}, key.handle, BytesView(request.input).first(used)));
    }
  }
  throw Error(Kind::request, "unknown signature scheme");
}

std::uint32_t Token::last_version(const std::string& label) const {
  std::uint32_t last = 0;
  for (const auto& [ref, key] : keys_)
    if (ref.label == label) last = std::max(last, ref.version);
  const CK_OBJECT_CLASS data = CKO_DATA;
  for (const CK_OBJECT_HANDLE object :
       session_.find({attribute(CKA_CLASS, data), attribute(CKA_APPLICATION, kApplication),
                      attribute(CKA_LABEL, label)}))
    last = std::max(last, version_of(session_.attribute(object, CKA_VALUE)));
  return last;
}

void Token::keep_version(const std::string& label, std::uint32_t version) {
  const CK_OBJECT_CLASS data = CKO_DATA;
  const CK_BBOOL yes = CK_TRUE;
  const Bytes value = id_of(version);
  const auto old =
      session_.find({attribute(CKA_CLASS, data), attribute(CKA_APPLICATION, kApplication),
                     attribute(CKA_LABEL, label)});
  CK_ATTRIBUTE entries[] = {attribute(CKA_CLASS, data),  attribute(CKA_TOKEN, yes),
                            attribute(CKA_PRIVATE, yes), attribute(CKA_APPLICATION, kApplication),
                            attribute(CKA_LABEL, label), attribute(CKA_VALUE, BytesView(value))};
  CK_OBJECT_HANDLE made = 0;
  check(session_.module()->C_CreateObject(session_.handle(), entries, std::size(entries), &made),
        "C_CreateObject");
  for (const CK_OBJECT_HANDLE object : old)
    session_.module()->C_DestroyObject(session_.handle(), object);
}

KeyRef Token::generate(const std::string& label, const KeySpec& spec) {
  const bool rsa = spec.algorithm == KeyAlgorithm::rsa;
  if (rsa && (spec.bits < 2048 || spec.bits > 4096 || spec.bits % 8 != 0))
    throw Error(Kind::request, "RSA keys have 2048 to 4096 bits");
  const BytesView curve = rsa ? BytesView() : der::curve(spec.bits);
  const KeyRef ref{label, last_version(label) + 1};
  keep_version(label, ref.version);

  const CK_BBOOL yes = CK_TRUE;
  const CK_BBOOL no = CK_FALSE;
  const CK_ULONG bits = spec.bits;
  const Bytes id = id_of(ref.version);
  static constexpr std::uint8_t exponent[] = {0x01, 0x00, 0x01};
  std::vector<CK_ATTRIBUTE> public_key = {attribute(CKA_TOKEN, yes), attribute(CKA_VERIFY, yes),
                                          attribute(CKA_LABEL, label),
                                          attribute(CKA_ID, BytesView(id))};
  if (rsa) {
    public_key.push_back(attribute(CKA_MODULUS_BITS, bits));
    public_key.push_back(attribute(CKA_PUBLIC_EXPONENT, BytesView(exponent)));
  } else {
    public_key.push_back(attribute(CKA_EC_PARAMS, curve));
  }
  std::vector<CK_ATTRIBUTE> private_key = {
      attribute(CKA_TOKEN, yes),       attribute(CKA_PRIVATE, yes), attribute(CKA_SENSITIVE, yes),
      attribute(CKA_EXTRACTABLE, no),  attribute(CKA_SIGN, yes),    attribute(CKA_LABEL, label),
      attribute(CKA_ID, BytesView(id))};
  CK_MECHANISM mechanism{
      static_cast<CK_MECHANISM_TYPE>(rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN),
      nullptr, 0};
  CK_OBJECT_HANDLE made_public = 0;
  CK_OBJECT_HANDLE made_private = 0;
  check(session_.module()->C_GenerateKeyPair(session_.handle(), &mechanism, public_key.data(),
                                             public_key.size(), private_key.data(),
                                             private_key.size(), &made_public, &made_private),
        "C_GenerateKeyPair");
  load_key(made_private);
  return ref;
}

void Token::destroy(const KeyRef& ref) {
  const Key& key = at(ref);
  const CK_BBOOL on_token = CK_TRUE;
  const Bytes id = id_of(ref.version);
  for (const CK_OBJECT_CLASS type : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    for (const CK_OBJECT_HANDLE object :
         session_.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, on_token),
                        attribute(CKA_LABEL, ref.label), attribute(CKA_ID, BytesView(id))}))
      check(session_.module()->C_DestroyObject(session_.handle(), object), "C_DestroyObject");
  }
  if (key.copied) session_.module()->C_DestroyObject(session_.handle(), key.handle);
  keys_.erase(ref);
}

}  // namespace ringfence::hsm
