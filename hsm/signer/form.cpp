#include "hsm/signer/form.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "core/base/der.h"
#include "core/base/error.h"

namespace ringfence::hsm {
namespace {

struct NoForm {};

/// require ends the reading of a form that the message does not have.
void require(bool fits) {
  if (!fits) throw NoForm();
}

bool begins_with(BytesView bytes, BytesView head) {
  return bytes.size() >= head.size() && std::equal(head.begin(), head.end(), bytes.begin());
}

/// Der reads elements, and ends the reading where the expected one is not.
class Der {
 public:
  using Element = core::der::Element;

  explicit Der(BytesView bytes) : reader_(bytes) {}

  bool at_end() const noexcept { return reader_.at_end(); }

  bool at(std::uint8_t tag) const noexcept { return reader_.at(tag); }

  Element next() {
    const std::optional<Element> element = reader_.next();
    require(element.has_value());
    return *element;
  }

  Element expect(std::uint8_t tag) {
    require(at(tag));
    return next();
  }

  std::optional<Element> maybe(std::uint8_t tag) {
    return at(tag) ? std::optional(next()) : std::nullopt;
  }

  void end() const { require(at_end()); }

 private:
  core::der::Reader reader_;
};

using namespace core::der;  // the tags

constexpr std::uint8_t kContext0 = 0xa0;
constexpr std::uint8_t kContext3 = 0xa3;
constexpr std::array<std::uint8_t, 2> kIdCe = {0x55, 0x1d};
constexpr std::array<std::uint8_t, 3> kBasicConstraints = {0x55, 0x1d, 0x13};
constexpr std::array<std::uint8_t, 3> kKeyUsage = {0x55, 0x1d, 0x0f};

bool same(BytesView left, BytesView right) {
  return std::ranges::equal(left, right);
}

/// harmless says whether an extension leaves an end entity's certificate one.
bool harmless(BytesView oid, BytesView value) {
  if (!begins_with(oid, kIdCe)) return false;
  Der in(value);
  if (same(oid, kBasicConstraints)) {
    const BytesView inside = in.expect(kSequence).value;
    constexpr std::array<std::uint8_t, 3> kFalse = {kBoolean, 1, 0};
    return in.at_end() && (inside.empty() || same(inside, kFalse));
  }
  if (same(oid, kKeyUsage)) {
    constexpr std::uint8_t kCertSignAndCrlSign = 0x06;
    const BytesView bits = in.expect(kBitString).value;
    return in.at_end() && bits.size() >= 2 && bits[0] <= 7 && (bits[1] & kCertSignAndCrlSign) == 0;
  }
  return true;
}

bool all_harmless(BytesView extensions) {
  Der wrapped(extensions);
  Der list(wrapped.expect(kSequence).value);
  wrapped.end();
  std::set<Bytes> seen;
  while (!list.at_end()) {
    Der extension(list.expect(kSequence).value);
    const BytesView oid = extension.expect(kOid).value;
    extension.maybe(kBoolean);
    const BytesView value = extension.expect(kOctetString).value;
    extension.end();
    if (!seen.emplace(oid.begin(), oid.end()).second || !harmless(oid, value)) return false;
  }
  return true;
}

void require_time(Der& in) {
  require(in.at(kUtcTime) || in.at(kGeneralizedTime));
  in.next();
}

/// RFC 5280 4.1: TBSCertificate.
Form read_certificate(BytesView body) {
  Der in(body);
  const auto version = in.maybe(kContext0);
  in.expect(kInteger);
  in.expect(kSequence);
  const Der::Element issuer = in.expect(kSequence);
  Der validity(in.expect(kSequence).value);
  require_time(validity);
  require_time(validity);
  validity.end();
  const Der::Element subject = in.expect(kSequence);
  in.expect(kSequence);
  const auto extensions = in.maybe(kContext3);
  in.end();
  constexpr std::array<std::uint8_t, 3> kVersion3 = {kInteger, 1, 2};
  const bool end_entity = version && same(version->value, kVersion3) && extensions &&
                          !same(issuer.whole, subject.whole) && all_harmless(extensions->value);
  return end_entity ? Form::certificate : Form::ca_certificate;
}

/// RFC 2986 4.1: CertificationRequestInfo.
Form read_request(BytesView body) {
  constexpr std::array<std::uint8_t, 1> kVersion1 = {0};
  Der in(body);
  require(same(in.expect(kInteger).value, kVersion1));
  in.expect(kSequence);
  in.expect(kSequence);
  in.expect(kContext0);
  in.end();
  return Form::request;
}

/// RFC 5280 5.1: TBSCertList.
Form read_crl(BytesView body) {
  constexpr std::array<std::uint8_t, 1> kVersion2 = {1};
  Der in(body);
  require(same(in.expect(kInteger).value, kVersion2));
  in.expect(kSequence);
  in.expect(kSequence);
  require_time(in);
  if (in.at(kUtcTime) || in.at(kGeneralizedTime)) in.next();
  in.maybe(kSequence);
  in.maybe(kContext0);
  in.end();
  return Form::crl;
}

/// attempt returns nothing where the message does not have the form that is read.
template <typename Read>
auto attempt(const Read& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const NoForm&) {
    return std::nullopt;
  } catch (const core::Error&) {  // core::Reader came to the end
    return std::nullopt;
  }
}

/// der_form reads a message that is one SEQUENCE; nothing when it is none.
std::optional<Form> der_form(BytesView message) {
  const auto body = [&] {
    Der in(message);
    const BytesView value = in.expect(kSequence).value;
    in.end();
    return value;
  };
  const std::optional<BytesView> inside = attempt(body);
  if (!inside) return std::nullopt;
  for (const auto& read : {read_certificate, read_request, read_crl})
    if (const auto form = attempt([&] { return read(*inside); })) return form;
  return Form::other;
}

constexpr std::array<std::uint8_t, 3> kHeaderBegins = {1, 0, 2};  // Version: tag 1, two bytes

/// read_file_header reads the header of a signed file without its signature element, which is not
/// signed: version 1.0, a name that is no trust list's, and behind it XML. Elements stand as in
/// core/trust/header.cpp.
Form read_file_header(BytesView message) {
  constexpr std::array<std::uint8_t, 8> kVersion = {1, 0, 2, 1, 0, 2, 0, 2};
  require(begins_with(message, kVersion));
  core::Reader reader(message);
  reader.take(kVersion.size(), "version");
  const std::size_t length = reader.u16("header length");
  const auto taken = [&] { return message.size() - reader.left(); };
  std::size_t signature = 0;
  bool named = false;
  // The announced length counts the signature element, whose size the modulus code tells.
  while (signature == 0 || taken() + signature < length) {
    const std::uint8_t tag = reader.u8("tag");
    if (tag == 13) continue;  // padding
    const std::size_t size = reader.u16("length");
    const BytesView value = reader.take(size, "value");
    if (tag == 7) {  // SIGNATUREINFO ends in the modulus code
      constexpr std::array<std::size_t, 4> kSignatureBytes = {64, 128, 256, 512};
      require(!value.empty() && value.back() < kSignatureBytes.size());
      signature = 3 + kSignatureBytes[value.back()];
    } else if (tag == 14) {  // FILENAME
      const std::string text = core::text_of(value);
      require(!text.starts_with("ITL") && !text.starts_with("CTL") &&
              text.find(".tlv") == std::string::npos);
      named = true;
    } else {
      require(tag == 3 || tag == 15);  // SIGNERID, TIMESTAMP
    }
  }
  require(named && taken() + signature == length);
  require(reader.u8("document") == '<');
  return Form::file;
}

bool is_certificate_verify(BytesView message) {
  constexpr std::string_view kContext = "TLS 1.3, server CertificateVerify";
  constexpr std::size_t kSpaces = 64;
  const std::size_t head = kSpaces + kContext.size() + 1;
  if (message.size() <= head) return false;
  const std::size_t hash = message.size() - head;
  return (hash == 32 || hash == 48 || hash == 64) &&
         std::ranges::all_of(message.first(kSpaces),
                             [](std::uint8_t byte) { return byte == ' '; }) &&
         std::equal(kContext.begin(), kContext.end(), message.begin() + kSpaces) &&
         message[head - 1] == 0;
}

/// is_ec_exchange: curve type 3, a curve of ours, and a point as long as the curve has it.
bool is_ec_exchange(BytesView parameters) {
  struct Curve {
    std::uint16_t code;
    std::uint8_t point;
  };

  // x25519, x448, P-256, P-384, P-521 (RFC 8422 5.1.1)
  constexpr std::array<Curve, 5> kCurves = {{{29, 32}, {30, 56}, {23, 65}, {24, 97}, {25, 133}}};
  if (parameters.size() < 4 || parameters[0] != 3) return false;
  const std::uint16_t code = core::Reader(parameters.subspan(1)).u16("curve");
  return std::ranges::any_of(kCurves, [&](const Curve& curve) {
    return curve.code == code && parameters[3] == curve.point &&
           parameters.size() == 4U + curve.point;
  });
}

/// is_dh_exchange: p of 1024 to 8192 bits, g, and a public value that is no longer than p.
bool is_dh_exchange(BytesView parameters) {
  core::Reader reader(parameters);
  std::array<std::size_t, 3> sizes{};
  for (std::size_t& size : sizes) {
    size = reader.u16("length");
    reader.take(size, "number");
  }
  return reader.empty() && sizes[0] >= 128 && sizes[0] <= 1024 && sizes[1] > 0 &&
         sizes[1] <= sizes[0] && sizes[2] > 0 && sizes[2] <= sizes[0];
}

bool is_key_exchange(BytesView message) {
  constexpr std::size_t kRandoms = 64;
  if (message.size() <= kRandoms) return false;
  const BytesView parameters = message.subspan(kRandoms);
  return is_ec_exchange(parameters) || is_dh_exchange(parameters);
}

}  // namespace

