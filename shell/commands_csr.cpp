// set csr, show csr, set cert import: certificates that another CA signs.
#include <memory>

#include <fmt/format.h>

#include "core/admin/csr_api.h"
#include "shell/call.h"
#include "shell/certificate_input.h"
#include "shell/commands.h"
#include "shell/duration.h"
#include "shell/guards.h"
#include "shell/printable.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

std::vector<std::string> csr_names(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::csr_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names;
  for (const CsrFacts& facts : list.csrs) names.push_back(facts.unit + "/" + facts.file);
  return names;
}

std::string list_text(const CsrList& list) {
  std::string text;
  for (const CsrFacts& facts : list.csrs) text += fmt::format("{}/{}\n", facts.unit, facts.file);
  return text.empty() ? "There are no certificate signing requests.\n" : text;
}

Status list_csrs(Call& call) {
  const auto list = call.ask(method::csr_list, Nothing{});
  call.answer(list, list_text(list));
  return Status::success;
}

Status show_csr(Call& call) {
  const auto show = call.ask(method::csr_show, CsrShowRequest{call.arguments.at("name")});
  call.answer(show, show.text);
  return Status::success;
}

Status generate(Call& call) {
  const auto made = call.ask(method::csr_generate, CsrGenerateRequest{call.arguments.at("unit")});
  std::string text = fmt::format("Successfully Generated CSR for {}.\n", made.csr.unit);
  if (made.replaced) text += "It takes the place of the earlier one, which is worth nothing now.\n";
  text +=
      fmt::format("Its subject is {}. The certificate in use stays until you import the new one:\n",
                  made.csr.subject);
  const std::string& unit = made.csr.unit;
  for (const auto& [command, meaning] :
       {std::pair{fmt::format("show csr own {}/{}", unit, made.csr.file),
                  "the request, for the CA to sign"},
        std::pair{"set cert import trust " + unit, "the CA's certificates, up to its root"},
        std::pair{"set cert import own " + unit, "the certificate that it made"}})
    text += fmt::format("  {:<28}  {}\n", command, meaning);
  call.answer(made, text);
  return Status::success;
}

Status import_trust(Call& call) {
  const CertificateInput input = read_certificate_input(call);
  const auto imported = call.ask(method::cert_import_trust,
                                 TrustImportRequest{call.arguments.at("unit"), input.text,
                                                    input.content, call.arguments.find("purpose")});
  std::string text = fmt::format("Read: {}.\n", imported.found);
  for (const TrustImport& one : imported.certificates) {
    if (one.result == "known") {
      const std::optional<std::string> purpose = call.arguments.find("purpose");
      text += fmt::format("{}/{} holds this certificate already{}.\n", one.unit, one_line(one.file),
                          purpose ? "; its purpose is " + *purpose : "");
    } else {
      text += fmt::format("Successfully imported certificate for {}: {}/{}{}\n", one.unit, one.unit,
                          one_line(one.file),
                          one.result == "replaced" ? ", in the place of an older one" : "");
    }
  }
  if (!imported.certificates.empty())
    text += fmt::format("The services related to {} use it already; no restart is needed.\n",
                        imported.certificates.front().unit);
  text += Remarks{imported.warnings, imported.notes}.text();
  call.answer(imported, text);
  return Status::success;
}

/// OwnImport is `set cert import own`: what is pasted for the question serves the import.
class OwnImport {
 public:
  std::optional<Confirmation> confirm(Call& call) {
    refusal_ = {};
    timeout_of(call.arguments);
    input_ = read_certificate_input(call);
    const auto plan = call.ask(method::cert_import_plan, request(call));
    std::string warning =
        fmt::format("Read: {}.\nThe certificate of {} was issued by {}.\n", plan.found,
                    plan.subject, plan.issuers.empty() ? "itself" : join(plan.issuers, ", by "));
    warning +=
        fmt::format("WARNING: This operation will overwrite the certificate of {}\n", plan.unit);
    warning += plan.phones_reset == 0
                   ? fmt::format("WARNING: Importing it resets no phones.\n")
                   : fmt::format("WARNING: Importing it resets {} so that {} the new ITL file.\n",
                                 counted(plan.phones_reset, "registered phone"),
                                 plan.phones_reset == 1 ? "it fetches" : "they fetch");
    warning += guards_text(plan.guards);
    warning += Remarks{plan.warnings, plan.notes}.text();
    refusal_ = Refusal::of(plan);
    if (refusal_.refuses()) {
      call.warn(warning);
      return std::nullopt;
    }
    return Confirmation{warning, "Proceed with the import (yes|no)? ", "Import cancelled."};
  }

  /// run watches the job as `set cert regen` does, and says each thing once, when it is true.
  Status run(Call& call) {
    if (refusal_.refuses()) return refusal_.tell(call);
    const Timeout timeout = timeout_of(call.arguments);
    if (!input_) input_ = read_certificate_input(call);
    const CertificateImportRequest wanted = request(call);
    input_.reset();
    const auto started = call.ask(method::cert_import, wanted);
    return watch_change(
        call, started.job,
        [](const JobReport& report) {
          return fmt::format("Successfully imported certificate for {}.\n{}", report.subject,
                             in_use_text(report.subject, report));
        },
        timeout);
  }

