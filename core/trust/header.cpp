// The header that trust lists and signed files begin with, and their signature.
#include <array>
#include <bitset>
#include <initializer_list>

#include <fmt/format.h>
#include <openssl/err.h>

#include "core/base/error.h"
#include "core/base/tlv.h"
#include "core/crypto/x509.h"
#include "core/trust/text_element.h"
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

constexpr std::size_t kMostPaddingBytes = 3;

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

std::string_view header_element_name(std::uint8_t tag) {
  switch (tag) {
    case kVersion: return "Version";
    case kHeaderLength: return "HeaderLength";
    case kSignerId: return "SIGNERID";
    case kSignerName: return "SIGNERNAME";
    case kSerialNumber: return "SERIALNUMBER";
    case kCaName: return "CANAME";
    case kSignatureInfo: return "SIGNATUREINFO";
    case kDigestAlgorithm: return "DIGESTALGORTITHM";
    case kSignatureAlgorithmInfo: return "SIGNATUREALGOINFO";
    case kSignatureAlgorithm: return "SIGNATUREALGORTITHM";
    case kSignatureModulus: return "SIGNATUREMODULUS";
    case kSignature: return "SIGNATURE";
    case kFileName: return "FILENAME";
    case kTimestamp: return "TIMESTAMP";
    case kSignerVersion: return "SIGNERVERSION";
    default: return "header element";
  }
}

bool is_known(std::uint8_t tag) {
  return header_element_name(tag) != "header element" || tag == kPadding;
}

/// Elements remembers which were there: each once, but for those that nobody knows.
class Elements {
 public:
  void note(std::uint8_t tag) {
    if (is_known(tag) && seen_.test(tag))
      throw Error(Code::malformed, fmt::format("{} is repeated", header_element_name(tag)));
    seen_.set(tag);
  }

  bool has(std::uint8_t tag) const { return seen_.test(tag); }

  void require(std::initializer_list<std::uint8_t> tags) const {
    for (const std::uint8_t tag : tags)
      if (!seen_.test(tag))
        throw Error(Code::malformed,
                    fmt::format("{} (tag {}) is missing", header_element_name(tag), tag));
  }

 private:
  std::bitset<256> seen_;
};

BytesView sized(const Element& element, std::size_t size) {
  constexpr std::array words = {"no bytes", "one byte", "two bytes", "three bytes", "four bytes"};
  if (element.value.size() != size)
    throw Error(Code::malformed, fmt::format("{} must be {} long", header_element_name(element.tag),
                                             words.at(size)));
  return element.value;
}

void keep_unknown(const Element& element, Header& header) {
  if (is_known(element.tag))
    throw Error(Code::malformed,
                fmt::format("{} has no place there", header_element_name(element.tag)));
  header.unknown.push_back({element.tag, {element.value.begin(), element.value.end()}});
}

/// each_in reads what a container holds, in any order; `take` returns false for what it does not
/// know.
template <typename Take>
void each_in(const Element& container, Header& header, std::initializer_list<std::uint8_t> required,
             const Take& take) {
  Reader reader(container.value);
  Elements elements;
  while (!reader.empty()) {
    const Element element = next_element(reader, header_element_name(reader.rest()[0]));
    elements.note(element.tag);
    if (!take(element)) keep_unknown(element, header);
  }
  elements.require(required);
}

void read_signer_id(const Element& container, Header& header) {
  SignerName& signer = header.signer;
  each_in(container, header, {kSignerName, kSerialNumber, kCaName}, [&](const Element& element) {
    switch (element.tag) {
      case kSignerName: signer.subject = text_in(element, "SIGNERNAME"); return true;
      case kSerialNumber:
        signer.serial.assign(element.value.begin(), element.value.end());
        return true;
      case kCaName: signer.issuer = text_in(element, "CANAME"); return true;
      default: return false;
    }
  });
}

