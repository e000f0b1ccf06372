#include "services/admin/capf/offline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/request.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/certificate_file.h"
#include "core/crypto/x509.h"
#include "core/net/rpc.h"
#include "services/admin/capf/offline_archive.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Code;
using core::Error;
using core::PendingCsr;
using namespace core::admin;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr std::size_t kFilesAPart = 512;
constexpr std::size_t kMostCertificatesAFile = 32;
constexpr std::size_t kCsrsAPart = 2048;
constexpr std::size_t kSigners = 64;  // threads: what the signer's pool takes of one client
constexpr std::size_t kMostTransfers = 4;
constexpr std::size_t kMostPartBytes = std::size_t{8} << 20;
constexpr std::size_t kMostUploadBytes = std::size_t{256} << 20;
constexpr auto kForgottenAfter = 10min;
constexpr auto kCapfAnswersWithin = 120s;
constexpr auto kIssueFor = 5s;
constexpr std::string_view kAll = "all";

using SteadyTime = std::chrono::steady_clock::time_point;

json::object ask_capf(const core::Config& config, std::string_view method,
                      const json::object& params) {
  try {
    return core::rpc_call(config.control_socket("capf"), method, params, kCapfAnswersWithin)
        .as_object();
  } catch (const Error& error) {
    if (error.code() != Code::io) throw;
    throw Error(Code::io, std::string("the journal of LSCs cannot be asked: ") + error.what());
  }
}

/// transfer finds a dump or upload by its number, or begins one for 0.
template <typename T>
std::shared_ptr<T> transfer(std::map<std::int64_t, std::shared_ptr<T>>& all, std::int64_t& id,
                            std::int64_t& last, const std::function<std::shared_ptr<T>()>& begin) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::erase_if(all, [&](const auto& entry) {
    return entry.second.use_count() == 1 && now - entry.second->used > kForgottenAfter;
  });
  if (id == 0) {
    if (all.size() >= kMostTransfers)
      throw Error(Code::conflict,
                  "too many dumps or imports are under way; one that was left is forgotten after "
                  "ten minutes");
    id = ++last;
    all[id] = begin();
  }
  const auto found = all.find(id);
  if (found == all.end())
    throw Error(Code::not_found,
                "it took too long between two parts and was forgotten; begin anew");
  found->second->used = now;
  return found->second;
}

/// pem_of makes a phone's CSR, signed by CAPF.
std::string pem_of(const PendingCsr& csr, const X509& capf, EVP_PKEY& key, OSSL_LIB_CTX* context) {
  return core::to_pem(
      *core::make_phone_request({csr.phone, csr.model, csr.spki}, capf, key, context));
}

