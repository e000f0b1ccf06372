#include "hsm/token.h"

#include <algorithm>

#include <fmt/format.h>

#include "hsm/der.h"
#include "hsm/error.h"
#include "hsm/objects.h"
#include "hsm/signature.h"

namespace ringfence::hsm {
namespace {

using namespace objects;

constexpr unsigned kGenerationTries = 3;  // of a key generation that fails with a passing code

void require_label(const std::string& label) {
  if (!is_label(label))
    throw Error(Kind::request, "a key's label has 1 to 64 of the letters A-Z a-z 0-9 . _ -");
}

}  // namespace

Token::Token(const Module& module, const Slot& slot, BytesView pin, std::filesystem::path versions,
             Versions::Sync sync)
    : session_(module, slot.id),
      versions_(session_, std::move(versions), std::move(sync)),
      shares_ids_(module.library().starts_with("SoftHSM")) {
  session_.login(User::user, pin);
  load();
}

void Token::load() {
  const std::set<KeyRef> hidden = gone(versions_.read());
  for (const CK_OBJECT_HANDLE handle : hsm::find(session_, kPrivate)) {
    std::optional<Pair> pair = read_pair(handle);
    if (pair && !hidden.contains(pair->entry.info.ref)) adopt(std::move(*pair));
  }
}

std::optional<Token::Pair> Token::read_pair(CK_OBJECT_HANDLE private_key) const {
  const std::optional<KeyRef> ref = ref_of(session_, private_key);
  if (!ref) return std::nullopt;
  const auto found = hsm::find(session_, kPublic, *ref);
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
  pair.entry.since = start_date(session_, public_key);
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
  for (const CK_OBJECT_HANDLE handle : hsm::find(session_, kPrivate, ref))
    if (std::optional<Pair> pair = read_pair(handle))
      if (!gone(versions_.read()).contains(ref)) return adopt(std::move(*pair));
  throw Error(Kind::not_found, fmt::format("the token has no key {}", to_text(ref)));
}

const Token::Entry& Token::find(const KeyRef& ref) {
  return at(ref).entry;
}

Bytes Token::sign(const SignRequest& request) {
  Key& key = at(request.key);
  try {
    return make_signature(session_, key.handle, key.entry.info.spec, request);
  } catch (const Error& error) {
    if (error.rv() != CKR_KEY_HANDLE_INVALID && error.rv() != CKR_OBJECT_HANDLE_INVALID) throw;
  }
  forget(request.key);  // another process destroyed the object that we held
  Key& found = at(request.key);
  return make_signature(session_, found.handle, found.entry.info.spec, request);
}

std::set<KeyRef> Token::gone(const VersionRecords& records) const {
  std::set<KeyRef> refs;
  for (const auto& [label, record] : records)
    if (record.destroyed) refs.insert(*record.destroyed);
  return refs;
}

void Token::destroy_objects(const KeyRef& ref) {
  for (const CK_OBJECT_CLASS type : {kPrivate, kPublic})
    for (const CK_OBJECT_HANDLE object : hsm::find(session_, type, ref))
      destroy_object(session_, object);
}

VersionRecords Token::clear_away() {
  // Without the user every private object hides, and every public one would seem a half.
  if (!session_.logged_in()) throw Error("C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN);
  VersionRecords records = versions_.tidy();
  for (const KeyRef& ref : gone(records)) destroy_objects(ref);
  for (const auto& [label, record] : records) clear_half({label, record.version});
  return records;
}

void Token::clear_half(const KeyRef& ref) {
  const auto halves = hsm::find(session_, kPrivate, ref);
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
    for (const CK_OBJECT_HANDLE object : hsm::find(session_, type))
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
  versions_.keep(label, {ref.version, {}});
  for (unsigned attempt = 1;; ++attempt) {
    CK_OBJECT_HANDLE made = 0;
    const CK_RV rv = generate_pair(session_, ref, spec, made);
    if (rv != CKR_OK && !is_transient(rv)) throw Error("C_GenerateKeyPair", rv);
    if (rv == CKR_OK)
      if (std::optional<Pair> pair = read_pair(made)) return adopt(std::move(*pair)).entry;
    destroy_objects(ref);  // what the attempt left; nobody knows this version yet
    if (attempt < kGenerationTries) continue;
    check(rv, "C_GenerateKeyPair");
    throw Error(Kind::unavailable, "the token made a key pair and does not show it");
  }
}

void Token::destroy(const KeyRef& ref) {
  const VersionRecords records = clear_away();
  at(ref);
  const auto record = records.find(ref.label);
  const std::uint32_t last =
      std::max(ref.version, record == records.end() ? 0 : record->second.version);
  versions_.keep(ref.label, {last, ref});
  try {
    destroy_objects(ref);
  } catch (const Error& error) {
    if (!is_device_lost(error.rv())) versions_.keep(ref.label, {last, {}});
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
