// show cert, set cert: certificates and their regeneration.
#include <memory>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/commands_job.h"
#include "shell/duration.h"
#include "shell/guards.h"
#include "shell/parameters.h"
#include "shell/printable.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

std::vector<std::string> names(Admin& admin, const std::string& type) {
  const auto list = ask(admin, method::cert_list, {type}, std::chrono::seconds(5));
  std::vector<std::string> names;
  for (const CertificateFacts& facts : list.certificates) {
    names.push_back(facts.unit + "/" + facts.file);
  }
  return names;
}

std::vector<std::string> own_names(Admin& admin, const std::string&) {
  return names(admin, "own");
}

std::vector<std::string> trust_names(Admin& admin, const std::string&) {
  return names(admin, "trust");
}

Status list_certificates(Call& call) {
  const auto list = call.ask(method::cert_list, CertificateListRequest{call.arguments.at("type")});
  std::string text;
  for (const CertificateFacts& facts : list.certificates) {
    text += fmt::format("{}/{}: {}", facts.unit, one_line(facts.file), one_line(facts.description));
    if (!facts.purpose.empty()) text += ", purpose " + facts.purpose;
    if (call.arguments.has("dates"))
      text += fmt::format(", valid from {} to {}", facts.not_before, facts.not_after);
    text += "\n";
  }
  call.answer(list, text);
  return Status::success;
}

Status show_certificate(Call& call, const std::string& type) {
  const auto show =
      call.ask(method::cert_show, CertificateShowRequest{type, call.arguments.at("name")});
  call.answer(show, show.text);
  return Status::success;
}

/// The warnings are those of the reference's transcripts, two spaces included, and then what the
/// original never said: which phones will reset. Source: reference/cucm-cli.md 2.1, CSCue55353.
std::optional<Confirmation> confirm_regeneration(Call& call, Refusal& refusal) {
  refusal = {};
  timeout_of(call.arguments);
  const std::string& unit = call.arguments.at("unit");
  const auto plan =
      call.ask(method::cert_plan, RegenerateRequest{unit, call.arguments.integer("force")});
  std::string warning;
  if (equal_ignoring_case(unit, "ITLRecovery")) {
    warning =
        "\nWARNING: If you are using a tokenless CTL and if the CallManager certificate is "
        "recently \ngenerated, please ensure that the CTL File already has the new CallManager "
        "certificate and is\nupdated to the endpoints, before generating the ITL Recovery "
        "certificate. Are you sure want \nto proceed?\n\n";
  } else {
    warning = fmt::format(
        "WARNING: This operation will overwrite any CA signed certificate previously imported "
        "for  {}\n",
        unit);
  }
  warning += plan.phones_reset == 0
                 ? fmt::format("WARNING: Regenerating {} resets no phones.\n", unit)
                 : fmt::format("WARNING: Regenerating {} resets {} so that {} the new ITL file.\n",
                               unit, counted(plan.phones_reset, "registered phone"),
                               plan.phones_reset == 1 ? "it fetches" : "they fetch");
  warning += guards_text(plan.guards);
  for (const std::string& note : plan.notes) warning += "NOTE: " + note + "\n";
  refusal = Refusal::of(plan);
  if (refusal.refuses()) {
    call.warn(warning);
    return std::nullopt;
  }
  return Confirmation{warning, "Proceed with regeneration (yes|no)? ", "Regeneration cancelled."};
}

/// Regeneration watches the job and says each thing once, when it is true.
Status regenerate(Call& call, const Refusal& refusal) {
  if (refusal.refuses()) return refusal.tell(call);
  const Timeout timeout = timeout_of(call.arguments);
  const std::string& unit = call.arguments.at("unit");
  const auto started =
      call.ask(method::cert_regenerate, RegenerateRequest{unit, call.arguments.integer("force")});
  return watch_change(
      call, started.job,
      [&unit](const JobReport& report) {
        return fmt::format("Successfully Regenerated Certificate for {}.\n{}", unit,
                           in_use_text(unit, report));
      },
      timeout);
}

}  // namespace

std::vector<Command> certificate_commands() {
  const Parameter type{.name = "type",
                       .help = "the certificates of this node, or those it trusts",
                       .kind = Kind::choice,
                       .choices = {"own", "trust"}};
  const Parameter dates = flag("dates", "say from when to when each is valid, in UTC");
  const auto refusal = std::make_shared<Refusal>();  // from the question to the run
  std::vector<Command> commands;
  commands.push_back({.words = "show cert list",
                      .level = 1,
                      .summary = "list certificates, one a line",
                      .parameters = {type, dates},
                      .example = "show cert list own\n"
                                 "CAPF/CAPF.pem: Self-signed certificate generated by system\n",
                      .run = list_certificates,
                      .schema = schema_of<CertificateList>});
  commands.push_back({.words = "show cert list type",
                      .level = 1,
                      .summary = "list certificates, one a line",
                      .parameters = {type, dates},
                      .example = "show cert list type trust\n",
                      .run = list_certificates,
                      .schema = schema_of<CertificateList>});
  commands.push_back({.words = "show cert own",
                      .level = 1,
                      .summary = "show a certificate of this node, then its PEM",
                      .parameters = {{.name = "name",
                                      .help = "a unit, or a name as show cert list own prints it",
                                      .kind = Kind::rest,
                                      .suggest = own_names}},
                      .example = "show cert own CAPF/CAPF.pem\n",
                      .run = [](Call& call) { return show_certificate(call, "own"); },
                      .schema = schema_of<CertificateShow>});
  commands.push_back({.words = "show cert trust",
                      .level = 1,
                      .summary = "show a certificate this node trusts, then its PEM",
                      .parameters = {{.name = "name",
                                      .help = "a name as show cert list trust prints it",
                                      .kind = Kind::rest,
                                      .suggest = trust_names}},
                      .example = "show cert trust CAPF-trust/CAPF-7f0ae8d7.pem\n",
                      .run = [](Call& call) { return show_certificate(call, "trust"); },
                      .schema = schema_of<CertificateShow>});
  commands.push_back(
      {.words = "set cert regen",
       .level = 1,
       .summary = "make a new key and certificate for a unit, and see every phone come back",
       .parameters = {{.name = "unit", .help = "the unit, in any case", .spellings = unit_names()},
                      timeout_parameter(),
                      force_parameter()},
       .help =
           std::string(
               "LSCs of an old CAPF stay valid: its certificate stays in the trust stores. The "
               "old\n"
               "certificate of another unit is out of use. The ITL file is built and signed anew, "
               "and\n"
               "registered phones are reset so that they fetch it. The work is a job: it goes on\n"
               "when you leave with Ctrl-C or the session ends, and utils job wait watches it\n"
               "again. What would strand phones by what is known is refused, with their number\n"
               "and the cure; force with that number does it all the same.\n") +
           kJobStatusHelp,
       .example = "set cert regen CAPF\n",
       .confirm = [refusal](Call& call) { return confirm_regeneration(call, *refusal); },
       .run = [refusal](Call& call) { return regenerate(call, *refusal); },
       .schema = schema_of<JobReport>});
  return commands;
}

}  // namespace ringfence::shell
