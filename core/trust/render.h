// The screens of `show itl` and `show ctl`, from plain facts.
//
// Nothing here knows OpenSSL or the file format, so that whoever has the facts (over JSON, say) can
// print them: library rf_trust_render.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/trust/list_kind.h"

namespace ringfence::core {

/// TrustListFacts is everything that is shown about one trust list, as text and numbers.
///
/// Serial numbers are upper-case hexadecimal with ':' between bytes, hashes upper case with ' ',
/// checksums and the signature lower case without separators.
struct TrustListFacts {
  /// Name is a name with its length in the file, the NUL included.
  struct Name {
    std::string text;
    std::uint32_t length = 0;
  };

  /// Element is one that no source describes.
  struct Element {
    std::uint32_t tag = 0;
    std::uint32_t length = 0;
    std::string hex;  ///< the first 16 bytes, upper case with ' '
  };

  struct Header {
    std::string version;                ///< "1.2"
    std::uint32_t length = 0;           ///< bytes
    std::uint32_t signer_id_bytes = 0;  ///< what SIGNERID contains
    Name signer;
    std::string serial;
    Name issuer;
    std::uint32_t digest_algorithm = 0;  ///< 1 SHA-1, 2 SHA-256, 3 SHA-512
    std::uint32_t signature_algorithm = 0;
    std::uint32_t signature_modulus = 0;
    std::string signature;
    Name file_name;
    std::string timestamp;       ///< RFC 3339
    std::string signer_version;  ///< "1.1"; hexadecimal when it has not two bytes; "" when absent
    std::vector<Element> unknown;
  };

  struct Record {
    std::uint32_t length = 0;  ///< RECORDLENGTH
    std::optional<Name> dns_name;
    std::optional<Name> subject;
    std::string function;  ///< "TFTP" …
    std::optional<Name> issuer;
    std::string serial;  ///< empty: absent; likewise below
    std::uint32_t public_key_bytes = 0;
    std::uint32_t signature_bytes = 0;
    std::uint32_t certificate_bytes = 0;
    std::string certificate_sha1;
    std::uint32_t ip_address_bytes = 0;
    std::string ip_address;  ///< "192.0.2.1" when it has four bytes
    std::string hash;
    std::optional<std::uint32_t> hash_algorithm;
    std::optional<bool> signed_the_file;  ///< for a System Administrator Security Token
    std::vector<Element> unknown;
  };

  ListKind kind = ListKind::itl;
  std::uint64_t length = 0;  ///< of the file in bytes; 0 when there is none
  std::string md5;
  std::string sha1;
  std::string sha256;             ///< not shown by CUCM
  std::string state;              ///< "verified", "missing", "corrupt" or "not verified"
  std::string modified;           ///< "Fri Mar 06 21:56:07 UTC 2015"; "" when unknown
  std::string problem;            ///< one sentence; empty when verified
  std::string remark;             ///< a whole sentence that follows the last line, or ""
  std::optional<Header> header;   ///< nothing when it cannot be read
  std::vector<Record> records;    ///< all of them, or none when one cannot be read
  std::size_t signer_record = 0;  ///< number from 1 of the record that verified it; 0: another did
};

/// render_trust_list prints the facts in the layout of cucm-cli 2.2 and 2.3, misspellings
/// included, with a final newline.
///
/// A missing or empty file gets CUCM's three lines. A file with a problem gets its length, the
/// problem, and "Error parsing the ITL File.".
std::string render_trust_list(const TrustListFacts& facts);

}  // namespace ringfence::core
