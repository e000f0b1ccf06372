#include "hsm/token.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "hsm/der.h"
#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

using Gone = VersionRecord::Gone;

constexpr unsigned kTries = 3;               // of what fails with a passing code
constexpr std::size_t kMaxSignature = 1024;  // RSA with 8192 bits
constexpr CK_BBOOL kYes = CK_TRUE;
constexpr CK_BBOOL kNo = CK_FALSE;
constexpr CK_OBJECT_CLASS kPublic = CKO_PUBLIC_KEY;
constexpr CK_OBJECT_CLASS kPrivate = CKO_PRIVATE_KEY;

Bytes id_of(std::uint32_t version) {
  return {static_cast<std::uint8_t>(version >> 24), static_cast<std::uint8_t>(version >> 16),
          static_cast<std::uint8_t>(version >> 8), static_cast<std::uint8_t>(version)};
}

std::uint32_t version_of(BytesView id) {
  std::uint32_t version = 0;
  for (const std::uint8_t byte : id) version = version << 8 | byte;
  return version;
}

/// Name is a KeyRef as the two attributes that carry it; it must outlive what points at it.
struct Name {
  std::string label;
  Bytes id;

  explicit Name(const KeyRef& ref) : label(ref.label), id(id_of(ref.version)) {}

  CK_ATTRIBUTE label_attribute() const { return attribute(CKA_LABEL, label); }

  CK_ATTRIBUTE id_attribute() const { return attribute(CKA_ID, BytesView(id)); }
};

std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type,
                                   const KeyRef& ref) {
  const Name name(ref);
  return session.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, kYes),
                       name.label_attribute(), name.id_attribute()});
}

std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type) {
  return session.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, kYes)});
}

/// ref_of reads an object's name; nothing when it cannot be one of ours.
std::optional<KeyRef> ref_of(const Session& session, CK_OBJECT_HANDLE object) {
  const std::optional<Bytes> label = session.attribute_if(object, CKA_LABEL);
  const std::optional<Bytes> id = session.attribute_if(object, CKA_ID);
  if (!label || !id || id->size() != 4) return std::nullopt;
  KeyRef ref{{label->begin(), label->end()}, version_of(*id)};
  if (!is_label(ref.label)) return std::nullopt;
  return ref;
}

CK_KEY_TYPE type_of(const Session& session, CK_OBJECT_HANDLE object) {
  const Bytes bytes = session.attribute(object, CKA_KEY_TYPE);
  CK_KEY_TYPE type = 0;
  std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof type),
              reinterpret_cast<std::uint8_t*>(&type));
  return type;
}

bool is(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const std::optional<Bytes> value = session.attribute_if(object, type);
  return value && !value->empty() && value->front() == CK_TRUE;
}

/// has_id says whether any key of the token, ours or not, has that version's CKA_ID.
bool has_id(const Session& session, std::uint32_t version) {
  const Bytes id = id_of(version);
  for (const CK_OBJECT_CLASS& type : {kPrivate, kPublic})
    if (!session
             .find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, kYes),
                    attribute(CKA_ID, BytesView(id))})
             .empty())
      return true;
  return false;
}

/// Sizes are how much of two templates is used.
struct Sizes {
  std::size_t public_key;
  std::size_t private_key;
};

/// Material is what tells that two objects are halves of one key: the modulus, or the curve.
std::optional<Bytes> material(const Session& session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
  return session.attribute_if(object, type == CKK_RSA ? CKA_MODULUS : CKA_EC_PARAMS);
}

/// finished says whether a private key has its material. SoftHSM writes an object first and fills
/// it then; a crash between leaves an object that has a name and signs nothing.
bool finished(const Session& session, CK_OBJECT_HANDLE private_key) {
  const std::optional<Bytes> own = material(session, private_key, type_of(session, private_key));
  return !own || !own->empty();
}

std::string date_of(const std::optional<Bytes>& date) {
  if (!date || date->size() != 8) return "";
  const std::string digits(date->begin(), date->end());
  return digits.substr(0, 4) + '-' + digits.substr(4, 2) + '-' + digits.substr(6);
}