std::string_view name(Form form) noexcept {
  switch (form) {
    case Form::tls: return "tls";
    case Form::certificate: return "certificate";
    case Form::ca_certificate: return "ca_certificate";
    case Form::request: return "request";
    case Form::crl: return "crl";
    case Form::file: return "file";
    case Form::trust_list: return "trust_list";
    case Form::other: return "other";
    case Form::digest: return "digest";
  }
  return "";
}

std::string_view phrase(Form form) noexcept {
  switch (form) {
    case Form::tls: return "a TLS handshake";
    case Form::certificate: return "a certificate";
    case Form::ca_certificate: return "a certificate authority's certificate";
    case Form::request: return "a certificate signing request";
    case Form::crl: return "a revocation list";
    case Form::file: return "a configuration file";
    case Form::trust_list: return "a trust list";
    case Form::other: return "what it shows";
    case Form::digest: return "what it does not show";
  }
  return "";
}

Form form_of(BytesView message) noexcept {
  if (message.empty()) return Form::digest;
  if (begins_with(message, kHeaderBegins))
    return attempt([&] { return read_file_header(message); }).value_or(Form::trust_list);
  if (const auto form = der_form(message)) return *form;
  const bool exchange = attempt([&] { return is_key_exchange(message); }).value_or(false);
  return is_certificate_verify(message) || exchange ? Form::tls : Form::other;
}

}  // namespace ringfence::hsm
