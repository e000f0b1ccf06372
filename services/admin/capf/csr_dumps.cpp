#include "services/admin/capf/csr_dumps.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/certificates/request.h"
#include "core/crypto/x509.h"
#include "services/admin/capf/offline_archive.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::PendingCsr;
using namespace core::admin;

namespace {

constexpr std::size_t kCsrsAPart = 2048;
constexpr std::size_t kSigners = 64;  // threads: what the signer's pool takes of one client

/// pem_of makes a phone's CSR, signed by CAPF.
std::string pem_of(const PendingCsr& csr, const X509& capf, EVP_PKEY& key, OSSL_LIB_CTX* context) {
  return core::to_pem(
      *core::make_phone_request({csr.phone, csr.model, csr.spki}, capf, key, context));
}

}  // namespace

struct CsrDumps::Dump {
  std::mutex mutex;
  std::chrono::steady_clock::time_point used;
  std::vector<PendingCsr> csrs;
  std::size_t next = 0;
  core::X509Cert capf;
  core::EvpPkey key;
  ArchiveWriter archive;
};

CsrDumps::CsrDumps(Parts parts) : parts_(std::move(parts)) {}

CsrDumps::~CsrDumps() = default;

std::shared_ptr<CsrDumps::Dump> CsrDumps::begin() {
  auto fresh = std::make_shared<Dump>();
  fresh->csrs = parts_.csrs();
  std::erase_if(fresh->csrs, [](const PendingCsr& csr) { return csr.serial.has_value(); });
  if (fresh->csrs.empty())
    throw Error(Code::not_found,
                "no CSR waits for a certificate; see 'utils capf csr count', and 'show capf "
                "policy' for who issues LSCs");
  const auto own = parts_.certificates.own(core::Unit::capf);
  if (!own) throw Error(Code::not_found, "this node has no CAPF certificate yet");
  fresh->capf = core::parse_certificate(own->der);
  fresh->key = parts_.token.key(own->key);
  return fresh;
}

std::vector<CsrDumps::Made> CsrDumps::sign(const Dump& dump, std::size_t from, std::size_t count) {
  std::vector<Made> made(count);
  std::atomic<std::size_t> next = 0;
  std::mutex failed_mutex;
  std::optional<Error> failed;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        made[i].pem = pem_of(dump.csrs[from + i], *dump.capf, *dump.key, parts_.token.context());
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
    for (std::size_t i = 1; i < std::min(count, kSigners); ++i) threads.emplace_back(work);
    work();
  }
  if (failed) throw Error(*failed);
  return made;
}

CsrDumpPart CsrDumps::dump(const CsrDumpRequest& request) {
  CsrDumpPart part;
  part.dump = request.dump;
  const std::shared_ptr<Dump> dump = dumps_.find(part.dump, [this] { return begin(); });
  const std::lock_guard lock(dump->mutex);
  const std::size_t from = dump->next;
  const std::size_t count = std::min(kCsrsAPart, dump->csrs.size() - from);

  const std::vector<Made> made = sign(*dump, from, count);
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
  if (part.finished) dumps_.forget(part.dump);
  return part;
}

}  // namespace ringfence::services::admin
