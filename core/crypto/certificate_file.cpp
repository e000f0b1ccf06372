#include "core/crypto/certificate_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::string_view kBlanks = " \t\r\n\f\v";

using Pkcs7 = Handle<PKCS7, PKCS7_free>;
using Pkcs12 = Handle<PKCS12, PKCS12_free>;
using Request = Handle<X509_REQ, X509_REQ_free>;
using Crl = Handle<X509_CRL, X509_CRL_free>;
using EncryptedKey = Handle<X509_SIG, X509_SIG_free>;
using PlainKey = Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using TrustSettings = Handle<X509_CERT_AUX, X509_CERT_AUX_free>;

/// Sort is what a piece of a file turned out to be.
enum class Sort {
  certificate,
  trust_settings,
  pkcs7_without_certificates,
  pkcs12,
  request,
  crl,
  private_key,
  encrypted_key,
  public_key,
  unknown,
};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Code::malformed, what);
}

/// Text is a copy of the file's text, which may hold a key: wiped when it ends.
struct Text {
  explicit Text(std::string value) : text(std::move(value)) {}

  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  ~Text() { OPENSSL_cleanse(text.data(), text.size()); }

  std::string text;
  bool utf16 = false;
};

/// read_utf16 replaces the text by its ASCII part when it is UTF-16, as its mark or its first
/// characters say; what is not ASCII becomes '?'.
void read_utf16(Text& text, BytesView bytes) {
  if (bytes.size() < 4) return;
  const bool marked_little = bytes[0] == 0xff && bytes[1] == 0xfe;
  const bool marked_big = bytes[0] == 0xfe && bytes[1] == 0xff;
  const bool little = marked_little || (bytes[0] != 0 && bytes[1] == 0 && bytes[3] == 0);
  const bool big = marked_big || (bytes[0] == 0 && bytes[1] != 0 && bytes[2] == 0);
  if (!little && !big) return;
  std::string ascii;
  ascii.reserve(bytes.size() / 2);
  for (std::size_t at = marked_little || marked_big ? 2 : 0; at + 1 < bytes.size(); at += 2) {
    const std::uint8_t high = bytes[little ? at + 1 : at];
    const std::uint8_t low = bytes[little ? at : at + 1];
    ascii += high == 0 && low < 0x80 ? static_cast<char>(low) : '?';
  }
  OPENSSL_cleanse(text.text.data(), text.text.size());
  text.text = std::move(ascii);
  text.utf16 = true;
}

