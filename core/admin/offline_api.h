// What a shell may ask about LSCs that an offline CA signs, and about stale ones: offline.*,
// stale.*.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/method.h"

// Long work goes by parts: the shell asks again until `finished`, so that no request is long, no
// answer is large, and leaving between two parts leaves nothing half.

namespace ringfence::core::admin {

/// PhoneSelection is one device, or "all".
struct PhoneSelection {
  std::string device;
};
BOOST_DESCRIBE_STRUCT(PhoneSelection, (), (device))

// --- offline.count, offline.list ---------------------------------------------------------------

struct CsrCount {
  std::int64_t total = 0;
  std::int64_t waiting = 0;   ///< for a certificate
  std::int64_t imported = 0;  ///< the certificate is here and waits for its phone
};
BOOST_DESCRIBE_STRUCT(CsrCount, (), (total, waiting, imported))

struct PhoneCsr {
  std::string device;
  std::string created;  ///< RFC 3339
  std::string key;      ///< "RSA 2048"
  std::string model;
  std::string address;  ///< the phone's when it asked
  std::string state;    ///< "waiting" for a certificate, "imported": waits for its phone
};
BOOST_DESCRIBE_STRUCT(PhoneCsr, (), (device, created, key, model, address, state))

struct PhoneCsrList {
  std::vector<PhoneCsr> csrs;  ///< by device
};
BOOST_DESCRIBE_STRUCT(PhoneCsrList, (), (csrs))

// --- offline.dump ------------------------------------------------------------------------------

/// Dump 0 begins one.
struct CsrDumpRequest {
  std::int64_t dump = 0;
};
BOOST_DESCRIBE_STRUCT(CsrDumpRequest, (), (dump))

struct CsrDumpPart {
  std::int64_t dump = 0;
  std::string archive;  ///< the next bytes of the .tgz, base64
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::vector<std::string> left_out;  ///< in this part: "SEP…: why"
  bool finished = false;
};
BOOST_DESCRIBE_STRUCT(CsrDumpPart, (), (dump, archive, done, total, left_out, finished))

/// CsrDumped is what `utils capf csr dump` prints of it all.
struct CsrDumped {
  std::string file;
  std::int64_t csrs = 0;
  std::int64_t bytes = 0;
  std::vector<std::string> left_out;
};
BOOST_DESCRIBE_STRUCT(CsrDumped, (), (file, csrs, bytes, left_out))

// --- offline.upload, offline.import ------------------------------------------------------------

/// Upload 0 begins one.
struct UploadRequest {
  std::int64_t upload = 0;
  std::string archive;  ///< the next bytes, base64, at most 8 MiB
};
BOOST_DESCRIBE_STRUCT(UploadRequest, (), (upload, archive))

struct Uploaded {
  std::int64_t upload = 0;
  std::int64_t bytes = 0;  ///< so far
};
BOOST_DESCRIBE_STRUCT(Uploaded, (), (upload, bytes))

struct LscImportRequest {
  std::int64_t upload = 0;
};
BOOST_DESCRIBE_STRUCT(LscImportRequest, (), (upload))

struct LscImport {
  std::string file;
  std::string device;  ///< "" when none is known
};
BOOST_DESCRIBE_STRUCT(LscImport, (), (file, device))

struct LscRefusal {
  std::string file;
  std::string device;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(LscRefusal, (), (file, device, reason))

/// LscImportPart is what became of the next files; all parts together are LscImported's.
struct LscImportPart {
  std::vector<LscImport> accepted;
  std::vector<LscRefusal> refused;
  std::int64_t done = 0;
  std::int64_t total = 0;
  bool finished = false;
  std::vector<std::string> notes;  ///< what else was in a file and was not taken, after its name
  std::vector<std::string> warnings = {};  ///< likewise: a private key was in it
};
BOOST_DESCRIBE_STRUCT(LscImportPart, (),
                      (accepted, refused, done, total, finished, notes, warnings))

struct LscImported {
  std::vector<LscImport> accepted;
  std::vector<LscRefusal> refused;
  std::int64_t told = 0;  ///< phones that were asked to fetch their certificate now
  std::vector<std::string> notes;
  std::vector<std::string> warnings = {};
};
BOOST_DESCRIBE_STRUCT(LscImported, (), (accepted, refused, told, notes, warnings))

// --- offline.issue, offline.remove -------------------------------------------------------------

struct LscIssueRequest {
  std::string device;  ///< one, or "all"
  std::string after;   ///< of all: those whose names come behind it
};
BOOST_DESCRIBE_STRUCT(LscIssueRequest, (), (device, after))

struct LscIssuePart {
  std::vector<std::string> issued;
  std::vector<LscRefusal> refused;  ///< `file` is empty
  std::string last;                 ///< where the next part goes on
  std::int64_t left = 0;
  bool finished = false;
};
BOOST_DESCRIBE_STRUCT(LscIssuePart, (), (issued, refused, last, left, finished))

struct LscsIssued {
  std::vector<std::string> issued;
  std::vector<LscRefusal> refused;
};
BOOST_DESCRIBE_STRUCT(LscsIssued, (), (issued, refused))

struct CsrsDeleted {
  std::int64_t deleted = 0;
};
BOOST_DESCRIBE_STRUCT(CsrsDeleted, (), (deleted))

// --- stale.list, stale.clear -------------------------------------------------------------------

struct StaleLsc {
  std::string device;
  std::string serial;
  std::string issuer;
  std::string issued;  ///< RFC 3339
  std::optional<std::string> delivered;
  std::string expires;
};
BOOST_DESCRIBE_STRUCT(StaleLsc, (), (device, serial, issuer, issued, delivered, expires))

struct StaleLscList {
  std::vector<StaleLsc> certificates;  ///< oldest first
};
BOOST_DESCRIBE_STRUCT(StaleLscList, (), (certificates))

struct StaleCleared {
  std::int64_t cleared = 0;
};
BOOST_DESCRIBE_STRUCT(StaleCleared, (), (cleared))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_OFFLINE_METHODS(METHOD)                             \
  METHOD(offline, count, 0, look, Nothing, CsrCount)                  \
  METHOD(offline, list, 0, look, Nothing, PhoneCsrList)               \
  METHOD(offline, dump, 1, look, CsrDumpRequest, CsrDumpPart)         \
  METHOD(offline, upload, 1, look, UploadRequest, Uploaded)           \
  METHOD(offline, import, 1, change, LscImportRequest, LscImportPart) \
  METHOD(offline, issue, 1, change, LscIssueRequest, LscIssuePart)    \
  METHOD(offline, remove, 1, change, PhoneSelection, CsrsDeleted)     \
  METHOD(stale, list, 0, look, Nothing, StaleLscList)                 \
  METHOD(stale, clear, 1, change, PhoneSelection, StaleCleared)
RINGFENCE_OFFLINE_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
