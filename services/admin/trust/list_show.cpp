#include "services/admin/trust/list_show.h"

#include <fmt/format.h>

#include "core/admin/json.h"
#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/net/rpc.h"
#include "services/admin/node/control_socket.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::TrustListFacts;
using core::admin::TrustListElement;
using core::admin::TrustListShow;

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

std::vector<TrustListElement> elements_of(const std::vector<TrustListFacts::Element>& elements) {
  std::vector<TrustListElement> rows;
  for (const TrustListFacts::Element& one : elements)
    rows.push_back({one.tag, one.length, one.hex});
  return rows;
}

core::admin::TrustListRecord record_of(const TrustListFacts::Record& record, int number) {
  core::admin::TrustListRecord row;
  row.number = number;
  row.length = static_cast<int>(record.length);
  if (record.dns_name) row.dns_name = record.dns_name->text;
  if (record.subject) row.subject = record.subject->text;
  row.function = record.function;
  if (record.issuer) row.issuer = record.issuer->text;
  row.serial = record.serial;
  row.full_certificate = record.certificate_bytes > 0;
  row.certificate_sha1 = row.full_certificate ? record.certificate_sha1 : record.hash;
  row.signer = record.signed_the_file.value_or(false);
  row.unknown = elements_of(record.unknown);
  return row;
}

/// whose says whether we know the certificate that a foreign list was verified by.
std::string whose(const core::CertificateStore& certificates, const core::Bytes& der) {
  for (const core::TrustedCertificate& one : certificates.trusted())
    if (one.der == der)
      return fmt::format("which is in {} and is not one that this house signs with", one.store);
  return "which is not one of this house's";
}

core::Bytes content_of(const std::string& base64) {
  if (base64.size() > (kMostBytes + 2) / 3 * 4)
    throw Error(Code::malformed, "the file is longer than 1 MiB; no trust list is");
  try {
    return core::from_base64(base64);
  } catch (const Error&) {
    throw Error(Code::malformed, "the parameter 'content' is not base64 (RFC 4648)");
  }
}

/// served_by_tftp asks Cisco Tftp which file phones get.
core::admin::TrustListServed served_by_tftp(const core::Config& config, const std::string& name) {
  core::admin::TrustListServed served;
  try {
    const boost::json::object answer =
        core::rpc_call(config.control_socket("tftp"), "lists", {}, std::chrono::seconds(2))
            .as_object();
    const boost::json::value* list = answer.if_contains(name);
    if (list != nullptr && list->is_object())
      return core::admin::from_json<core::admin::TrustListServed>(list->get_object());
    served.problem = "Cisco Tftp does not say what it serves";
  } catch (const Error& error) {
    served.problem = error.code() == Code::io ? "Cisco Tftp does not answer" : error.what();
  }
  return served;
}

}  // namespace

TrustListShow show_of(const TrustListFacts& facts, core::Time modified) {
  TrustListShow show;
  show.length = static_cast<std::int64_t>(facts.length);
  show.state = facts.state;
  show.error = facts.problem;
  show.md5 = facts.md5;
  show.sha1 = facts.sha1;
  show.sha256 = facts.sha256;
  if (facts.length > 0 && modified != core::Time{}) show.modified = core::to_iso(modified);
  if (facts.header) {
    show.signer = facts.header->signer.text;
    show.signer_version = facts.header->signer_version;
    show.unknown = elements_of(facts.header->unknown);
  }
  int number = 0;
  for (const TrustListFacts::Record& record : facts.records)
    show.records.push_back(record_of(record, ++number));
  show.signer_record = static_cast<int>(facts.signer_record);
  if (facts.state == "verified") show.verified_by = facts.signer_record == 0 ? "house" : "file";
  show.verification = facts.remark;
  show.text = core::render_trust_list(facts);
  return show;
}

TrustListShow examine_list(const core::CertificateStore& certificates, core::ListKind kind,
                           const core::admin::TrustListExamineRequest& request) {
  const core::Bytes file = content_of(request.content);
  const core::Time modified = core::from_seconds(request.modified.value_or(0));
  if (file.empty()) {
    TrustListShow show = show_of(core::facts_of_empty(kind), modified);
    show.file = request.name;
    return show;
  }
  std::optional<core::Bytes> ours;
  try {
    const core::SignerName signer = core::parse_header(file).signer;
    for (const core::OwnCertificate& one : certificates.all_own())
      if (core::signer_name_of(*core::parse_certificate(one.der)) == signer) ours = one.der;
  } catch (const Error& error) {  // facts_of says what is wrong with the file
    if (error.code() != Code::malformed) throw;
  }
  TrustListFacts facts = core::facts_of(
      kind, file, modified,
      ours ? core::FindSigner([&](const core::SignerName&) { return ours; }) : core::FindSigner());
  if (facts.signer_record > 0) {
    const core::TrustList list = core::parse_trust_list(file);
    facts.remark =
        fmt::format("It was verified by the certificate in record {}, {}.", facts.signer_record,
                    whose(certificates, list.records[facts.signer_record - 1].certificate));
  }
  TrustListShow show = show_of(facts, modified);
  show.file = request.name;
  return show;
}

void warn_unless_served(const core::Config& config, core::ListKind kind, TrustListShow& show) {
  const std::string name(core::name(kind));
  core::admin::TrustListServed served = served_by_tftp(config, name);
  if (served.problem.empty() && served.sha1 == show.sha1) return;
  show.warnings.push_back(
      !served.problem.empty()
          ? fmt::format("The file is good, but {}: phones cannot fetch it now. Mend that with "
                        "'utils service {} Cisco Tftp'.",
                        served.problem, serves(config.control_socket("tftp")) ? "restart" : "start")
      : served.length == 0
          ? fmt::format("The file is good, but Cisco Tftp serves no {} file. Mend that with 'utils "
                        "service restart Cisco Tftp'.",
                        name)
          : fmt::format("The file is good, but Cisco Tftp serves another one: {} bytes, {}(SHA1), "
                        "since {}. Mend that with 'utils service restart Cisco Tftp'.",
                        served.length, served.sha1, served.since));
  show.served = std::move(served);
}

void note_served(const core::Config& config, core::ListKind kind, TrustListShow& show) {
  const std::string name(core::name(kind));
  core::admin::TrustListServed served = served_by_tftp(config, name);
  if (!served.problem.empty()) {
    show.verification = fmt::format("What phones get cannot be said: {}.", served.problem);
  } else if (served.length == 0) {
    show.verification = fmt::format("Cisco Tftp serves no {} file.", name);
  } else if (served.sha1 == show.sha1) {
    show.verification = "Cisco Tftp serves this file to phones all the same.";
  } else {
    show.verification = fmt::format(
        "Cisco Tftp does not serve this file. Phones get its last good one: {} bytes, {}(MD5), "
        "{}(SHA1), since {}.",
        served.length, served.md5, served.sha1, served.since);
  }
  show.served = std::move(served);
  show.text += show.verification + "\n";
  if (kind == core::ListKind::itl)
    show.text += "'utils service restart Cisco Tftp' puts the last good one in the file's place.\n";
}

}  // namespace ringfence::services::admin
