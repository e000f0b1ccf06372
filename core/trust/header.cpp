// The header that trust lists and signed files begin with, and their signature.
#include <array>
#include <bitset>

#include <fmt/format.h>
#include <openssl/err.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/trust/text_element.h"
#include "core/trust/tlv.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {
namespace {

enum Tag : std::uint8_t {
  kVersion = 1,
  kHeaderLength = 2,
  kSignerId = 3,
  kSignerName = 4,
  kSerialNumber = 5,
  kCaName = 6,
  kSignatureInfo = 7,
  kDigestAlgorithm = 8,
  kSignatureAlgorithmInfo = 9,
  kSignatureAlgorithm = 10,
  kSignatureModulus = 11,
  kSignature = 12,
  kPadding = 13,
  kFileName = 14,
  kTimestamp = 15,
  kSignerVersion = 28,
};

/// Lengths of the elements before SIGNERID: version and header length, five bytes each.
constexpr std::size_t kPreambleBytes = 10;

/// Located is a header with the place of its signature element in the file.
struct Located {
  Header header;
  std::size_t signature_at = 0;
  std::size_t signature_end = 0;
};

std::uint8_t modulus_code(std::size_t signature_bytes) {
  switch (signature_bytes) {
    case 64: return 0;
    case 128: return 1;
    case 256: return 2;
    case 512: return 3;
    default:
      throw Error(Code::malformed, fmt::format("a signature of {} bytes has no modulus code, 64, "
                                               "128, 256 and 512 have",
                                               signature_bytes));
  }
}

std::uint8_t digest_code(Digest digest) {
  switch (digest) {
    case Digest::sha1: return 1;
    case Digest::sha256: return 2;
    case Digest::sha512: return 3;
    case Digest::md5:
    case Digest::sha384: break;
  }
  throw Error(Code::refused, "files are signed with SHA-1, SHA-256 or SHA-512 only");
}

const char* digest_name(std::uint8_t code) {
  switch (code) {
    case 1: return "SHA1";
    case 2: return "SHA2-256";
    case 3: return "SHA2-512";
    default: throw Error(Code::malformed, fmt::format("DIGESTALGORTITHM {} is unknown", code));
  }
}

Element expect_element(Reader& reader, std::uint8_t tag, std::string_view what) {
  const Element element = next_element(reader, what);
  if (element.tag != tag)
    throw Error(Code::malformed, fmt::format("{} (tag {}) is missing: tag {} stands in its place",
                                             what, +tag, element.tag));
  return element;
}

std::uint8_t expect_u8(Reader& reader, std::uint8_t tag, std::string_view what) {
  const Element element = expect_element(reader, tag, what);
  if (element.value.size() != 1)
    throw Error(Code::malformed, fmt::format("{} must be one byte long", what));
  return element.value[0];
}

/// The containers' lengths count what is inside them; they hold nothing else.
void expect_end(const Reader& reader, std::string_view what) {
  if (!reader.empty()) throw Error(Code::malformed, fmt::format("{} is too long", what));
}

void read_signer_id(BytesView value, SignerName& signer) {
  Reader reader(value);
  signer.subject = text_in(expect_element(reader, kSignerName, "SIGNERNAME"), "SIGNERNAME");
  const BytesView serial = expect_element(reader, kSerialNumber, "SERIALNUMBER").value;
  signer.serial.assign(serial.begin(), serial.end());
  signer.issuer = text_in(expect_element(reader, kCaName, "CANAME"), "CANAME");
  expect_end(reader, "SIGNERID");
}

void read_signature_info(BytesView value, Header& header) {
  Reader reader(value);
  header.digest_algorithm = expect_u8(reader, kDigestAlgorithm, "DIGESTALGORTITHM");
  const Element inner = expect_element(reader, kSignatureAlgorithmInfo, "SIGNATUREALGOINFO");
  expect_end(reader, "SIGNATUREINFO");
  Reader inner_reader(inner.value);
  header.signature_algorithm = expect_u8(inner_reader, kSignatureAlgorithm, "SIGNATUREALGORTITHM");
  header.signature_modulus = expect_u8(inner_reader, kSignatureModulus, "SIGNATUREMODULUS");
  expect_end(inner_reader, "SIGNATUREALGOINFO");
}

/// skip_padding takes the padding bytes at the reader's front. "0d 00 00" is padding as well: who
/// pads with whole elements writes it for three bytes.
void skip_padding(Reader& reader) {
  while (!reader.empty() && reader.rest()[0] == kPadding) {
    reader.u8("padding");
    if (reader.left() >= 2 && reader.rest()[0] == 0 && reader.rest()[1] == 0)
      reader.take(2, "padding");
  }
}

std::string_view header_element_name(std::uint8_t tag) {
  switch (tag) {
    case kSignerId: return "SIGNERID";
    case kSignatureInfo: return "SIGNATUREINFO";
    case kSignature: return "SIGNATURE";
    case kFileName: return "FILENAME";
    case kTimestamp: return "TIMESTAMP";
    case kSignerVersion: return "signer version";
    default: return "header element";
  }
}

void read_header_element(const Element& element, Header& header) {
  switch (element.tag) {
    case kSignerId: read_signer_id(element.value, header.signer); break;
    case kSignatureInfo: read_signature_info(element.value, header); break;
    case kSignature: header.signature.assign(element.value.begin(), element.value.end()); break;
    case kFileName: header.file_name = text_in(element, "FILENAME"); break;
    case kTimestamp: {
      if (element.value.size() != 4)
        throw Error(Code::malformed, "TIMESTAMP must be four bytes long");
      Reader seconds(element.value);
      header.timestamp = from_seconds(seconds.u32("TIMESTAMP"));
      break;
    }
    case kSignerVersion: break;
    default:
      throw Error(Code::malformed,
                  fmt::format("the header has an unknown element {}", element.tag));
  }
}

Located locate(BytesView file) {
  Located located;
  Header& header = located.header;
  Reader preamble(file);
  const Element version = expect_element(preamble, kVersion, "Version");
  const Element length = expect_element(preamble, kHeaderLength, "HeaderLength");
  if (version.value.size() != 2 || length.value.size() != 2)
    throw Error(Code::malformed, "Version and HeaderLength must be two bytes long");
  header.version_major = version.value[0];
  header.version_minor = version.value[1];
  header.length = static_cast<std::uint16_t>(length.value[0] << 8 | length.value[1]);
  if (header.length < kPreambleBytes || header.length > file.size())
    throw Error(Code::malformed, fmt::format("HeaderLength is {}, but the file has {} bytes",
                                             header.length, file.size()));

  Reader reader(file.subspan(kPreambleBytes, header.length - kPreambleBytes));
  std::bitset<256> seen;
  for (skip_padding(reader); !reader.empty(); skip_padding(reader)) {
    const std::uint8_t tag = reader.rest()[0];
    const std::size_t at = header.length - reader.left();
    const Element element = next_element(reader, header_element_name(tag));
    if (seen.test(tag))
      throw Error(Code::malformed, fmt::format("{} is repeated", header_element_name(tag)));
    seen.set(tag);
    read_header_element(element, header);
    if (tag != kSignature) continue;
    located.signature_at = at;
    located.signature_end = header.length - reader.left();
  }
  for (const std::uint8_t tag : {kSignerId, kSignatureInfo, kSignature, kFileName, kTimestamp})
    if (!seen.test(tag))
      throw Error(Code::malformed, fmt::format("{} is missing", header_element_name(tag)));
  if (header.signature_modulus != modulus_code(header.signature.size()))
    throw Error(Code::malformed, fmt::format("SIGNATUREMODULUS is {}, but SIGNATURE has {} bytes",
                                             header.signature_modulus, header.signature.size()));
  return located;
}

Bytes signature_over(BytesView head, BytesView tail, BytesView rest, const FileSigner& signer,
                     std::uint8_t digest) {
  const EvpMdCtx context(ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  ensure(EVP_DigestSignInit_ex(context.get(), nullptr, digest_name(digest), signer.context, nullptr,
                               signer.key, nullptr) == 1,
         "EVP_DigestSignInit_ex");
  for (const BytesView part : {head, tail, rest})
    ensure(EVP_DigestSignUpdate(context.get(), part.data(), part.size()) == 1,
           "EVP_DigestSignUpdate");
  std::size_t length = 0;
  ensure(EVP_DigestSignFinal(context.get(), nullptr, &length) == 1, "EVP_DigestSignFinal");
  Bytes signature(length);
  ensure(EVP_DigestSignFinal(context.get(), signature.data(), &length) == 1, "EVP_DigestSignFinal");
  signature.resize(length);
  return signature;
}

bool signature_fits(BytesView file, const Located& located, EVP_PKEY& key) {
  const EvpMdCtx context(ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  ensure(
      EVP_DigestVerifyInit_ex(context.get(), nullptr, digest_name(located.header.digest_algorithm),
                              nullptr, nullptr, &key, nullptr) == 1,
      "EVP_DigestVerifyInit_ex");
  for (const BytesView part :
       {file.first(located.signature_at), file.subspan(located.signature_end)})
    ensure(EVP_DigestVerifyUpdate(context.get(), part.data(), part.size()) == 1,
           "EVP_DigestVerifyUpdate");
  const Bytes& signature = located.header.signature;
  const bool fits = EVP_DigestVerifyFinal(context.get(), signature.data(), signature.size()) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace

SignerName signer_name_of(const X509& certificate) {
  return {subject_of(certificate), serial_of(certificate), issuer_of(certificate)};
}

Bytes encode_header(const Header& header) {
  Writer signer;
  append_text(signer, kSignerName, header.signer.subject);
  append_element(signer, kSerialNumber, header.signer.serial);
  append_text(signer, kCaName, header.signer.issuer);
  Writer algorithm;
  append_element(algorithm, kSignatureAlgorithm, std::array{header.signature_algorithm});
  append_element(algorithm, kSignatureModulus, std::array{modulus_code(header.signature.size())});
  Writer info;
  append_element(info, kDigestAlgorithm, std::array{header.digest_algorithm});
  append_element(info, kSignatureAlgorithmInfo, algorithm.view());

  Writer body;
  append_element(body, kSignerId, signer.view());
  append_element(body, kSignatureInfo, info.view());
  append_element(body, kSignature, header.signature);
  append_text(body, kFileName, header.file_name);
  Writer seconds;
  seconds.u32(static_cast<std::uint32_t>(to_seconds(header.timestamp)));
  append_element(body, kTimestamp, seconds.view());
  while ((kPreambleBytes + body.view().size()) % 4 != 0) body.u8(kPadding);

  const std::size_t length = kPreambleBytes + body.view().size();
  if (length > 0xffff) throw Error(Code::malformed, "the header would be longer than 65535 bytes");
  Writer file;
  append_element(file, kVersion, std::array{header.version_major, header.version_minor});
  Writer length_bytes;
  length_bytes.u16(static_cast<std::uint16_t>(length));
  append_element(file, kHeaderLength, length_bytes.view());
  file.bytes(body.view());
  return file.take();
}

Header parse_header(BytesView file) {
  return locate(file).header;
}

Bytes sign(Header header, BytesView rest, const FileSigner& signer, Digest digest) {
  if (EVP_PKEY_is_a(signer.key, "RSA") != 1)
    throw Error(Code::refused, "files are signed with RSA keys only");
  header.signer = signer_name_of(*signer.certificate);
  header.digest_algorithm = digest_code(digest);
  header.signature_algorithm = 0;
  header.signature.assign(static_cast<std::size_t>(EVP_PKEY_get_size(signer.key)), 0);
  Bytes encoded = encode_header(header);
  const Located located = locate(encoded);
  const BytesView view(encoded);
  const Bytes signature =
      signature_over(view.first(located.signature_at), view.subspan(located.signature_end), rest,
                     signer, header.digest_algorithm);
  if (signature.size() != header.signature.size())
    throw Error(Code::internal, "the signature is not as long as the key's modulus");
  std::copy(
      signature.begin(), signature.end(),
      encoded.begin() + static_cast<std::ptrdiff_t>(located.signature_end - signature.size()));
  return encoded;
}

void verify_file(BytesView file, const FindSigner& find_signer) {
  const Located located = locate(file);
  digest_name(located.header.digest_algorithm);
  if (located.header.signature_algorithm != 0)
    throw Error(Code::malformed, fmt::format("SIGNATUREALGORTITHM {} is unknown, 0 is RSA",
                                             located.header.signature_algorithm));
  const std::optional<Bytes> der = find_signer(located.header.signer);
  if (!der)
    throw Error(Code::not_found,
                fmt::format("the signer {} is unknown", printable(located.header.signer.subject)));
  const X509Cert certificate = parse_certificate(*der);
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1) {
    ERR_clear_error();
    throw Error(Code::refused, "the signer's certificate has no RSA key");
  }
  if (!signature_fits(file, located, *key))
    throw Error(Code::refused, fmt::format("the signature is not that of {}",
                                           printable(located.header.signer.subject)));
}

}  // namespace ringfence::core