/// today returns CK_DATE's eight digits, in UTC.
std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}{:02}{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
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

void require_label(const std::string& label) {
  if (!is_label(label))
    throw Error(Kind::request, "a key's label has 1 to 64 of the letters A-Z a-z 0-9 . _ -");
}

Bytes sign_rsa(const Session& session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key,
               const KeySpec& spec, BytesView input) {
  Bytes signature(std::min<std::size_t>(kMaxSignature, (spec.bits + 7U) / 8U));
  signature.resize(session.sign(mechanism, key, input, signature));
  return signature;
}

Bytes sign_with(const Session& session, CK_OBJECT_HANDLE key, const KeySpec& spec,
                const SignRequest& request) {
  switch (request.scheme) {
    case Scheme::rsa_pkcs1:
      return sign_rsa(session, {CKM_RSA_PKCS, nullptr, 0}, key, spec,
                      der::digest_info(request.hash, request.input));
    case Scheme::rsa_type1:
      require_room(request.input.size() + 11, spec);  // RFC 8017 9.2
      return sign_rsa(session, {CKM_RSA_PKCS, nullptr, 0}, key, spec, request.input);
    case Scheme::rsa_pss: {
      if (request.input.size() != size_of(request.hash))
        throw Error(Kind::request, "the digest's length does not fit its hash");
      require_room(request.input.size() + request.salt_bytes + 2, spec);  // RFC 8017 9.1.1
      CK_RSA_PKCS_PSS_PARAMS parameters{};
      parameters.hashAlg = pss_mechanisms(request.hash).hash;
      parameters.mgf = pss_mechanisms(request.mgf_hash).mgf;
      parameters.sLen = request.salt_bytes;
      return sign_rsa(session, {CKM_RSA_PKCS_PSS, &parameters, sizeof parameters}, key, spec,
                      request.input);
    }
    case Scheme::ecdsa: {
      // FIPS 186-4 6.4: only the leftmost bits of the digest, as many as the order has, count.
      const std::size_t order_bytes = (spec.bits + 7U) / 8U;
      const std::size_t used = std::min(request.input.size(), order_bytes);
      std::array<std::uint8_t, 2 * 66> r_and_s;  // P-521's
      const std::size_t size =
          session.sign({CKM_ECDSA, nullptr, 0}, key, BytesView(request.input).first(used), r_and_s);
      return der::ecdsa_signature(BytesView(r_and_s).first(size));
    }
  }
  throw Error(Kind::request, "unknown signature scheme");
}

/// copy_for_session returns a session object that signs as the token's private key does and is
/// protected like it; nothing when the module refuses.
std::optional<CK_OBJECT_HANDLE> copy_for_session(const Session& session, CK_OBJECT_HANDLE key) {
  CK_ATTRIBUTE entry = attribute(CKA_TOKEN, kNo);
  CK_OBJECT_HANDLE copy = 0;
  CK_RV rv = CKR_GENERAL_ERROR;
  for (unsigned attempt = 0; attempt < kTries && is_transient(rv); ++attempt)
    rv = session.module()->C_CopyObject(session.handle(), key, &entry, 1, &copy);
  if (rv != CKR_OK) return std::nullopt;
  if (is(session, copy, CKA_SENSITIVE) && !is(session, copy, CKA_EXTRACTABLE)) return copy;
  session.module()->C_DestroyObject(session.handle(), copy);
  return std::nullopt;
}

/// refused says that a module will not do a thing, unlike one that cannot do it now.
bool refused(CK_RV rv) {
  return rv != CKR_OK && kind_of(rv) == Kind::request;
}

/// copy_under makes a second token object of `object` under another name.
CK_RV copy_under(const Session& session, CK_OBJECT_HANDLE object, const Name& name,
                 CK_OBJECT_HANDLE& made) {
  CK_ATTRIBUTE entries[] = {attribute(CKA_TOKEN, kYes), name.label_attribute(),
                            name.id_attribute()};
  return session.module()->C_CopyObject(session.handle(), object, entries, std::size(entries),
                                        &made);
}

/// create_public makes a public key object from what can be read of `object`, for modules that do
/// not copy.
CK_RV create_public(const Session& session, CK_OBJECT_HANDLE object, const Name& name,
                    CK_OBJECT_HANDLE& made) {
  const CK_KEY_TYPE type = type_of(session, object);
  const bool rsa = type == CKK_RSA;
  const Bytes first = session.attribute(object, rsa ? CKA_MODULUS : CKA_EC_PARAMS);
  const Bytes second = session.attribute(object, rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT);
  CK_ATTRIBUTE entries[] = {attribute(CKA_CLASS, kPublic),
                            attribute(CKA_KEY_TYPE, type),
                            attribute(CKA_TOKEN, kYes),
                            attribute(CKA_VERIFY, kYes),
                            name.label_attribute(),
                            name.id_attribute(),
                            attribute(rsa ? CKA_MODULUS : CKA_EC_PARAMS, BytesView(first)),
                            attribute(rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, BytesView(second))};
  return session.module()->C_CreateObject(session.handle(), entries, std::size(entries), &made);
}

void destroy_object(const Session& session, CK_OBJECT_HANDLE object) {
  check(session.module()->C_DestroyObject(session.handle(), object), "C_DestroyObject");
}

}  // namespace

