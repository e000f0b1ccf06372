// What a shell may ask of certificates and trust lists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/guard_api.h"
#include "core/admin/job_api.h"

namespace ringfence::core::admin {

// --- cert.list, cert.show ----------------------------------------------------------------------

struct CertificateListRequest {
  std::string type;  ///< "own" or "trust"
};
BOOST_DESCRIBE_STRUCT(CertificateListRequest, (), (type))

struct CertificateFacts {
  std::string unit;  ///< "CAPF", "CAPF-trust"
  std::string file;  ///< "CAPF.pem"
  std::string description;
  std::string subject;
  std::string issuer;
  std::string serial;
  std::string not_before;
  std::string not_after;
  std::string sha1;
  std::string sha256;
  std::string purpose = {};  ///< in CAPF-trust mic, capf or ca, see csr_api.h; else ""
};
BOOST_DESCRIBE_STRUCT(CertificateFacts, (),
                      (unit, file, description, subject, issuer, serial, not_before, not_after,
                       sha1, sha256, purpose))

struct CertificateList {
  std::vector<CertificateFacts> certificates;
};
BOOST_DESCRIBE_STRUCT(CertificateList, (), (certificates))

struct CertificateShowRequest {
  std::string type;  ///< "own" or "trust"
  std::string name;  ///< "CAPF", "CAPF/CAPF.pem", "CAPF-trust/CAPF-7f0ae8d7.pem"
};
BOOST_DESCRIBE_STRUCT(CertificateShowRequest, (), (type, name))

struct CertificateShow {
  CertificateFacts certificate;
  std::string pem;
  std::string text;  ///< the dump, then the PEM
};
BOOST_DESCRIBE_STRUCT(CertificateShow, (), (certificate, pem, text))

// --- cert.plan, cert.regenerate ----------------------------------------------------------------

struct RegenerateRequest {
  std::string unit;
  std::optional<std::int64_t> force = {};  ///< see Guard
};
BOOST_DESCRIBE_STRUCT(RegenerateRequest, (), (unit, force))

struct RegeneratePlan {
  std::string unit;
  std::int64_t phones = 0;         ///< known
  std::int64_t phones_reset = 0;   ///< registered now, will be reset to fetch the new ITL
  std::vector<std::string> notes;  ///< sentences an administrator should read before saying yes
  std::vector<Guard> guards = {};
  std::int64_t stranded = 0;  ///< what `force` must say to go on; 0 without guards
  std::string refusal = {};   ///< what the change would be refused with now, or ""
};
BOOST_DESCRIBE_STRUCT(RegeneratePlan, (),
                      (unit, phones, phones_reset, notes, guards, stranded, refusal))

// --- itl.show, ctl.show, itl.reset -------------------------------------------------------------

/// TrustListElement is one that no source describes.
struct TrustListElement {
  std::int64_t tag = 0;
  std::int64_t length = 0;
  std::string hex;  ///< the first 16 bytes
};
BOOST_DESCRIBE_STRUCT(TrustListElement, (), (tag, length, hex))

struct TrustListRecord {
  int number = 0;
  int length = 0;
  std::string dns_name;
  std::string subject;
  std::string function;
  std::string issuer;
  std::string serial;
  std::string certificate_sha1;
  bool full_certificate = false;
  bool signer = false;
  std::vector<TrustListElement> unknown;
};
BOOST_DESCRIBE_STRUCT(TrustListRecord, (),
                      (number, length, dns_name, subject, function, issuer, serial,
                       certificate_sha1, full_certificate, signer, unknown))

/// TrustListServed is what Cisco Tftp hands out in truth.
struct TrustListServed {
  std::int64_t length = 0;  ///< bytes; 0: it serves none
  std::string md5;
  std::string sha1;
  std::string since;    ///< RFC 3339: when Cisco Tftp read it
  std::string problem;  ///< why it is not known, or ""
};
BOOST_DESCRIBE_STRUCT(TrustListServed, (), (length, md5, sha1, since, problem))

struct TrustListShow {
  std::string file;
  std::int64_t length = 0;
  std::string state;  ///< "verified", "missing", "corrupt", "not verified"
  std::string error;  ///< why not, or ""
  std::string md5;
  std::string sha1;
  std::string sha256;
  std::string modified;
  std::string signer;  ///< subject of the signer
  std::vector<TrustListRecord> records;
  std::string text;
  std::string verified_by;   ///< "house": a certificate of ours; "file": one of its own records; ""
  int signer_record = 0;     ///< number of the record that verified it, when it is "file"
  std::string verification;  ///< what more there is to say: whose the signer is, what is served
  std::string signer_version;             ///< "1.1", of other makers
  std::vector<TrustListElement> unknown;  ///< of the header
  std::optional<TrustListServed> served;  ///< when phones do not get the file on disk
  std::vector<std::string> warnings = {};
};
BOOST_DESCRIBE_STRUCT(TrustListShow, (),
                      (file, length, state, error, md5, sha1, sha256, modified, signer, records,
                       text, verified_by, signer_record, verification, signer_version, unknown,
                       served, warnings))

/// itl.examine and ctl.examine judge a file of anybody; the answer is a TrustListShow.
struct TrustListExamineRequest {
  std::string name;                      ///< as the answer repeats it
  std::string content;                   ///< the file's bytes in base64, at most 1 MiB of them
  std::optional<std::int64_t> modified;  ///< seconds since 1970
};
BOOST_DESCRIBE_STRUCT(TrustListExamineRequest, (), (name, content, modified))

struct TrustListReset {
  std::string signer;  ///< subject of the certificate that signed it
  std::string md5;
  std::string sha1;
  std::vector<std::string> nodes;             ///< TFTP nodes that serve it
  std::vector<std::string> warnings = {};     ///< what went wrong once it was published
  std::vector<std::string> not_serving = {};  ///< TFTP nodes that do not; `warnings` says why
};
BOOST_DESCRIBE_STRUCT(TrustListReset, (), (signer, md5, sha1, nodes, warnings, not_serving))

/// itl.reset_plan is asked before itl.reset: it is refused for what that would be refused for, and
/// answers Nothing.
struct TrustListResetRequest {
  std::optional<std::int64_t> force;
};
BOOST_DESCRIBE_STRUCT(TrustListResetRequest, (), (force))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_TRUST_METHODS(METHOD)                                 \
  METHOD(cert, list, 1, look, CertificateListRequest, CertificateList)  \
  METHOD(cert, show, 1, look, CertificateShowRequest, CertificateShow)  \
  METHOD(cert, plan, 1, look, RegenerateRequest, RegeneratePlan)        \
  METHOD(cert, regenerate, 1, begin, RegenerateRequest, JobStarted)     \
  METHOD(itl, show, 0, look, Nothing, TrustListShow)                    \
  METHOD(itl, examine, 0, look, TrustListExamineRequest, TrustListShow) \
  METHOD(itl, reset_plan, 4, look, TrustListResetRequest, Nothing)      \
  METHOD(itl, reset, 4, change, TrustListResetRequest, TrustListReset)  \
  METHOD(ctl, show, 0, look, Nothing, TrustListShow)                    \
  METHOD(ctl, examine, 0, look, TrustListExamineRequest, TrustListShow)
RINGFENCE_TRUST_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