bool looks_like_certificate(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view ending : {".der", ".cer", ".crt", ".pem", ".p7b", ".p7c"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// phone_certificate_of returns the one certificate in a file of an archive that is no CA's: CAs
/// often deliver it with those above it. A CA's alone is returned, for CAPF to refuse by its name.
const X509& phone_certificate_of(const core::CertificateFile& file) {
  X509* found = nullptr;
  for (const core::X509Cert& one : file.certificates) {
    if (core::certificate_facts_of(*one).kind == core::CertificateKind::authority) continue;
    if (found != nullptr)
      throw Error(Code::malformed,
                  "it holds the certificates of several devices; a file is to "
                  "hold that of one phone");
    found = one.get();
  }
  return found != nullptr ? *found : *file.certificates.front();
}

std::string devices_text(const std::vector<LscImport>& accepted, std::size_t refused) {
  json::array devices;
  for (const LscImport& one : accepted) devices.emplace_back(one.device);
  return json::serialize(json::object{{"devices", std::move(devices)}, {"refused", refused}});
}

}  // namespace

struct OfflineCa::Dump {
  std::mutex mutex;
  SteadyTime used;
  std::vector<PendingCsr> csrs;
  std::size_t next = 0;
  core::X509Cert capf;
  core::EvpPkey key;
  ArchiveWriter archive;
};

struct OfflineCa::Upload {
  std::mutex mutex;
  SteadyTime used;
  core::Fd file;
  std::size_t bytes = 0;
  std::unique_ptr<ArchiveReader> reader;  ///< once the import has begun
  std::int64_t done = 0;
  std::int64_t total = 0;
};

OfflineCa::OfflineCa(House& house) : house_(house) {}

OfflineCa::~OfflineCa() = default;

std::vector<PendingCsr> OfflineCa::csrs() {
  core::Database* capf = house_.capf_db();
  return capf == nullptr ? std::vector<PendingCsr>{} : core::EnrolmentStore(*capf).csrs();
}

CsrCount OfflineCa::count() {
  CsrCount count;
  for (const PendingCsr& csr : csrs()) {
    ++count.total;
    ++(csr.serial ? count.imported : count.waiting);
  }
  return count;
}

PhoneCsrList OfflineCa::list() {
  PhoneCsrList list;
  for (const PendingCsr& csr : csrs())
    list.csrs.push_back({csr.phone, core::to_iso(csr.created), csr.key, csr.model,
                         csr.peer.substr(0, csr.peer.rfind(':')),
                         csr.serial ? "imported" : "waiting"});
  return list;
}

CsrDumpPart OfflineCa::dump(const CsrDumpRequest& request) {
  CsrDumpPart part;
  part.dump = request.dump;
  std::shared_ptr<Dump> dump;
  {
    const std::lock_guard lock(mutex_);
    dump = transfer<Dump>(dumps_, part.dump, last_, [&] {
      auto fresh = std::make_shared<Dump>();
      fresh->csrs = csrs();
      std::erase_if(fresh->csrs, [](const PendingCsr& csr) { return csr.serial.has_value(); });
      if (fresh->csrs.empty())
        throw Error(Code::not_found,
                    "no CSR waits for a certificate; see 'utils capf csr count', and 'show capf "
                    "policy' for who issues LSCs");
      const auto own = house_.certificates.own(core::Unit::capf);
      if (!own) throw Error(Code::not_found, "this node has no CAPF certificate yet");
      fresh->capf = core::parse_certificate(own->der);
      fresh->key = house_.token.key(own->key);
      return fresh;
    });
  }
  const std::lock_guard lock(dump->mutex);
  const std::size_t from = dump->next;
  const std::size_t count = std::min(kCsrsAPart, dump->csrs.size() - from);

  struct Made {
    std::string pem;
    std::string why;
  };

  std::vector<Made> made(count);
  std::atomic<std::size_t> next = 0;
  std::mutex failed_mutex;
  std::optional<Error> failed;
  const auto sign = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        made[i].pem = pem_of(dump->csrs[from + i], *dump->capf, *dump->key, house_.token.context());
      } catch (const Error& error) {
        made[i].why = error.what();
        if (error.code() == Code::malformed) continue;
        const std::lock_guard guard(failed_mutex);
        failed = error;
        next = count;
      } catch (const std::exception& error) {
        made[i].why = error.what();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(count, kSigners); ++i) threads.emplace_back(sign);
    sign();
  }
  if (failed) throw Error(*failed);
  for (std::size_t i = 0; i < count; ++i) {
    const PendingCsr& csr = dump->csrs[from + i];
    if (made[i].pem.empty()) {
      part.left_out.push_back(csr.phone + ": " + made[i].why);
    } else {
      dump->archive.add(csr.phone + ".csr", made[i].pem, csr.created);
    }
  }
  dump->next += count;
  part.done = static_cast<std::int64_t>(dump->next);
  part.total = static_cast<std::int64_t>(dump->csrs.size());
  part.finished = dump->next == dump->csrs.size();
  if (part.finished) dump->archive.finish();
  part.archive = core::to_base64(dump->archive.take());
  if (part.finished) {
    const std::lock_guard guard(mutex_);
    dumps_.erase(part.dump);
  }
  return part;
}