/// decoded reads one object off the front of `der`; `used` is how many bytes it has.
template <typename Owned, auto Decode>
Owned decoded(BytesView der, std::size_t& used) {
  const unsigned char* at = der.data();
  Owned object(Decode(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  used = object ? static_cast<std::size_t>(at - der.data()) : 0;
  return object;
}

template <typename Owned, auto Decode>
bool is_whole(BytesView der) {
  std::size_t used = 0;
  return decoded<Owned, Decode>(der, used) != nullptr && used == der.size();
}

/// without_blanks_behind takes line ends off DER: some editors and mailers append them.
BytesView without_blanks_behind(BytesView der) {
  while (!der.empty() && (der.back() == '\n' || der.back() == '\r'))
    der = der.first(der.size() - 1);
  return der;
}

/// from_lenient_base64 reads base64 with any blanks in it and with or without its padding.
std::optional<Bytes> from_lenient_base64(std::string_view text) {
  std::string base64;
  for (const char c : text)
    if (kBlanks.find(c) == kBlanks.npos) base64 += c;
  while (!base64.empty() && base64.back() == '=') base64.pop_back();
  base64.resize((base64.size() + 3) / 4 * 4, '=');
  std::optional<Bytes> bytes;
  try {
    bytes = from_base64(base64);
  } catch (const Error&) {  // what it is instead is for the caller to say
  }
  OPENSSL_cleanse(base64.data(), base64.size());
  return bytes;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Contents collects what a file holds.
class Contents {
 public:
  explicit Contents(std::size_t at_most) : at_most_(at_most) {}

  /// add_der takes one piece of DER and says what it was, by what it is and not by a label.
  Sort add_der(BytesView der) {
    Sort sort = look(der);  // as it is first: a signature, too, may end in a byte like a line end
    const BytesView shorter = without_blanks_behind(der);
    if (sort == Sort::unknown && shorter.size() < der.size()) sort = look(shorter);
    seen_.insert(sort);
    return sort;
  }

  void add_seen(Sort sort) { seen_.insert(sort); }

  bool has_seen(Sort sort) const { return seen_.contains(sort); }

  bool empty() const { return certificates_.empty(); }

  CertificateFile take(std::string_view wrapping, bool utf16) {
    CertificateFile file;
    file.found = fmt::format("{} with {} certificate{}{}",
                             pkcs7_ ? fmt::format("PKCS#7 in {}", wrapping) : std::string(wrapping),
                             certificates_.size(), certificates_.size() == 1 ? "" : "s",
                             utf16 ? " (UTF-16 text)" : "");
    file.certificates = std::move(certificates_);
    if (has_seen(Sort::private_key) || has_seen(Sort::encrypted_key))
      file.warnings.emplace_back(
          "A private key was in it too. It was not kept; take it out of the file, and keep it only "
          "where it is used.");
    if (has_seen(Sort::request))
      file.notes.emplace_back("A certificate request in it was passed over.");
    if (has_seen(Sort::crl))
      file.notes.emplace_back("A certificate revocation list in it was passed over.");
    if (has_seen(Sort::trust_settings))
      file.notes.emplace_back("The trust settings of a TRUSTED CERTIFICATE in it were not kept.");
    return file;
  }

 private:
  Sort look(BytesView der) {
    if (add_certificates(der)) return Sort::certificate;
    std::size_t used = 0;
    if (const auto pkcs7 = decoded<Pkcs7, d2i_PKCS7>(der, used); pkcs7 && used == der.size())
      return add_pkcs7(*pkcs7);
    if (is_whole<Pkcs12, d2i_PKCS12>(der)) return Sort::pkcs12;
    if (is_whole<Request, d2i_X509_REQ>(der)) return Sort::request;
    if (is_whole<Crl, d2i_X509_CRL>(der)) return Sort::crl;
    if (is_whole<EncryptedKey, d2i_X509_SIG>(der)) return Sort::encrypted_key;
    if (is_whole<PlainKey, d2i_PKCS8_PRIV_KEY_INFO>(der)) return Sort::private_key;
    if (is_whole<EvpPkey, d2i_PUBKEY>(der)) return Sort::public_key;
    if (is_whole<EvpPkey, d2i_AutoPrivateKey>(der)) return Sort::private_key;
    return Sort::unknown;
  }

  /// add_certificates takes DER that is certificates and nothing else, one after the other; the
  /// last may be followed by OpenSSL's trust settings.
  bool add_certificates(BytesView der) {
    std::vector<X509Cert> found;
    while (!der.empty()) {
      std::size_t used = 0;
      X509Cert one = decoded<X509Cert, d2i_X509>(der, used);
      if (!one) break;
      found.push_back(std::move(one));
      der = der.subspan(used);
    }
    if (found.empty()) return false;
    if (!without_blanks_behind(der).empty()) {
      if (!is_whole<TrustSettings, d2i_X509_CERT_AUX>(der))
        refuse(
            "a certificate in it is followed by bytes that do not belong to it; save it again "
            "from where it was made");
      seen_.insert(Sort::trust_settings);
    }
    for (X509Cert& one : found) add(std::move(one));
    return true;
  }

  Sort add_pkcs7(const PKCS7& pkcs7) {
    const int type = OBJ_obj2nid(pkcs7.type);
    const STACK_OF(X509)* held = nullptr;
    if (type == NID_pkcs7_signed && pkcs7.d.sign != nullptr) held = pkcs7.d.sign->cert;
    if (type == NID_pkcs7_signedAndEnveloped && pkcs7.d.signed_and_enveloped != nullptr)
      held = pkcs7.d.signed_and_enveloped->cert;
    const int count = held == nullptr ? 0 : sk_X509_num(held);
    for (int i = 0; i < count; ++i) add(share(sk_X509_value(held, i)));
    if (count <= 0) return Sort::pkcs7_without_certificates;
    pkcs7_ = true;
    return Sort::certificate;
  }

  void add(X509Cert certificate) {
    if (!known_.insert(to_der(*certificate)).second) return;
    if (certificates_.size() == at_most_)
      refuse(
          fmt::format("it holds more than {} certificate{}", at_most_, at_most_ == 1 ? "" : "s"));
    certificates_.push_back(std::move(certificate));
  }

  const std::size_t at_most_;
  std::vector<X509Cert> certificates_;
  std::set<Bytes> known_;
  std::set<Sort> seen_;
  bool pkcs7_ = false;
};

/// Block is one part of PEM between its lines.
struct Block {
  std::string_view label;
  std::string_view body;
  bool ended = false;
};

/// next_block takes the text up to and with the next block off the front.
std::optional<Block> next_block(std::string_view& text) {
  const std::size_t begin = text.find(kBegin);
  if (begin == text.npos) return std::nullopt;
  text.remove_prefix(begin + kBegin.size());
  const std::size_t closes = std::min(text.find(kDashes), text.find('\n'));
  if (closes == text.npos || !text.substr(closes).starts_with(kDashes)) return Block{};
  Block block{text.substr(0, closes), {}, false};
  text.remove_prefix(closes + kDashes.size());
  const std::size_t end = std::min(text.find(kEnd), text.find(kBegin));
  block.ended = end != text.npos && text.substr(end).starts_with(kEnd);
  block.body = text.substr(0, end);
  text.remove_prefix(std::min(end, text.size()));
  return block;
}

Sort sort_of_label(std::string_view label) {
  const auto has = [&](std::string_view part) { return label.find(part) != label.npos; };
  if (has("ENCRYPTED PRIVATE KEY")) return Sort::encrypted_key;
  if (has("PRIVATE KEY")) return Sort::private_key;
  if (has("REQUEST")) return Sort::request;
  if (has("CRL")) return Sort::crl;
  if (has("PKCS12")) return Sort::pkcs12;
  if (has("PUBLIC KEY")) return Sort::public_key;
  return Sort::unknown;
}

bool holds_certificates(std::string_view label) {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE" ||
         label.find("PKCS7") != label.npos || label.find("PKCS #7") != label.npos || label == "CMS";
}

void read_blocks(std::string_view text, Contents& contents) {
  while (const auto block = next_block(text)) {
    const Sort labelled = sort_of_label(block->label);
    if (labelled == Sort::private_key || labelled == Sort::encrypted_key) {
      const bool encrypted = block->body.find("ENCRYPTED") != block->body.npos;
      contents.add_seen(encrypted ? Sort::encrypted_key : labelled);
      continue;  // a key is never decoded
    }
    auto der = block->ended ? from_lenient_base64(block->body) : std::nullopt;
    const Sort sort = der && !der->empty() ? contents.add_der(*der) : Sort::unknown;
    if (der) OPENSSL_cleanse(der->data(), der->size());  // a key may stand under any label
    if (sort != Sort::unknown) continue;
    if (holds_certificates(block->label))
      refuse(
          fmt::format("a certificate in it is damaged; it reaches from the line -----BEGIN {0}-----"
                      " to the line -----END {0}-----, both included",
                      block->label));
    contents.add_seen(labelled);
  }
}

/// what_instead says what a file without certificates is, as far as it shows.
std::string what_instead(const Contents& contents, std::string_view text) {
  const auto seen = [&](Sort sort) { return contents.has_seen(sort); };
  if (seen(Sort::pkcs12))
    return "it is a PKCS#12 file (.p12, .pfx), which may hold a private key; export the "
           "certificates without the key with 'openssl pkcs12 -in FILE -nokeys -out "
           "certificates.pem' and import those";
  if (seen(Sort::encrypted_key))
    return "it holds an encrypted private key and no certificate; only certificates are imported, "
           "and no key belongs here";
  if (seen(Sort::private_key))
    return "it holds a private key and no certificate; only certificates are imported, and no key "
           "belongs here";
  if (seen(Sort::request))
    return "it is a request for a certificate (PKCS#10); import the certificate that the CA made "
           "of it";
  if (seen(Sort::crl))
    return "it is a certificate revocation list (CRL), not a certificate; import the CA's "
           "certificate";
  if (seen(Sort::pkcs7_without_certificates))
    return "it is a PKCS#7 file without certificates; have the CA export its certificates with it";
  if (seen(Sort::public_key))
    return "it is a bare public key, not a certificate; import the certificate that holds it";
  const std::string begin = lower(text.substr(0, 4096));
  const auto has = [&](std::string_view part) { return begin.find(part) != begin.npos; };
  if (has("<html") || has("<!doctype html"))
    return "it is a web page (HTML), not a certificate; the download went to a login or error page";
  if (has("ssh-rsa ") || has("ecdsa-sha2-") || has("ssh-ed25519 "))
    return "it is an SSH key, not a certificate";
  if (begin.starts_with("pk\x03\x04")) return "it is a ZIP archive; unpack it first";
  if (begin.starts_with("\x1f\x8b")) return "it is a gzip archive; unpack it first";
  if (begin.starts_with("\xfe\xed\xfe\xed"))
    return "it is a Java key store (JKS); export the certificate with 'keytool -exportcert -rfc'";
  if (text.find(kBegin) != text.npos)
    return "there is no certificate between its BEGIN and END lines";
  return "it is no certificate: neither PEM, DER, PKCS#7 nor base64";
}

/// looks_binary says whether the bytes begin as DER or BER does, with a length that fits.
bool looks_binary(BytesView bytes) {
  if (bytes.size() < 4 || bytes[0] != 0x30) return false;
  if (bytes[1] == 0x80) return true;  // a length that its end tells, as some make PKCS#7
  std::size_t head = 2;
  std::size_t length = bytes[1];
  if (bytes[1] > 0x80) {
    const std::size_t count = bytes[1] & 0x7fU;
    if (count > 4 || bytes.size() < 2 + count) return false;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | bytes[2 + i];
    head += count;
  }
  return head + length <= bytes.size();
}

bool is_blank(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) {
    return byte == 0 || kBlanks.find(static_cast<char>(byte)) != kBlanks.npos;
  });
}

/// with_line_ends turns `\n` written as two characters, as JSON and logs have it, into line ends.
void with_line_ends(std::string& text) {
  for (const std::string_view written : {"\\r", "\\n"})
    for (std::size_t at = 0; (at = text.find(written, at)) != text.npos; at += 2)
      text.replace(at, 2, "\n\n");
}

}  // namespace