 private:
  CertificateImportRequest request(Call& call) const {
    return {call.arguments.at("unit"), input_->text, call.arguments.find("caCert"), input_->content,
            call.arguments.integer("force")};
  }

  std::optional<CertificateInput> input_;
  Refusal refusal_;
};

Parameter file_parameter() {
  return {
      .name = "file",
      .help =
          "a file of certificates in any form, - for standard input; without it they are pasted",
      .kind = Kind::file,
      .presence = Presence::optional,
      .form = Form::named};
}

Command import_own_command() {
  const auto import = std::make_shared<OwnImport>();
  return {.words = "set cert import own",
          .level = 1,
          .summary = "put the certificate that a CA made of a unit's CSR to use",
          .parameters = {{.name = "unit", .help = "the unit", .spellings = {"CAPF"}},
                         {.name = "caCert",
                          .help = "the trusted certificate that must be the issuer",
                          .presence = Presence::optional},
                         file_parameter(),
                         timeout_parameter(),
                         force_parameter()},
          .help =
              "The certificate must be made of the pending request (set csr gen), be a CA's with\n"
              "the usages digitalSignature and keyCertSign, and lead to a root that set cert\n"
              "import trust brought. Nothing changes when it is refused. It then takes the path\n"
              "of set cert regen: LSCs of the old CAPF stay valid, the ITL file is built anew,\n"
              "registered phones are reset, and the job goes on when you leave. New LSCs verify\n"
              "up to the root; the CAs above CAPF are put into CallManager-trust. Of a chain the\n"
              "certificate of the request counts. A paste ends at an empty line or Ctrl-D; in a\n"
              "script the lines follow the command, or file names them.\n",
          .example =
              "set cert import own CAPF\n"
              "set cert import own CAPF CAPF-trust/Example_Root_CA.pem file capf.pem\n",
          .confirm = [import](Call& call) { return import->confirm(call); },
          .run = [import](Call& call) { return import->run(call); },
          .schema = schema_of<JobReport>};
}

}  // namespace

std::vector<Command> csr_commands() {
  std::vector<Command> commands;
  commands.push_back(
      {.words = "set csr gen",
       .level = 1,
       .summary = "make a new key and a certificate signing request for a unit",
       .parameters = {{.name = "unit", .help = "the unit", .spellings = {"CAPF"}}},
       .help = "The key waits in the token; the certificate in use stays until the new one is\n"
               "imported. A new request takes the place of the pending one, and its key is\n"
               "destroyed: a certificate made of the old one can no longer be imported.\n",
       .example = "set csr gen CAPF\nSuccessfully Generated CSR for CAPF.\n",
       .run = generate,
       .schema = schema_of<CsrGenerated>});
  for (const char* words : {"show csr list own", "show csr list type own"})
    commands.push_back({.words = words,
                        .level = 1,
                        .summary = "list the pending certificate signing requests, one a line",
                        .example = std::string(words) + "\nCAPF/CAPF.csr\n",
                        .run = list_csrs,
                        .schema = schema_of<CsrList>});
  commands.push_back(
      {.words = "show csr own",
       .level = 1,
       .summary = "show a pending certificate signing request, then its PEM",
       .parameters = {{.name = "name",
                       .help = "a unit, or a name as show csr list own prints it",
                       .kind = Kind::rest,
                       .suggest = csr_names}},
       .help = "The CA signs what stands from the BEGIN line to the END line. For CAPF it must\n"
               "be signed as a subordinate CA with the usages and the subject it asks for.\n",
       .example = "show csr own CAPF/CAPF.csr\n",
       .run = show_csr,
       .schema = schema_of<CsrShow>});
  commands.push_back(
      {.words = "set cert import trust",
       .level = 1,
       .summary = "trust certificates of others",
       .parameters = {{.name = "unit",
                       .help = "the unit whose trust store it is: CAPF means CAPF-trust",
                       .spellings = {"CAPF", "CallManager", "Phone-SAST", "Phone-VPN", "Phone",
                                     "TVS"}},
                      {.name = "purpose",
                       .help = "in CAPF-trust, what CAPF believes of those that it signed",
                       .kind = Kind::choice,
                       .presence = Presence::optional,
                       .form = Form::named,
                       .choices = {"mic", "capf", "ca"}},
                      file_parameter()},
       .help =
           "A store holds one certificate a subject; of two the one that is valid from later\n"
           "is kept. Several certificates may be given at once, as PEM, DER, PKCS#7, base64\n"
           "or UTF-16 text; a private key beside them is not kept. A paste ends at an empty\n"
           "line or Ctrl-D. In a script the lines follow the command, or file names them.\n"
           "An entry of CAPF-trust has a purpose: mic for a manufacturer's CA, whose MICs phones\n"
           "prove themselves with; capf for a CAPF, whose LSCs they show; ca for a company's CA,\n"
           "which stands above CAPF or signs LSCs elsewhere. Without the word Cisco's\n"
           "manufacturing CAs and CAPFs are known by their names, and all others are ca.\n",
       .example = "set cert import trust CAPF file root.pem\n",
       .run = import_trust,
       .schema = schema_of<TrustImported>});
  commands.push_back(import_own_command());
  return commands;
}

}  // namespace ringfence::shell
