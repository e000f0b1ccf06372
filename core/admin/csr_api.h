// What a shell may ask about requests for certificates and imports: csr.*, cert.import*.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/api.h"
#include "core/admin/method.h"

namespace ringfence::core::admin {

// --- csr.generate, csr.list, csr.show ----------------------------------------------------------

struct CsrGenerateRequest {
  std::string unit;
};
BOOST_DESCRIBE_STRUCT(CsrGenerateRequest, (), (unit))

struct CsrFacts {
  std::string unit;  ///< "CAPF"
  std::string file;  ///< "CAPF.csr"
  std::string subject;
  std::string key;      ///< "RSA 2048"
  std::string created;  ///< RFC 3339
};
BOOST_DESCRIBE_STRUCT(CsrFacts, (), (unit, file, subject, key, created))

struct CsrGenerated {
  CsrFacts csr;
  bool replaced = false;  ///< an earlier request and its key are gone
};
BOOST_DESCRIBE_STRUCT(CsrGenerated, (), (csr, replaced))

struct CsrList {
  std::vector<CsrFacts> csrs;
};
BOOST_DESCRIBE_STRUCT(CsrList, (), (csrs))

struct CsrShowRequest {
  std::string name;  ///< "CAPF", "CAPF/CAPF.csr"
};
BOOST_DESCRIBE_STRUCT(CsrShowRequest, (), (name))

struct CsrShow {
  CsrFacts csr;
  std::string pem;
  std::string text;  ///< the request laid out, then the PEM
};
BOOST_DESCRIBE_STRUCT(CsrShow, (), (csr, pem, text))

// --- cert.import_plan, cert.import, cert.import_trust ------------------------------------------

/// cert.import_plan checks everything and changes nothing; cert.import starts the job (JobStarted).
/// Of several certificates the one that was made of the unit's request counts.
struct CertificateImportRequest {
  std::string unit;
  std::string pem;                         ///< text of any form; "" when there is `content`
  std::optional<std::string> ca_cert;      ///< the trusted certificate that must be the issuer
  std::optional<std::string> content;      ///< a file's bytes of any form, in base64
  std::optional<std::int64_t> force = {};  ///< see Guard
};
BOOST_DESCRIBE_STRUCT(CertificateImportRequest, (), (unit, pem, ca_cert, content, force))

struct CertificateImportPlan {
  std::string unit;
  std::string subject;
  std::string serial;
  std::string not_after;
  std::vector<std::string> issuers;  ///< subjects, nearest first, the root last
  std::int64_t phones = 0;           ///< known
  std::int64_t phones_reset = 0;     ///< registered now, will be reset to fetch the new ITL
  std::vector<std::string> notes;    ///< sentences an administrator should read before saying yes
  std::string found;                 ///< what was given: "PKCS#7 in DER with 3 certificates"
  std::vector<Guard> guards = {};    ///< this and the next two as RegeneratePlan's
  std::int64_t stranded = 0;
  std::string refusal = {};
  std::vector<std::string> warnings = {};  ///< of what was given: a private key was in it
};
BOOST_DESCRIBE_STRUCT(CertificateImportPlan, (),
                      (unit, subject, serial, not_after, issuers, phones, phones_reset, notes,
                       found, guards, stranded, refusal, warnings))

struct TrustImportRequest {
  std::string unit;  ///< "CAPF", "CallManager-trust"
  std::string pem;   ///< one certificate or more, in any form; "" when there is `content`
  std::optional<std::string> content;  ///< a file's bytes of any form, in base64
  /// Of CAPF-trust: mic, capf or ca; absent: by what each certificate is.
  std::optional<std::string> purpose = {};
};
BOOST_DESCRIBE_STRUCT(TrustImportRequest, (), (unit, pem, content, purpose))

struct TrustImport {
  std::string unit;  ///< the store: "CAPF-trust"
  std::string file;
  std::string subject;
  std::string result;        ///< "added", "replaced" an older one of its subject, "known"
  std::string purpose = {};  ///< in CAPF-trust: mic, capf, ca; else ""
};
BOOST_DESCRIBE_STRUCT(TrustImport, (), (unit, file, subject, result, purpose))

struct TrustImported {
  std::vector<TrustImport> certificates;
  std::vector<std::string> notes;          ///< what has to be done beside it, a sentence each
  std::string found;                       ///< what was given: "PKCS#7 in DER with 3 certificates"
  std::vector<std::string> warnings = {};  ///< of what was given: a private key was in it
};
BOOST_DESCRIBE_STRUCT(TrustImported, (), (certificates, notes, found, warnings))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_CSR_METHODS(METHOD)                                                 \
  METHOD(csr, generate, 1, change, CsrGenerateRequest, CsrGenerated)                  \
  METHOD(csr, list, 1, look, Nothing, CsrList)                                        \
  METHOD(csr, show, 1, look, CsrShowRequest, CsrShow)                                 \
  METHOD(cert, import_plan, 1, look, CertificateImportRequest, CertificateImportPlan) \
  METHOD(cert, import, 1, begin, CertificateImportRequest, JobStarted)                \
  METHOD(cert, import_trust, 1, change, TrustImportRequest, TrustImported)
RINGFENCE_CSR_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