void read_signature_algorithm(const Element& container, Header& header) {
  each_in(container, header, {kSignatureAlgorithm, kSignatureModulus}, [&](const Element& element) {
    switch (element.tag) {
      case kSignatureAlgorithm: header.signature_algorithm = sized(element, 1)[0]; return true;
      case kSignatureModulus: header.signature_modulus = sized(element, 1)[0]; return true;
      default: return false;
    }
  });
}

void read_signature_info(const Element& container, Header& header) {
  each_in(container, header, {kDigestAlgorithm, kSignatureAlgorithmInfo},
          [&](const Element& element) {
            switch (element.tag) {
              case kDigestAlgorithm: header.digest_algorithm = sized(element, 1)[0]; return true;
              case kSignatureAlgorithmInfo: read_signature_algorithm(element, header); return true;
              default: return false;
            }
          });
}

/// skip_padding takes one piece of padding: the byte alone, or, from makers that pad with whole
/// elements, tag, length and up to three bytes. False when there is none.
bool skip_padding(Reader& reader) {
  if (reader.rest()[0] != kPadding) return false;
  reader.u8("padding");
  if (reader.left() < 2 || reader.rest()[0] != 0) return true;
  const std::size_t length = reader.rest()[1];
  if (length <= kMostPaddingBytes && reader.left() >= 2 + length)
    reader.take(2 + length, "padding");
  return true;
}

void read_header_element(const Element& element, Header& header) {
  switch (element.tag) {
    case kVersion:
      header.version_major = sized(element, 2)[0];
      header.version_minor = element.value[1];
      break;
    case kHeaderLength: {
      const BytesView value = sized(element, 2);
      header.length = static_cast<std::uint16_t>(value[0] << 8 | value[1]);
      break;
    }
    case kSignerId: read_signer_id(element, header); break;
    case kSignatureInfo: read_signature_info(element, header); break;
    case kSignature: header.signature.assign(element.value.begin(), element.value.end()); break;
    case kFileName: header.file_name = text_in(element, "FILENAME"); break;
    case kTimestamp: {
      Reader seconds(sized(element, 4));
      header.timestamp = from_seconds(seconds.u32("TIMESTAMP"));
      break;
    }
    case kSignerVersion:
      header.signer_version.assign(element.value.begin(), element.value.end());
      break;
    default: keep_unknown(element, header);
  }
}

/// locate reads the header's elements in any order up to where HeaderLength, which must be among
/// them, says that it ends.
Located locate(BytesView file) {
  if (file.empty() || !is_known(file[0]))
    throw Error(Code::malformed, "it does not begin as a trust list or a signed file does");
  Located located;
  Header& header = located.header;
  Reader reader(file);
  Elements elements;
  std::size_t end = file.size();
  const auto position = [&] { return file.size() - reader.left(); };
  while (position() < end) {
    const std::size_t at = position();
    const std::uint8_t tag = file[at];
    if (!skip_padding(reader)) {
      if (tag == kVersion && elements.has(tag)) elements.require({kHeaderLength});
      const Element element = next_element(reader, header_element_name(tag));
      elements.note(tag);
      read_header_element(element, header);
      if (tag == kHeaderLength) {
        if (header.length < position() || header.length > file.size())
          throw Error(Code::malformed, fmt::format("HeaderLength is {}, but the file has {} bytes",
                                                   header.length, file.size()));
        end = header.length;
      }
    }
    if (position() > end)
      throw Error(Code::malformed, fmt::format("{} is truncated", header_element_name(tag)));
    if (tag != kSignature) continue;
    located.signature_at = at;
    located.signature_end = position();
  }
  elements.require(
      {kVersion, kHeaderLength, kSignerId, kSignatureInfo, kSignature, kFileName, kTimestamp});
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
  if (!header.signer_version.empty()) append_element(body, kSignerVersion, header.signer_version);
  for (const UnknownElement& one : header.unknown) append_element(body, one.tag, one.value);
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