CertificateFile read_certificate_file(BytesView bytes, std::size_t at_most) {
  if (bytes.size() > kMostBytes)
    refuse(fmt::format("it has {} bytes; a file of certificates has at most {}", bytes.size(),
                       kMostBytes));
  if (is_blank(bytes)) refuse("it is empty; there is no certificate in it");
  Contents contents(at_most);
  Text text(text_of(bytes));
  if (looks_binary(bytes)) {
    contents.add_der(bytes);
    if (!contents.empty()) return contents.take("DER", false);
    if (text.text.find(kBegin) == std::string::npos && contents.has_seen(Sort::unknown))
      refuse(
          "it begins as a DER file does, but holds no certificate that can be read; it may be "
          "cut off or damaged");
  }
  read_utf16(text, bytes);
  with_line_ends(text.text);
  read_blocks(text.text, contents);
  if (!contents.empty()) return contents.take("PEM", text.utf16);
  if (text.text.find(kBegin) == std::string::npos) {
    std::string_view plain = text.text;
    if (plain.starts_with("\xef\xbb\xbf")) plain.remove_prefix(3);
    auto der = from_lenient_base64(plain);
    if (der && !der->empty() && der->front() == 0x30) contents.add_der(*der);
    if (der) OPENSSL_cleanse(der->data(), der->size());
    if (!contents.empty()) return contents.take("base64 without header lines", text.utf16);
  }
  refuse(what_instead(contents, text.text));
}

}  // namespace ringfence::core