Token::Token(const Module& module, const Slot& slot, BytesView pin, std::filesystem::path versions)
    : session_(module, slot.id),
      versions_(session_, std::move(versions)),
      shares_ids_(module.library().starts_with("SoftHSM")) {
  session_.login(User::user, pin);
  load();
}

void Token::load() {
  const std::set<KeyRef> hidden = gone(versions_.read());
  for (const CK_OBJECT_HANDLE handle : find(session_, kPrivate)) {
    std::optional<Pair> pair = read_pair(handle);
    if (pair && !hidden.contains(pair->entry.info.ref)) adopt(std::move(*pair));
  }
}

std::optional<Token::Pair> Token::read_pair(CK_OBJECT_HANDLE private_key) const {
  const std::optional<KeyRef> ref = ref_of(session_, private_key);
  if (!ref) return std::nullopt;
  const auto found = find(session_, kPublic, *ref);
  if (found.empty()) return std::nullopt;
  const CK_OBJECT_HANDLE public_key = found.front();
  const CK_KEY_TYPE type = type_of(session_, public_key);
  if (type != type_of(session_, private_key)) return std::nullopt;
  const std::optional<Bytes> own = material(session_, private_key, type);
  if (own && own != material(session_, public_key, type)) return std::nullopt;

  Pair pair{private_key, {}};
  pair.entry.info.ref = *ref;
  if (type == CKK_RSA) {
    const Bytes modulus = session_.attribute(public_key, CKA_MODULUS);
    pair.entry.info.spec = {KeyAlgorithm::rsa, static_cast<std::uint16_t>(modulus.size() * 8)};
    pair.entry.spki = der::rsa_spki(modulus, session_.attribute(public_key, CKA_PUBLIC_EXPONENT));
  } else if (type == CKK_EC) {
    const Bytes curve = session_.attribute(public_key, CKA_EC_PARAMS);
    const Bytes point = session_.attribute(public_key, CKA_EC_POINT);
    pair.entry.info.spec = {KeyAlgorithm::ec, der::curve_bits(curve).value_or(0)};
    pair.entry.spki = der::ec_spki(curve, der::unwrap_octets(point));
  }
  if (pair.entry.info.spec.bits == 0) return std::nullopt;
  pair.entry.since = date_of(session_.attribute_if(public_key, CKA_START_DATE));
  return pair;
}

Token::Key& Token::adopt(Pair pair) {
  forget(pair.entry.info.ref);
  const std::optional<CK_OBJECT_HANDLE> copy = copy_for_session(session_, pair.private_key);
  pair.entry.copied = copy.has_value();
  const KeyRef ref = pair.entry.info.ref;
  return keys_[ref] = {copy.value_or(pair.private_key), std::move(pair.entry)};
}

std::vector<Token::Entry> Token::entries() const {
  std::vector<Entry> list;
  for (const auto& [ref, key] : keys_) list.push_back(key.entry);
  return list;
}

Token::Key& Token::at(const KeyRef& ref) {
  const auto known = keys_.find(ref);
  if (known != keys_.end()) return known->second;
  for (const CK_OBJECT_HANDLE handle : find(session_, kPrivate, ref))
    if (std::optional<Pair> pair = read_pair(handle))
      if (!gone(versions_.read()).contains(ref)) return adopt(std::move(*pair));
  throw Error(Kind::not_found, fmt::format("the token has no key {}", to_text(ref)));
}

Bytes Token::public_key(const KeyRef& ref) {
  return at(ref).entry.spki;
}

Bytes Token::sign(const SignRequest& request) {
  Key& key = at(request.key);
  require_algorithm(request, key.entry.info.spec.algorithm);
  try {
    return sign_with(session_, key.handle, key.entry.info.spec, request);
  } catch (const Error& error) {
    if (error.rv() != CKR_KEY_HANDLE_INVALID && error.rv() != CKR_OBJECT_HANDLE_INVALID) throw;
  }
  forget(request.key);  // another process destroyed the object that we held
  Key& found = at(request.key);
  return sign_with(session_, found.handle, found.entry.info.spec, request);
}

std::set<KeyRef> Token::gone(const VersionRecords& records) const {
  std::set<KeyRef> refs;
  for (const auto& [label, record] : records)
    if (record.gone == Gone::destroyed ||
        (record.gone == Gone::renamed && whole({label, record.version})))
      refs.insert(record.key);
  return refs;
}

