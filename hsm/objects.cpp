#include "hsm/objects.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "hsm/der.h"
#include "hsm/error.h"
#include "hsm/key_id.h"

namespace ringfence::hsm::objects {
namespace {

constexpr unsigned kCopyTries = 3;  // of a copy that fails with a passing code
constexpr CK_BBOOL kYes = CK_TRUE;
constexpr CK_BBOOL kNo = CK_FALSE;

bool is(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const std::optional<Bytes> value = session.attribute_if(object, type);
  return value && !value->empty() && value->front() == CK_TRUE;
}

/// today returns CK_DATE's eight digits, in UTC.
std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}{:02}{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

/// Sizes are how much of two templates is used.
struct Sizes {
  std::size_t public_key;
  std::size_t private_key;
};

}  // namespace

Name::Name(const KeyRef& ref) : label(ref.label), id(id_of(ref.version)) {}

std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type) {
  return session.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, kYes)});
}

std::vector<CK_OBJECT_HANDLE> find(const Session& session, const CK_OBJECT_CLASS& type,
                                   const KeyRef& ref) {
  const Name name(ref);
  return session.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, kYes),
                       name.label_attribute(), name.id_attribute()});
}

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

std::optional<KeyRef> ref_of(const Session& session, CK_OBJECT_HANDLE object) {
  const std::optional<Bytes> label = session.attribute_if(object, CKA_LABEL);
  const std::optional<Bytes> id = session.attribute_if(object, CKA_ID);
  if (!label || !id || id->size() != kIdBytes) return std::nullopt;
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

std::optional<Bytes> material(const Session& session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
  return session.attribute_if(object, type == CKK_RSA ? CKA_MODULUS : CKA_EC_PARAMS);
}

bool finished(const Session& session, CK_OBJECT_HANDLE private_key) {
  const std::optional<Bytes> own = material(session, private_key, type_of(session, private_key));
  return !own || !own->empty();
}

std::string start_date(const Session& session, CK_OBJECT_HANDLE object) {
  const std::optional<Bytes> date = session.attribute_if(object, CKA_START_DATE);
  if (!date || date->size() != 8) return "";
  const std::string digits(date->begin(), date->end());
  return digits.substr(0, 4) + '-' + digits.substr(4, 2) + '-' + digits.substr(6);
}

bool refused(CK_RV rv) noexcept {
  return rv != CKR_OK && kind_of(rv) == Kind::request;
}

CK_RV generate_pair(const Session& session, const KeyRef& ref, const KeySpec& spec,
                    CK_OBJECT_HANDLE& made) {
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
    rv = session.module()->C_GenerateKeyPair(session.handle(), &mechanism, public_key.data(),
                                             size.public_key, private_key.data(), size.private_key,
                                             &made_public, &made);
    if (!refused(rv)) break;
  }
  return rv;
}

std::optional<CK_OBJECT_HANDLE> copy_for_session(const Session& session, CK_OBJECT_HANDLE key) {
  CK_ATTRIBUTE entry = attribute(CKA_TOKEN, kNo);
  CK_OBJECT_HANDLE copy = 0;
  CK_RV rv = CKR_GENERAL_ERROR;
  for (unsigned attempt = 0; attempt < kCopyTries && is_transient(rv); ++attempt)
    rv = session.module()->C_CopyObject(session.handle(), key, &entry, 1, &copy);
  if (rv != CKR_OK) return std::nullopt;
  if (is(session, copy, CKA_SENSITIVE) && !is(session, copy, CKA_EXTRACTABLE)) return copy;
  session.module()->C_DestroyObject(session.handle(), copy);
  return std::nullopt;
}

void destroy_object(const Session& session, CK_OBJECT_HANDLE object) {
  check(session.module()->C_DestroyObject(session.handle(), object), "C_DestroyObject");
}

}  // namespace ringfence::hsm::objects
