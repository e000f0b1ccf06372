// Every form of certificates that people have, made by the openssl program.
#include "core/crypto/certificate_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Files makes certificates a, b and c and a key with the openssl program.
class CertificateFileTest : public testing::Test {
 protected:
  CertificateFileTest() {
    for (const std::string name : {"a", "b", "c"})
      tool("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=" +
           name + " -keyout " + path(name + ".key") + " -out " + path(name + ".pem"));
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static void tool(const std::string& arguments) {
    const test::ToolResult result = test::run_openssl(arguments);
    ASSERT_EQ(result.status, 0) << arguments << "\n" << result.output;
  }

  Bytes file(const std::string& name) const { return read_file(folder_ / name, 1 << 20); }

  std::string text(const std::string& name) const { return text_of(file(name)); }

  static std::string names(BytesView bytes) {
    std::string names;
    for (const X509Cert& one : read_certificate_file(bytes, 32).certificates)
      names += common_name_of(*one);
    return names;
  }

  static std::string names(const std::string& text) { return names(bytes_of(text)); }

  static std::string found(const std::string& text) {
    return read_certificate_file(bytes_of(text), 32).found;
  }

  static std::string refusal(BytesView bytes, std::size_t at_most = 32) {
    try {
      read_certificate_file(bytes, at_most);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed);
      return error.what();
    }
    return "";
  }

  static std::string refusal(const std::string& text) { return refusal(bytes_of(text)); }

  static std::string utf16(const std::string& text, bool little, bool marked) {
    std::string wide = !marked ? "" : little ? "\xff\xfe" : "\xfe\xff";
    for (const char c : text) {
      if (!little) wide += '\0';
      wide += c;
      if (little) wide += '\0';
    }
    return wide;
  }

  static std::string crlf(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '\n' ? "\r\n" : std::string(1, c);
    return result;
  }

  static std::string body(std::string pem) {
    pem.erase(0, pem.find('\n') + 1);
    return pem.substr(0, pem.find("-----END"));
  }

  test::TemporaryFolder folder_;
};