bool Token::whole(const KeyRef& ref) const {
  const auto found = find(session_, kPrivate, ref);
  return std::any_of(found.begin(), found.end(),
                     [this](CK_OBJECT_HANDLE handle) { return read_pair(handle).has_value(); });
}

void Token::destroy_objects(const KeyRef& ref) {
  for (const CK_OBJECT_CLASS type : {kPrivate, kPublic})
    for (const CK_OBJECT_HANDLE object : find(session_, type, ref))
      destroy_object(session_, object);
}

VersionRecords Token::clear_away() {
  // Without the user every private object hides, and every public one would seem a half.
  if (!session_.logged_in()) throw Error("C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN);
  const VersionRecords records = versions_.tidy();
  for (const KeyRef& ref : gone(records)) destroy_objects(ref);
  for (const auto& [label, record] : records) {
    clear_half({label, record.version});
    if (record.gone == Gone::renamed) clear_copies(record.key);
  }
  return records;
}

void Token::clear_copies(const KeyRef& ref) {
  for (const CK_OBJECT_CLASS type : {kPrivate, kPublic}) {
    const auto same = find(session_, type, ref);
    for (std::size_t i = 1; i < same.size(); ++i)
      if (const CK_KEY_TYPE key_type = type_of(session_, same[i]);
          material(session_, same[i], key_type) == material(session_, same[0], key_type))
        destroy_object(session_, same[i]);
  }
}

void Token::clear_half(const KeyRef& ref) {
  const auto halves = find(session_, kPrivate, ref);
  const bool all_unfinished =
      std::none_of(halves.begin(), halves.end(),
                   [this](CK_OBJECT_HANDLE handle) { return finished(session_, handle); });
  if (all_unfinished && !keys_.contains(ref)) destroy_objects(ref);
}

std::uint32_t Token::next_version(const std::string& label, const VersionRecords& records) const {
  std::uint32_t last = 0;
  const auto record = records.find(label);
  if (record != records.end()) last = record->second.version;
  for (const CK_OBJECT_CLASS type : {kPrivate, kPublic})
    for (const CK_OBJECT_HANDLE object : find(session_, type))
      if (const std::optional<KeyRef> ref = ref_of(session_, object); ref && ref->label == label)
        last = std::max(last, ref->version);
  ++last;
  while (!shares_ids_ && has_id(session_, last)) ++last;
  return last;
}

Token::Entry Token::generate(const std::string& label, const KeySpec& spec) {
  require_label(label);
  const bool rsa = spec.algorithm == KeyAlgorithm::rsa;
  if (rsa && (spec.bits < 2048 || spec.bits > 4096 || spec.bits % 8 != 0))
    throw Error(Kind::request, "RSA keys have 2048 to 4096 bits");
  if (!rsa) der::curve(spec.bits);
  const KeyRef ref{label, next_version(label, clear_away())};
  versions_.keep(label, {ref.version, Gone::none, {}});
  for (unsigned attempt = 1;; ++attempt) {
    CK_OBJECT_HANDLE made = 0;
    const CK_RV rv = generate_pair(ref, spec, made);
    if (rv != CKR_OK && !is_transient(rv)) throw Error("C_GenerateKeyPair", rv);
    if (rv == CKR_OK)
      if (std::optional<Pair> pair = read_pair(made)) return adopt(std::move(*pair)).entry;
    destroy_objects(ref);  // what the attempt left; nobody knows this version yet
    if (attempt < kTries) continue;
    check(rv, "C_GenerateKeyPair");
    throw Error(Kind::unavailable, "the token made a key pair and does not show it");
  }
}

CK_RV Token::generate_pair(const KeyRef& ref, const KeySpec& spec, CK_OBJECT_HANDLE& made) const {
  const bool rsa = spec.algorithm == KeyAlgorithm::rsa;
  const Name name(ref);
  const CK_ULONG bits = spec.bits;
  const BytesView curve = rsa ? BytesView() : der::curve(spec.bits);
  const std::string start = today();
  static constexpr std::uint8_t exponent[] = {0x01, 0x00, 0x01};
  std::vector<CK_ATTRIBUTE> public_key = {attribute(CKA_TOKEN, kYes), attribute(CKA_VERIFY, kYes),
                                          name.label_attribute(), name.id_attribute()};
  if (rsa) {
    public_key.push_back(attribute(CKA_MODULUS_BITS, bits));
    public_key.push_back(attribute(CKA_PUBLIC_EXPONENT, BytesView(exponent)));
  } else {
    public_key.push_back(attribute(CKA_EC_PARAMS, curve));
  }
  // The public half has the date: SoftHSM writes one into a private object that it cannot read.
  public_key.push_back(attribute(CKA_START_DATE, start));
  std::vector<CK_ATTRIBUTE> private_key = {attribute(CKA_TOKEN, kYes),
                                           attribute(CKA_PRIVATE, kYes),
                                           attribute(CKA_SENSITIVE, kYes),
                                           attribute(CKA_EXTRACTABLE, kNo),
                                           attribute(CKA_SIGN, kYes),
                                           name.label_attribute(),
                                           name.id_attribute(),
                                           attribute(CKA_DECRYPT, kNo),
                                           attribute(CKA_UNWRAP, kNo)};
  CK_MECHANISM mechanism{
      static_cast<CK_MECHANISM_TYPE>(rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN),
      nullptr, 0};
  // What a module may refuse stands last: the date, then the uses that are the default anyway.
  const Sizes attempts[] = {{public_key.size(), private_key.size()},
                            {public_key.size() - 1, private_key.size()},
                            {public_key.size() - 1, private_key.size() - 2}};
  CK_RV rv = CKR_OK;
  for (const Sizes& size : attempts) {
    CK_OBJECT_HANDLE made_public = 0;
    rv = session_.module()->C_GenerateKeyPair(session_.handle(), &mechanism, public_key.data(),
                                              size.public_key, private_key.data(), size.private_key,
                                              &made_public, &made);
    if (!refused(rv)) break;
  }
  return rv;
}

Token::Entry Token::rename(const KeyRef& ref, const std::string& label) {
  require_label(label);
  if (label == ref.label)
    throw Error(Kind::request, fmt::format("the key {} has that label already", to_text(ref)));
  const VersionRecords records = clear_away();
  at(ref);
  const KeyRef renamed{label, next_version(label, records)};
  versions_.keep(label, {renamed.version, Gone::renamed, ref});
  move_objects(ref, renamed);
  forget(ref);
  return at(renamed).entry;
}

/// From the moment on in which the new pair is whole, the record of versions hides the old one.
/// The private object is copied where the module copies: SoftHSM changes an object by emptying its
/// file first, and a crash or a full disk then would lose the key.
void Token::move_objects(const KeyRef& from, const KeyRef& to) {
  const auto old_private = find(session_, kPrivate, from);
  const auto old_public = find(session_, kPublic, from);
  if (old_private.empty() || old_public.empty())
    throw Error(Kind::not_found, fmt::format("the token has no key {}", to_text(from)));
  const Name name(to);
  CK_OBJECT_HANDLE made_public = 0;
  CK_RV rv = copy_under(session_, old_public.front(), name, made_public);
  if (refused(rv)) rv = create_public(session_, old_public.front(), name, made_public);
  if (rv != CKR_OK) refuse_rename(from, to, rv);
  CK_OBJECT_HANDLE made_private = 0;
  rv = copy_under(session_, old_private.front(), name, made_private);
  if (refused(rv)) {
    CK_ATTRIBUTE entries[] = {name.label_attribute(), name.id_attribute()};
    rv = session_.module()->C_SetAttributeValue(session_.handle(), old_private.front(), entries,
                                                std::size(entries));
  }
  if (rv != CKR_OK) {
    destroy_object(session_, made_public);
    refuse_rename(from, to, rv);
  }
  destroy_objects(from);
}

void Token::refuse_rename(const KeyRef& from, const KeyRef& to, CK_RV rv) {
  versions_.keep(to.label, {to.version, Gone::none, {}});
  if (!refused(rv)) throw Error("C_CopyObject", rv);
  throw Error(Kind::request,
              fmt::format("this token cannot give the key {} another label ({}): make a new key "
                          "under the label {} instead; nothing was changed",
                          to_text(from), name_of(rv), to.label),
              std::chrono::seconds(0), rv);
}

void Token::destroy(const KeyRef& ref) {
  const VersionRecords records = clear_away();
  at(ref);
  const auto record = records.find(ref.label);
  const std::uint32_t last =
      std::max(ref.version, record == records.end() ? 0 : record->second.version);
  versions_.keep(ref.label, {last, Gone::destroyed, ref});
  try {
    destroy_objects(ref);
  } catch (const Error& error) {
    if (!is_device_lost(error.rv())) versions_.keep(ref.label, {last, Gone::none, {}});
    throw;
  }
  forget(ref);
}

void Token::forget(const KeyRef& ref) noexcept {
  const auto known = keys_.find(ref);
  if (known == keys_.end()) return;
  if (known->second.entry.copied)
    session_.module()->C_DestroyObject(session_.handle(), known->second.handle);
  keys_.erase(known);
}

}  // namespace ringfence::hsm
