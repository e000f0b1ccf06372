// Messages that a role may want signed, and those that only look like them.
#include "hsm/signer/form.h"

#include <string>

#include <gtest/gtest.h>

#include "hsm/signer/signature_counts.h"

namespace ringfence::hsm {
namespace {

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes element(std::uint8_t tag, const Bytes& value) {
  Bytes head{tag};
  if (value.size() > 255) {
    head = head + Bytes{0x82, static_cast<std::uint8_t>(value.size() >> 8)};
  } else if (value.size() > 127) {
    head.push_back(0x81);
  }
  head.push_back(static_cast<std::uint8_t>(value.size()));
  return head + value;
}

Bytes sequence(const Bytes& value) {
  return element(0x30, value);
}

Bytes text(std::string_view words) {
  return {words.begin(), words.end()};
}

/// name_of is a Name with one CN.
Bytes name_of(std::string_view common) {
  return sequence(
      element(0x31, sequence(Bytes{0x06, 0x03, 0x55, 0x04, 0x03} + element(0x0c, text(common)))));
}

Bytes extension(const Bytes& oid, const Bytes& value) {
  return sequence(element(0x06, oid) + element(0x04, value));
}

const Bytes kBasicConstraints = {0x55, 0x1d, 0x13};
const Bytes kKeyUsage = {0x55, 0x1d, 0x0f};
const Bytes kNotCa = extension(kBasicConstraints, {0x30, 0x00});
const Bytes kCa = extension(kBasicConstraints, {0x30, 0x03, 0x01, 0x01, 0xff});
const Bytes kSigns = extension(kKeyUsage, {0x03, 0x02, 0x05, 0xa0});
const Bytes kAlgorithm = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                          0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
const Bytes kVersion3 = {0xa0, 0x03, 0x02, 0x01, 0x02};
const Bytes kSerial = {0x02, 0x01, 0x40};
const Bytes kTime = element(0x17, text("261128070000Z"));
const Bytes kKey = sequence(kAlgorithm + Bytes{0x03, 0x02, 0x00, 0x01});

struct Parts {
  Bytes version = kVersion3;
  Bytes issuer = name_of("CAPF-1a2b3c4d");
  Bytes subject = name_of("SEP001122334455");
  Bytes extensions = kNotCa + kSigns;
};

Bytes certificate(const Parts& parts) {
  return sequence(parts.version + kSerial + kAlgorithm + parts.issuer + sequence(kTime + kTime) +
                  parts.subject + kKey +
                  (parts.extensions.empty() ? Bytes() : element(0xa3, sequence(parts.extensions))));
}

Form form_with(const Bytes& extensions) {
  Parts parts;
  parts.extensions = extensions;
  return form_of(certificate(parts));
}

TEST(FormTest, OfAnLscIsACertificate) {
  EXPECT_EQ(form_of(certificate({})), Form::certificate);
  EXPECT_EQ(form_with(kSigns), Form::certificate) << "basicConstraints may be absent";
  EXPECT_EQ(form_with(extension(kBasicConstraints, {0x30, 0x03, 0x01, 0x01, 0x00}) + kSigns),
            Form::certificate);
}

TEST(FormTest, OfWhatCouldSignOthersIsAnAuthoritys) {
  EXPECT_EQ(form_with(kCa + kSigns), Form::ca_certificate);
  EXPECT_EQ(form_with(kNotCa + kCa), Form::ca_certificate) << "twice";
  EXPECT_EQ(form_with(extension(kBasicConstraints, {0x30, 0x03, 0x02, 0x01, 0x05})),
            Form::ca_certificate)
      << "a path length alone";
  EXPECT_EQ(form_with(kNotCa + extension(kKeyUsage, {0x03, 0x02, 0x02, 0x04})),
            Form::ca_certificate)
      << "keyCertSign";
  EXPECT_EQ(form_with(kNotCa + extension(kKeyUsage, {0x03, 0x02, 0x01, 0x02})),
            Form::ca_certificate)
      << "cRLSign";
  EXPECT_EQ(form_with(kNotCa + extension({0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01},
                                         {0x03, 0x02, 0x00, 0x07})),
            Form::ca_certificate)
      << "Netscape's certificate type";
  EXPECT_EQ(form_with({}), Form::ca_certificate) << "no extensions";
  Parts first_version;
  first_version.version = {};
  EXPECT_EQ(form_of(certificate(first_version)), Form::ca_certificate);
  Parts own;
  own.subject = own.issuer;
  EXPECT_EQ(form_of(certificate(own)), Form::ca_certificate);
}

TEST(FormTest, OfAnythingButWholeDerIsNoCertificate) {
  const Bytes whole = certificate({});
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(form_of(BytesView(whole).first(size)), Form::other) << size;
  EXPECT_EQ(form_of(whole + Bytes{0}), Form::other);
  Bytes long_form = whole;
  long_form.insert(long_form.begin() + 1, 0x83);  // BER, as lax readers take it
  EXPECT_EQ(form_of(long_form), Form::other);
  EXPECT_EQ(form_of({}), Form::digest);
}

TEST(FormTest, OfRequestsAndRevocationLists) {
  EXPECT_EQ(form_of(sequence(Bytes{0x02, 0x01, 0x00} + name_of("SEP1") + kKey + element(0xa0, {}))),
            Form::request);
  EXPECT_EQ(form_of(sequence(Bytes{0x02, 0x01, 0x01} + kAlgorithm + name_of("CAPF") + kTime)),
            Form::crl);
  EXPECT_EQ(form_of(sequence(Bytes{0x02, 0x01, 0x01} + kAlgorithm)), Form::other);
}

Bytes verify_content(std::string_view context, std::size_t hash) {
  return Bytes(64, ' ') + text(context) + Bytes{0} + Bytes(hash, 0x5a);
}

TEST(FormTest, OfAServersCertificateVerify) {
  EXPECT_EQ(form_of(verify_content("TLS 1.3, server CertificateVerify", 32)), Form::tls);
  EXPECT_EQ(form_of(verify_content("TLS 1.3, server CertificateVerify", 48)), Form::tls);
  EXPECT_EQ(form_of(verify_content("TLS 1.3, server CertificateVerify", 33)), Form::other);
  EXPECT_EQ(form_of(verify_content("TLS 1.3, client CertificateVerify", 32)), Form::other);
}

TEST(FormTest, OfAServersKeyExchange) {
  const Bytes randoms(64, 0x11);
  const Bytes p256 = Bytes{3, 0, 23, 65} + Bytes(65, 4);
  EXPECT_EQ(form_of(randoms + p256), Form::tls);
  EXPECT_EQ(form_of(randoms + Bytes{3, 0, 29, 32} + Bytes(32, 9)), Form::tls);
  EXPECT_EQ(form_of(randoms + p256 + Bytes{0}), Form::other);
  EXPECT_EQ(form_of(randoms + Bytes{3, 0, 23, 32} + Bytes(32, 4)), Form::other);
  EXPECT_EQ(form_of(randoms + Bytes{1, 0, 23, 65} + Bytes(65, 4)), Form::other);
  const Bytes dh = Bytes{1, 0} + Bytes(256, 0xff) + Bytes{0, 1, 2, 1, 0} + Bytes(256, 7);
  EXPECT_EQ(form_of(randoms + dh), Form::tls);
  EXPECT_EQ(form_of(randoms + Bytes{0, 1, 5, 0, 1, 2, 0, 1, 3}), Form::other) << "a toy prime";
}

/// Randoms are the caller's: they must not make a certificate or a file of a key exchange.
TEST(FormTest, OfAKeyExchangeIsNeverAnotherFormsToo) {
  const Bytes dh = Bytes{1, 0} + Bytes(256, 0xff) + Bytes{0, 1, 2, 1, 0} + Bytes(256, 7);
  Bytes as_der = Bytes(64, 0x11) + dh;
  const std::size_t inside = as_der.size() - 4;
  as_der[0] = 0x30;
  as_der[1] = 0x82;
  as_der[2] = static_cast<std::uint8_t>(inside >> 8);
  as_der[3] = static_cast<std::uint8_t>(inside);
  EXPECT_EQ(form_of(as_der), Form::other);
  Bytes as_file = Bytes(64, 0x11) + dh;
  as_file[0] = 1;
  as_file[1] = 0;
  as_file[2] = 2;
  EXPECT_EQ(form_of(as_file), Form::trust_list);
}

/// header is a file's header as it is signed: its signature element (3 + 256 bytes) is missing.
Bytes header(std::uint8_t minor, std::string_view file_name) {
  Bytes elements = {3, 0, 4,  1, 2, 3, 4,                                      // SIGNERID
                    7, 0, 15, 8, 0, 1, 1, 9, 0, 8, 10, 0, 1, 0, 11, 0, 1, 2};  // SIGNATUREINFO
  elements = elements + Bytes{14, 0, static_cast<std::uint8_t>(file_name.size() + 1)} +
             text(file_name) + Bytes{0} + Bytes{15, 0, 4, 1, 2, 3, 4, 13, 13};
  const std::size_t length = 10 + elements.size() + 3 + 256;
  return Bytes{1,
               0,
               2,
               1,
               minor,
               2,
               0,
               2,
               static_cast<std::uint8_t>(length >> 8),
               static_cast<std::uint8_t>(length)} +
         elements;
}

TEST(FormTest, OfAConfigurationFileIsItsHeaderAndXml) {
  const Bytes plain = header(0, "SEP001122334455.cnf.xml");
  EXPECT_EQ(form_of(plain + text("<device/>")), Form::file);
  EXPECT_EQ(form_of(plain), Form::trust_list) << "nothing behind the header";
  EXPECT_EQ(form_of(plain + Bytes{1, 0, 2, 0, 9}), Form::trust_list) << "records";
  EXPECT_EQ(form_of(header(2, "SEP001122334455.cnf.xml") + text("<device/>")), Form::trust_list);
  EXPECT_EQ(form_of(header(0, "ITLFile.tlv") + text("<device/>")), Form::trust_list);
  EXPECT_EQ(form_of(header(0, "CTLSEP001122334455") + text("<device/>")), Form::trust_list);
  for (std::size_t size = 3; size < plain.size(); ++size)
    EXPECT_EQ(form_of(BytesView(plain).first(size)), Form::trust_list) << size;
}

TEST(SignatureCountsTest, HoldOneLineASecondOfEachKind) {
  using Clock = SignatureCounts::Clock;
  SignatureCounts counts;
  const Clock::time_point start{};
  const auto after = [&](int ms) { return start + std::chrono::milliseconds(ms); };
  counts.add("capf", Form::tls, {"CAPF", 1}, start);
  EXPECT_EQ(counts.next_due(), std::nullopt) << "handshakes are counted only";
  for (int i = 0; i < 3; ++i) counts.add("capf", Form::certificate, {"CAPF", 1}, after(100 + i));
  EXPECT_TRUE(counts.due(after(1000)).empty());
  EXPECT_EQ(counts.due(after(1100)),
            std::vector<std::string>{
                "SIGNER_SIGNED role=capf form=certificate key=CAPF/1 count=3 total=3"});
  counts.add("capf", Form::certificate, {"CAPF", 2}, after(5000));
  EXPECT_EQ(counts.all(),
            std::vector<std::string>{
                "SIGNER_SIGNED role=capf form=certificate key=CAPF/2 count=1 total=4"});
  EXPECT_EQ(counts.totals(),
            (std::vector<SignatureCount>{{"capf", "tls", 1}, {"capf", "certificate", 4}}));
}

}  // namespace
}  // namespace ringfence::hsm
