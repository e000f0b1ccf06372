#include "services/admin/capf/lsc_imports.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/certificate_file.h"
#include "core/crypto/x509.h"
#include "services/admin/capf/journal.h"
#include "services/admin/capf/offline_archive.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Code;
using core::Error;
using namespace core::admin;
namespace json = boost::json;

namespace {

constexpr std::size_t kMostCertificatesAFile = 32;
constexpr std::size_t kMostPartBytes = std::size_t{8} << 20;
constexpr std::size_t kMostUploadBytes = std::size_t{256} << 20;

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

}  // namespace

struct LscImports::Upload {
  std::mutex mutex;
  std::chrono::steady_clock::time_point used;
  core::Fd file;
  std::size_t bytes = 0;
  std::unique_ptr<ArchiveReader> reader;  ///< once the import has begun
  std::int64_t done = 0;
  std::int64_t total = 0;
};

std::string devices_text(const std::vector<LscImport>& accepted, std::size_t refused) {
  json::array devices;
  for (const LscImport& one : accepted) devices.emplace_back(one.device);
  return json::serialize(json::object{{"devices", std::move(devices)}, {"refused", refused}});
}

LscImports::LscImports(Parts parts) : parts_(std::move(parts)) {}

LscImports::~LscImports() = default;

std::shared_ptr<LscImports::Upload> LscImports::begin() {
  std::string name = (parts_.config.state() / "run" / "upload.XXXXXX").string();
  auto fresh = std::make_shared<Upload>();
  fresh->file = core::Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fresh->file)
    throw Error(Code::io, fmt::format("cannot make {}: {}", name, std::strerror(errno)));
  ::unlink(name.c_str());  // it ends with its descriptor, also when this process is killed
  return fresh;
}

Uploaded LscImports::upload(const UploadRequest& request) {
  Uploaded uploaded;
  uploaded.upload = request.upload;
  if (request.archive.size() > kMostPartBytes / 3 * 4 + 4)
    throw Error(Code::malformed, "a part of an upload has at most 8 MiB");
  const Bytes bytes = core::from_base64(request.archive);
  const std::shared_ptr<Upload> upload = uploads_.find(uploaded.upload, [this] { return begin(); });
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

/// read_some reads the next files of an archive: what to ask of the journal about them, and those
/// that are refused here.
json::array LscImports::read_some(Upload& upload, LscImportPart& part) {
  json::array asked;
  for (std::size_t taken = 0; taken < kJournalBatch; ++taken) {
    const auto file = upload.reader->next();
    if (!file) {
      part.finished = true;
      break;
    }
    ++upload.done;
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
      for (const std::string& one : read.warnings) part.warnings.push_back(file->name + ": " + one);
    } catch (const Error& error) {
      part.refused.push_back({file->name, "", error.what()});
    }
  }
  return asked;
}

LscImportPart LscImports::import(const LscImportRequest& request, const std::string& who) {
  std::int64_t id = request.upload;
  if (id == 0) throw Error(Code::malformed, "an import begins with an upload");
  const std::shared_ptr<Upload> upload = uploads_.find(id, {});
  const std::lock_guard lock(upload->mutex);
  LscImportPart part;
  try {
    if (!upload->reader) {
      ArchiveReader whole(upload->file);
      while (whole.next()) ++upload->total;
      if (upload->total == 0) throw Error(Code::malformed, "there are no files in the archive");
      upload->reader = std::make_unique<ArchiveReader>(upload->file);
    }
    json::array asked = read_some(*upload, part);
    part.finished = part.finished || upload->done == upload->total;
    const json::object answer =
        ask_journal(parts_.config, "offline.import", {{"certificates", std::move(asked)}});
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
    uploads_.forget(id);
    throw;
  }
  part.done = upload->done;
  part.total = upload->total;
  if (part.finished) uploads_.forget(id);
  parts_.record(who, "LSC_IMPORT_DONE", devices_text(part.accepted, part.refused.size()));
  return part;
}

}  // namespace ringfence::services::admin
