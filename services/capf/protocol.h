// CAPF's messages between phone and server: bytes to typed values and back, both directions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/bytes.h"
#include "core/base/secret.h"

namespace ringfence::services::capf {

/// kVersion is the protocol version this server speaks; Jabber answers 2.
inline constexpr std::uint8_t kVersion = 3;

/// A message is a header of kHeaderBytes and a body of at most kMaxBodyBytes, in either direction.
inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kMaxBodyBytes = 16 * 1024;

/// Command is the header's second byte. Source: cucm-behaviour 5.6.
enum class Command : std::uint8_t {
  auth_request = 1,
  auth_response = 2,
  key_generate_request = 3,
  key_generate_response = 4,
  store_request = 9,
  store_response = 10,
  fetch_request = 11,
  fetch_response = 12,
  delete_request = 13,
  delete_response = 14,
  end_session = 15,
  retry_later = 16,
  in_progress = 17,
  status_request = 18,
  status_response = 19,
  abort_request = 20,
  abort_response = 21,
};

/// AuthType is how a phone shows who it is; 0 leaves the choice to the phone's configuration.
enum class AuthType : std::uint8_t { none = 0, password = 1, no_password = 2, lsc = 3, mic = 4 };

/// Reason is why a session ends, or what became of a request.
enum class Reason : std::uint8_t { no_action = 0, ok = 1, invalid_element = 7, unknown_device = 9 };

enum class KeyType : std::uint8_t { rsa = 0, ec = 1 };
enum class Curve : std::uint8_t { p256 = 0, p384 = 1, p521 = 2 };
enum class CertificateKind : std::uint8_t { lsc = 1, mic = 2 };

/// curve_bits returns 256, 384 or 521.
int curve_bits(Curve curve) noexcept;

/// AuthRequest opens the session; the server speaks first.
struct AuthRequest {
  std::uint8_t version = kVersion;
  AuthType type = AuthType::none;
};

/// ShownCertificate is a certificate by which a phone says who it is.
struct ShownCertificate {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;  ///< never empty, but not looked into
};

/// Sha2Signature is element 20; what its algorithm byte counts is not known.
struct Sha2Signature {
  std::uint8_t algorithm = 0;
  core::Bytes bytes;
};

/// Sudi is element 16: a certificate and signatures that are bound to the session. A signature
/// that the phone left out is empty.
struct Sudi {
  core::Bytes certificate;  ///< DER, never empty
  core::Bytes sha1_signature;
  core::Bytes sha512_signature;
};

/// AuthResponse names the device. Everything but the name may be absent.
struct AuthResponse {
  std::string device;  ///< "SEP001122334455", without the NUL of the wire; never empty
  std::optional<std::uint8_t> version;
  std::optional<AuthType> type;
  core::Secret password;  ///< empty when absent or the null string
  std::optional<ShownCertificate> certificate;
  core::Bytes sha1_signature;  ///< element 6; empty when absent
  std::optional<Sha2Signature> sha512_signature;
  std::optional<Sudi> sudi;
};

/// KeyGenerateRequest asks for a new key pair. `type` and `curve` are absent for version 2.
///
/// With an EC `type`, `bits` is the RSA size to fall back to when that is allowed, else the
/// curve's bits.
struct KeyGenerateRequest {
  std::uint16_t bits = 2048;
  std::optional<KeyType> type;
  std::optional<Curve> curve;
};

/// KeyGenerateResponse carries the new public key (SubjectPublicKeyInfo DER), or why there is none.
struct KeyGenerateResponse {
  core::Bytes spki;  ///< empty when the phone failed
  std::optional<Reason> reason;
};

/// StoreRequest hands a certificate to the phone.
struct StoreRequest {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;
};

struct StoreResponse {
  std::optional<Reason> reason;
};

struct FetchRequest {
  CertificateKind kind = CertificateKind::lsc;
};

/// FetchResponse carries the certificate asked for; empty when the phone has none.
struct FetchResponse {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;
  std::optional<Reason> reason;
};

struct DeleteRequest {
  CertificateKind kind = CertificateKind::lsc;
};

struct DeleteResponse {
  std::optional<Reason> reason;
};

struct EndSession {
  std::optional<Reason> reason;
};

struct RetryLater {
  std::optional<std::chrono::seconds> delay;
};

/// InProgress says that a key is still being made.
struct InProgress {};

/// Status is a question or an answer about how far things are, which needs no reply.
struct Status {};

/// Abort says that the peer gives up, as a request or as the answer to one.
struct Abort {
  std::optional<Reason> reason;
};

using Message =
    std::variant<AuthRequest, AuthResponse, KeyGenerateRequest, KeyGenerateResponse, StoreRequest,
                 StoreResponse, FetchRequest, FetchResponse, DeleteRequest, DeleteResponse,
                 EndSession, RetryLater, InProgress, Status, Abort>;

/// command_of returns the header's command for a message (a request where there are two), and name
/// its words for logs.
Command command_of(const Message& message) noexcept;
std::string_view name(Command command) noexcept;

/// Header is the first eight bytes: 0x55, command, session id, length of the body.
struct Header {
  std::uint8_t command = 0;
  std::uint32_t session = 0;  ///< chosen by the server, echoed by the phone
  std::uint16_t length = 0;   ///< at most kMaxBodyBytes
};

/// parse_header reads exactly kHeaderBytes.
///
/// Throws Error{malformed} when they do not start with 0x55 or announce too long a body.
Header parse_header(core::BytesView bytes);

/// parse_body decodes the body that `header` announced.
///
/// Elements that a command does not use are passed over, a number may have one to four bytes, text
/// may lack its NUL, a certificate its inner form: then it is what element 3 or the authentication
/// type says. Throws Error{malformed}: a command that is not one of Command, a truncated or
/// repeated element, a number outside its list, a missing element that the command is about. Error
/// texts never quote the peer's bytes.
Message parse_body(const Header& header, core::BytesView body);

/// encode returns header and body as one piece, to go out in one write: two writes stall phones.
///
/// Throws Error{malformed} when the body would exceed kMaxBodyBytes.
core::Bytes encode(std::uint32_t session, const Message& message);

}  // namespace ringfence::services::capf
