// ITL and CTL files: building, parsing, signing, verifying (format: cucm-behaviour 2,
// cucm-cli 2.3).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/roles.h"
#include "core/crypto/digest.h"
#include "core/crypto/handles.h"
#include "core/trust/list_kind.h"

namespace ringfence::core {

/// describe returns the words of `show itl`: "System Administrator Security Token", "TFTP" …
std::string_view describe(Role role) noexcept;

/// Content says what of a certificate a record carries.
enum class Content { full, hash };

/// RecordRequest is one record to build; the fields come from the certificate.
struct RecordRequest {
  const X509* certificate = nullptr;
  Role function = Role::sast;
  Content content = Content::full;
  std::string dns_name;                     ///< empty: the element is written blank (length 2)
  std::optional<std::uint32_t> ip_address;  ///< IPv4, host order; CTL only
};

/// UnknownElement is one that no source describes: kept as it is, so that it can be shown.
struct UnknownElement {
  std::uint8_t tag = 0;
  Bytes value;

  bool operator==(const UnknownElement&) const = default;
};

/// Record is one record. Names are without their trailing NUL; what is empty is absent, except a
/// blank `dns_name`, which is two NUL bytes in the file (INF: only its length is known).
struct Record {
  std::uint16_t length = 0;  ///< RECORDLENGTH, its own five bytes included; set by parsing
  std::optional<std::string> dns_name;
  std::size_t dns_name_length = 0;  ///< LENGTH as in the file; set by parsing
  std::string subject;
  Role function = Role::sast;
  std::string issuer;
  Bytes serial;
  Bytes public_key;
  Bytes signature;
  Bytes certificate;  ///< DER, or empty
  std::optional<Bytes> ip_address;
  Bytes hash;  ///< CERTHASH, or empty
  std::optional<std::uint8_t> hash_algorithm;
  std::vector<UnknownElement> unknown;  ///< in the order of the file; written behind the others

  /// matches tells whether this record is about `certificate` (by full DER, or by its SHA-1).
  bool matches(BytesView certificate_der) const;
};

/// record_of takes a record's fields from the certificate. A full record carries the DER, a hash
/// record its SHA-1 and hash algorithm 1.
Record record_of(const RecordRequest& request);

/// encode_record writes a record from its fields; `length` and `dns_name_length` are computed.
/// Throws Error{malformed} above 65535 bytes.
Bytes encode_record(const Record& record);

/// SignerName names the certificate that signed a file, as the header does.
struct SignerName {
  std::string subject;
  Bytes serial;
  std::string issuer;

  bool operator==(const SignerName&) const = default;
};

/// Header is a file's header. Element order in files of CUCM and ours: 1 version, 2 header length,
/// 3 signer (4 name, 5 serial, 6 issuer), 7 signature info (8 digest, 9 (10 algorithm,
/// 11 modulus)), 12 signature, 14 file name, 15 timestamp, then 13 padding bytes (0x0d) up to a
/// multiple of four. Others order them otherwise and add 28, the signer version.
struct Header {
  std::uint8_t version_major = 1;
  std::uint8_t version_minor = 2;
  std::uint16_t length = 0;  ///< HeaderLength in bytes, padding included; set by parsing
  SignerName signer;
  std::uint8_t digest_algorithm = 1;     ///< 1 SHA-1, 2 SHA-256, 3 SHA-512
  std::uint8_t signature_algorithm = 0;  ///< 0 RSA PKCS#1 v1.5
  std::uint8_t signature_modulus = 0;    ///< 0..3 for 64, 128, 256, 512 bytes
  Bytes signature;
  std::string file_name;
  Time timestamp;
  Bytes signer_version;                 ///< element 28: major and minor; empty when absent
  std::vector<UnknownElement> unknown;  ///< in the order of the file; written behind the others
};

/// TrustList is a whole parsed file.
struct TrustList {
  Header header;
  std::vector<Record> records;
};

/// encode_header writes a header from its fields; `length`, padding and modulus code are computed
/// from the rest. Throws Error{malformed} when the signature is not 64, 128, 256 or 512 bytes long.
Bytes encode_header(const Header& header);

/// FileSigner is a certificate and the key that signs for it.
struct FileSigner {
  const X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;          ///< RSA; may live in the token
  OSSL_LIB_CTX* context = nullptr;  ///< the key's library context
};

/// build_trust_list makes and signs an ITLFile.tlv or CTLFile.tlv.
///
/// A pure function of its arguments (RSA PKCS#1 is deterministic). Throws Error{malformed} when a
/// record or the file exceeds 65535 bytes (at most about 39 certificates, cucm-behaviour 2.1).
Bytes build_trust_list(ListKind kind, const std::vector<RecordRequest>& records,
                       const FileSigner& signer, Digest digest, Time timestamp);

/// parse_trust_list checks every length against its surroundings, and nothing cryptographic.
/// Throws Error{malformed} naming the element. Accepts files up to 1 MiB.
TrustList parse_trust_list(BytesView file);

/// parse_header reads the header alone, of a .tlv or a .sgn file. Its elements may stand in any
/// order, padding anywhere between them, as bytes or as an element of up to three.
Header parse_header(BytesView file);

/// signer_name_of returns what a header says about `certificate` when it signs.
SignerName signer_name_of(const X509& certificate);

/// sign returns the header of a file whose part behind the header is `rest`, signed.
/// `header` needs version, file name and timestamp; the rest is filled in. The digest is SHA-1,
/// SHA-256 or SHA-512, the key RSA of 512, 1024, 2048 or 4096 bits: Error{refused} otherwise.
/// Throws also what the signer answers. Costs one private-key operation.
Bytes sign(Header header, BytesView rest, const FileSigner& signer, Digest digest);

/// FindSigner returns the DER certificate for a signer's name, or nothing when it is unknown.
using FindSigner = std::function<std::optional<Bytes>(const SignerName&)>;

/// verify_file checks a signed file's signature (a .tlv or .sgn) with the certificate that
/// `find_signer` knows for the header's signer.
///
/// The signature covers the file with the whole signature element cut out (cucm-behaviour 2.3).
/// Throws Error: `not_found` when the signer is unknown, `refused` when the signature is wrong,
/// `malformed`.
void verify_file(BytesView file, const FindSigner& find_signer);

/// find_signer_in returns a FindSigner over the SAST, TFTP and CCM+TFTP records of `list` that
/// carry a full certificate. `list` must outlive it.
FindSigner find_signer_in(const TrustList& list);

/// signer_record_in returns the index of the record (SAST, TFTP, CCM+TFTP, with a certificate) that
/// the header names as the signer: by its three fields, or by the serial number alone where a maker
/// writes names in two ways. It proves nothing; verify_file does.
std::optional<std::size_t> signer_record_in(const TrustList& list);

}  // namespace ringfence::core