Uploaded OfflineCa::upload(const UploadRequest& request) {
  Uploaded uploaded;
  uploaded.upload = request.upload;
  if (request.archive.size() > kMostPartBytes / 3 * 4 + 4)
    throw Error(Code::malformed, "a part of an upload has at most 8 MiB");
  const Bytes bytes = core::from_base64(request.archive);
  std::shared_ptr<Upload> upload;
  {
    const std::lock_guard lock(mutex_);
    upload = transfer<Upload>(uploads_, uploaded.upload, last_, [&] {
      std::string name = (house_.config.state() / "run" / "upload.XXXXXX").string();
      auto fresh = std::make_shared<Upload>();
      fresh->file = core::Fd(::mkostemp(name.data(), O_CLOEXEC));
      if (!fresh->file)
        throw Error(Code::io, fmt::format("cannot make {}: {}", name, std::strerror(errno)));
      ::unlink(name.c_str());  // it ends with its descriptor, also when this process is killed
      return fresh;
    });
  }
  const std::lock_guard lock(upload->mutex);
  if (upload->reader) throw Error(Code::conflict, "the import of this upload has begun");
  if (upload->bytes + bytes.size() > kMostUploadBytes)
    throw Error(Code::malformed, fmt::format("the archive has more than {} MiB; import several "
                                             "smaller ones",
                                             kMostUploadBytes >> 20));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::pwrite(upload->file.get(), bytes.data() + at, bytes.size() - at,
                                   static_cast<off_t>(upload->bytes + at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      throw Error(Code::io, fmt::format("the upload cannot be kept: {}", std::strerror(errno)));
    at += static_cast<std::size_t>(count);
  }
  upload->bytes += bytes.size();
  uploaded.bytes = static_cast<std::int64_t>(upload->bytes);
  return uploaded;
}

LscImportPart OfflineCa::import(const LscImportRequest& request, const std::string& who) {
  std::shared_ptr<Upload> upload;
  std::int64_t id = request.upload;
  {
    const std::lock_guard lock(mutex_);
    if (id == 0) throw Error(Code::malformed, "an import begins with an upload");
    upload = transfer<Upload>(uploads_, id, last_, {});
  }
  const std::lock_guard lock(upload->mutex);
  const auto forget = [&] {
    const std::lock_guard guard(mutex_);
    uploads_.erase(id);
  };
  LscImportPart part;
  try {
    if (!upload->reader) {
      ArchiveReader whole(upload->file);
      while (whole.next()) ++upload->total;
      if (upload->total == 0) throw Error(Code::malformed, "there are no files in the archive");
      upload->reader = std::make_unique<ArchiveReader>(upload->file);
    }
    json::array asked;
    std::size_t taken = 0;
    for (; taken < kFilesAPart; ++taken) {
      const auto file = upload->reader->next();
      if (!file) {
        part.finished = true;
        break;
      }
      ++upload->done;
      try {
        if (!looks_like_certificate(file->name))
          throw Error(Code::malformed,
                      "its name does not end in .der, .cer, .crt, .pem, .p7b or .p7c, so it is no "
                      "certificate");
        const core::CertificateFile read =
            core::read_certificate_file(file->bytes, kMostCertificatesAFile);
        asked.push_back(json::object{
            {"file", file->name}, {"der", core::to_hex(core::to_der(phone_certificate_of(read)))}});
        for (const std::string& note : read.notes) part.notes.push_back(file->name + ": " + note);
        for (const std::string& one : read.warnings)
          part.warnings.push_back(file->name + ": " + one);
      } catch (const Error& error) {
        part.refused.push_back({file->name, "", error.what()});
      }
    }
    part.finished = part.finished || upload->done == upload->total;
    const json::object answer =
        ask_capf(house_.config, "offline.import", {{"certificates", std::move(asked)}});
    for (const json::value& one : answer.at("results").as_array()) {
      const std::string file(one.at("file").as_string());
      const std::string device(one.at("device").as_string());
      const std::string reason(one.at("reason").as_string());
      if (reason.empty()) {
        part.accepted.push_back({file, device});
      } else {
        part.refused.push_back({file, device, reason});
      }
    }
  } catch (...) {
    forget();
    throw;
  }
  part.done = upload->done;
  part.total = upload->total;
  if (part.finished) forget();
  house_.record_done(who, "LSC_IMPORT_DONE", devices_text(part.accepted, part.refused.size()));
  return part;
}

LscIssuePart OfflineCa::issue(const LscIssueRequest& request, const std::string& who) {
  std::vector<PendingCsr> waiting = csrs();
  std::erase_if(waiting, [&](const PendingCsr& csr) {
    if (request.device != kAll) return csr.phone != request.device;
    return csr.serial.has_value() || csr.phone <= request.after;
  });
  if (request.device != kAll && waiting.empty())
    throw Error(Code::not_found, fmt::format("there is no CSR of '{}'; 'utils capf csr list' shows "
                                             "those that wait",
                                             request.device));
  LscIssuePart part;
  std::vector<LscImport> issued;
  // Finding those that wait reads them all, so a part is as long as a person likes to wait.
  const SteadyTime until = std::chrono::steady_clock::now() + kIssueFor;
  std::size_t done = 0;
  while (done < waiting.size() && std::chrono::steady_clock::now() < until) {
    json::array phones;
    for (; phones.size() < kFilesAPart && done < waiting.size(); ++done)
      phones.emplace_back(waiting[done].phone);
    const json::object answer =
        ask_capf(house_.config, "offline.issue", {{"phones", std::move(phones)}});
    for (const json::value& one : answer.at("results").as_array()) {
      const std::string device(one.at("device").as_string());
      const std::string reason(one.at("reason").as_string());
      if (reason.empty()) {
        part.issued.push_back(device);
        issued.push_back({"", device});
      } else {
        part.refused.push_back({"", device, reason});
      }
    }
  }
  part.left = static_cast<std::int64_t>(waiting.size() - done);
  part.finished = part.left == 0;
  if (done > 0) part.last = waiting[done - 1].phone;
  house_.record_done(who, "LSC_ISSUE_DONE", devices_text(issued, part.refused.size()));
  return part;
}

CsrsDeleted OfflineCa::remove(const PhoneSelection& selection) {
  std::vector<std::string> devices;
  for (const PendingCsr& csr : csrs())
    if (selection.device == kAll || csr.phone == selection.device) devices.push_back(csr.phone);
  if (devices.empty() && selection.device != kAll)
    throw Error(Code::not_found, fmt::format("there is no CSR of '{}'", selection.device));
  CsrsDeleted deleted;
  for (std::size_t at = 0; at < devices.size(); at += kFilesAPart) {
    json::array phones;
    for (std::size_t i = at; i < std::min(at + kFilesAPart, devices.size()); ++i)
      phones.emplace_back(devices[i]);
    deleted.deleted += ask_capf(house_.config, "offline.remove", {{"phones", std::move(phones)}})
                           .at("removed")
                           .as_int64();
  }
  return deleted;
}

StaleLscList OfflineCa::stale() {
  StaleLscList list;
  core::Database* capf = house_.capf_db();
  if (capf == nullptr) return list;
  for (const core::IssuedCertificate& one : core::EnrolmentStore(*capf).stale(house_.clock.now())) {
    StaleLsc row;
    row.device = one.phone;
    row.serial = core::to_hex(one.serial, core::Case::upper);
    row.issuer = one.issuer;
    row.issued = core::to_iso(one.issued_at);
    if (one.delivered_at) row.delivered = core::to_iso(*one.delivered_at);
    row.expires = core::to_iso(one.not_after);
    list.certificates.push_back(std::move(row));
  }
  return list;
}

StaleCleared OfflineCa::clear_stale(const PhoneSelection& selection) {
  json::object params{{"phone", nullptr}};
  if (selection.device != kAll) params["phone"] = selection.device;
  const std::int64_t cleared =
      ask_capf(house_.config, "stale.clear", params).at("cleared").as_int64();
  if (cleared == 0 && selection.device != kAll)
    throw Error(Code::not_found, fmt::format("there is no stale LSC of '{}'", selection.device));
  return {cleared};
}

}  // namespace ringfence::services::admin