// A signature's last byte is a line end's in one certificate of 128.
TEST_F(CertificateFileTest, TakesACertificateWhoseLastByteLooksLikeALineEnd) {
  const EvpPkey key(EVP_EC_gen("P-256"));
  for (const std::uint8_t last : {std::uint8_t{'\n'}, std::uint8_t{'\r'}}) {
    const X509Cert certificate =
        share(read_certificate_file(file("a.pem"), 1).certificates.front().get());
    Bytes der;
    for (long serial = 1; der.empty() || der.back() != last; ++serial) {
      ASSERT_LT(serial, 20'000);
      ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
      X509_set_pubkey(certificate.get(), key.get());
      ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
      der = to_der(*certificate);
    }
    EXPECT_EQ(names(der), "a");
    EXPECT_EQ(names(to_pem(*certificate)), "a");
    der.push_back('\n');
    EXPECT_EQ(names(der), "a");
  }
}

TEST_F(CertificateFileTest, ReadsPemWithWhateverStandsAroundIt) {
  const std::string a = text("a.pem");
  const std::string b = text("b.pem");
  EXPECT_EQ(names(a), "a");
  EXPECT_EQ(found(a), "PEM with 1 certificate");
  EXPECT_EQ(names(crlf(a + b)), "ab");
  EXPECT_EQ(found(b + a), "PEM with 2 certificates");
  EXPECT_EQ(names(b + a), "ba");
  EXPECT_EQ(names("\xef\xbb\xbf" + a), "a");
  EXPECT_EQ(
      names("Bag Attributes\n    friendlyName: x\nsubject=/CN=a\n\n" + a + "\n\nissuer=\n" + b),
      "ab");
  EXPECT_EQ(names(a + a), "a");  // twice is once
  std::string spaces = a;
  for (char& c : spaces)
    if (c == '\n') c = ' ';
  EXPECT_EQ(names(spaces), "a");  // a web form's one line
  std::string written;
  for (const char c : a) written += c == '\n' ? "\\n" : std::string(1, c);
  EXPECT_EQ(names(written), "a");  // out of a JSON document
  EXPECT_EQ(names("0 s:CN = a\n" + a), "a");
}

TEST_F(CertificateFileTest, ReadsUtf16) {
  for (const bool little : {true, false})
    for (const bool marked : {true, false})
      EXPECT_EQ(names(utf16(crlf(text("a.pem") + text("b.pem")), little, marked)), "ab")
          << little << marked;
  EXPECT_EQ(found(utf16(text("a.pem"), true, true)), "PEM with 1 certificate (UTF-16 text)");
}

TEST_F(CertificateFileTest, ReadsDerAlsoSeveralInARow) {
  tool("x509 -in " + path("a.pem") + " -outform DER -out " + path("a.der"));
  tool("x509 -in " + path("b.pem") + " -outform DER -out " + path("b.der"));
  Bytes both = file("a.der");
  EXPECT_EQ(names(both), "a");
  EXPECT_EQ(read_certificate_file(both, 1).found, "DER with 1 certificate");
  const Bytes b = file("b.der");
  both.insert(both.end(), b.begin(), b.end());
  EXPECT_EQ(names(both), "ab");
  Bytes cut = b;
  cut.resize(cut.size() - 9);
  EXPECT_THAT(refusal(cut), HasSubstr("neither PEM"));
  Bytes trailing = b;
  trailing.push_back(7);
  EXPECT_THAT(refusal(trailing), HasSubstr("bytes that do not belong to it"));
}

TEST_F(CertificateFileTest, ReadsPkcs7InDerAndPem) {
  const std::string from =
      " -certfile " + path("a.pem") + " -certfile " + path("b.pem") + " -certfile " + path("c.pem");
  tool("crl2pkcs7 -nocrl" + from + " -out " + path("chain.p7b"));
  tool("crl2pkcs7 -nocrl" + from + " -outform DER -out " + path("chain.der"));
  EXPECT_EQ(read_certificate_file(file("chain.p7b"), 32).certificates.size(), 3U);
  EXPECT_EQ(found(text("chain.p7b")), "PKCS#7 in PEM with 3 certificates");
  EXPECT_EQ(read_certificate_file(file("chain.der"), 32).found,
            "PKCS#7 in DER with 3 certificates");
  // As some CAs label it.
  EXPECT_EQ(found("-----BEGIN CERTIFICATE-----\n" + body(text("chain.p7b")) +
                  "-----END CERTIFICATE-----\n"),
            "PKCS#7 in PEM with 3 certificates");
  EXPECT_EQ(found(body(text("chain.p7b"))),
            "PKCS#7 in base64 without header lines with 3 certificates");
  tool("crl2pkcs7 -nocrl -out " + path("none.p7b"));
  EXPECT_THAT(refusal(text("none.p7b")), HasSubstr("PKCS#7 file without certificates"));
  EXPECT_THAT(refusal(file("chain.der"), 2), HasSubstr("more than 2 certificates"));
}

TEST_F(CertificateFileTest, ReadsBase64WithoutHeaderLines) {
  const std::string base64 = body(text("a.pem"));
  EXPECT_EQ(names(base64), "a");
  EXPECT_EQ(names(crlf("\n  " + base64 + "\n")), "a");
  EXPECT_EQ(names("\xef\xbb\xbf" + base64), "a");
  EXPECT_EQ(found(base64), "base64 without header lines with 1 certificate");
  EXPECT_THAT(refusal(base64.substr(0, 200)), HasSubstr("neither PEM"));
}

TEST_F(CertificateFileTest, ReadsTrustedBlocksWithoutTheirTrust) {
  tool("x509 -in " + path("a.pem") + " -trustout -addtrust serverAuth -setalias friend -out " +
       path("t.pem"));
  ASSERT_THAT(text("t.pem"), HasSubstr("BEGIN TRUSTED CERTIFICATE"));
  const CertificateFile read = read_certificate_file(file("t.pem"), 1);
  EXPECT_EQ(common_name_of(*read.certificates.front()), "a");
  EXPECT_THAT(read.notes, testing::ElementsAre(HasSubstr("trust settings")));
}

TEST_F(CertificateFileTest, TakesTheCertificateAndLeavesThePrivateKey) {
  for (const std::string& both : {text("a.key") + text("a.pem"), text("a.pem") + text("a.key")}) {
    const CertificateFile read = read_certificate_file(bytes_of(both), 1);
    EXPECT_EQ(read.certificates.size(), 1U);
    EXPECT_THAT(read.warnings,
                testing::ElementsAre(HasSubstr("private key was in it too. It was not kept")));
  }
  EXPECT_THAT(refusal(text("a.key")), HasSubstr("holds a private key and no certificate"));
  tool("pkcs8 -topk8 -in " + path("a.key") + " -passout pass:x -out " + path("e.key"));
  EXPECT_THAT(refusal(text("e.key")), HasSubstr("an encrypted private key and no certificate"));
  tool("pkcs8 -topk8 -in " + path("a.key") + " -passout pass:x -outform DER -out " + path("e.der"));
  EXPECT_THAT(refusal(file("e.der")), HasSubstr("an encrypted private key and no certificate"));
  tool("pkcs8 -topk8 -nocrypt -in " + path("a.key") + " -outform DER -out " + path("k.der"));
  EXPECT_THAT(refusal(file("k.der")), HasSubstr("a private key and no certificate"));
  // Emptied before it was sent: the key is still named.
  EXPECT_THAT(refusal("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
              HasSubstr("a private key and no certificate"));
}

TEST_F(CertificateFileTest, NamesWhatIsNoCertificate) {
  tool("pkcs12 -export -inkey " + path("a.key") + " -in " + path("a.pem") +
       " -passout pass:x -out " + path("a.p12"));
  EXPECT_THAT(refusal(file("a.p12")), HasSubstr("it is a PKCS#12 file"));
  EXPECT_THAT(refusal(file("a.p12")), HasSubstr("openssl pkcs12 -in FILE -nokeys"));
  EXPECT_THAT(refusal(to_base64(file("a.p12"))), HasSubstr("it is a PKCS#12 file"));
  tool("req -new -key " + path("a.key") + " -subj /CN=a -out " + path("a.csr"));
  EXPECT_THAT(refusal(text("a.csr")), HasSubstr("it is a request for a certificate (PKCS#10)"));
  tool("req -in " + path("a.csr") + " -outform DER -out " + path("csr.der"));
  EXPECT_THAT(refusal(file("csr.der")), HasSubstr("it is a request for a certificate (PKCS#10)"));
  tool("x509 -in " + path("a.pem") + " -pubkey -noout -out " + path("a.pub"));
  EXPECT_THAT(refusal(text("a.pub")), HasSubstr("a bare public key"));
  EXPECT_EQ(refusal(""), "it is empty; there is no certificate in it");
  EXPECT_EQ(refusal(" \r\n\t\n"), "it is empty; there is no certificate in it");
  EXPECT_THAT(refusal("<!DOCTYPE html>\n<html><body>Login"), HasSubstr("a web page (HTML)"));
  EXPECT_THAT(refusal("ssh-rsa AAAA me@here"), HasSubstr("an SSH key"));
  EXPECT_THAT(refusal("PK\x03\x04 something"), HasSubstr("ZIP"));
  EXPECT_THAT(refusal("\x1f\x8b\x08 something"), HasSubstr("gzip"));
  EXPECT_THAT(refusal("hello"), HasSubstr("it is no certificate"));
  EXPECT_THAT(refusal(Bytes(100, 0xff)), HasSubstr("it is no certificate"));
}

TEST_F(CertificateFileTest, NamesARevocationList) {
  write_atomically(folder_ / "index.txt", {});
  write_atomically(folder_ / "ca.cnf",
                   bytes_of("[ca]\ndefault_ca=x\n[x]\ndatabase=" + path("index.txt") +
                            "\ndefault_md=sha256\ndefault_crl_days=9\n"));
  tool("ca -gencrl -config " + path("ca.cnf") + " -keyfile " + path("a.key") + " -cert " +
       path("a.pem") + " -out " + path("a.crl"));
  EXPECT_THAT(refusal(text("a.crl")), HasSubstr("certificate revocation list"));
  const CertificateFile read = read_certificate_file(bytes_of(text("a.crl") + text("a.pem")), 1);
  EXPECT_THAT(read.notes, testing::ElementsAre(HasSubstr("revocation list")));
}

TEST_F(CertificateFileTest, SaysWhereADamagedOneBeginsAndEnds) {
  std::string damaged = text("a.pem");
  damaged.erase(100, 30);
  EXPECT_THAT(refusal(damaged), HasSubstr("a certificate in it is damaged; it reaches from"));
  EXPECT_THAT(refusal(text("a.pem").substr(0, 200)), HasSubstr("damaged"));
  EXPECT_THAT(refusal(text("b.pem") + damaged), HasSubstr("damaged"));
  EXPECT_THAT(refusal(std::string(2 << 20, 'A')), HasSubstr("at most 1048576"));
}

}  // namespace
}  // namespace ringfence::core
