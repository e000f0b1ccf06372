// show capf: which phones have a certificate and which do not.
#include <fmt/format.h>

#include "core/admin/api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/schema.h"
#include "shell/table.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

Status report(Call& call) {
  const auto report = call.ask<CapfReport>("capf.report", Nothing{});
  Table table({"Name", "Operation", "Status", "LSC", "Key", "Expires", "Serial", "Issuer"});
  for (const PhoneFacts& phone : report.phones) {
    table.add({phone.name, phone.operation, phone.operation_status, phone.lsc,
               phone.lsc_key.value_or(""), phone.lsc_expires.value_or(""),
               phone.lsc_serial.value_or(""), phone.lsc_issuer.value_or("")});
  }
  const std::string totals = labelled({{"Phones", std::to_string(report.phones.size())},
                                       {"With LSC", std::to_string(report.with_lsc)},
                                       {"Operation pending", std::to_string(report.pending)},
                                       {"Operation failed", std::to_string(report.failed)},
                                       {"Issued, not confirmed", std::to_string(report.stale)}});
  call.answer(report, report.phones.empty() ? totals : table.text() + "\n" + totals);
  return Status::success;
}

}  // namespace

std::vector<Command> capf_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "show capf report",
                      .summary = "list each phone's LSC with serial and expiry, and CAPF's status",
                      .help =
                          "\"Issued, not confirmed\" counts certificates that CAPF signed and no "
                          "phone confirmed.\n",
                      .example = "show capf report\n",
                      .run = report,
                      .schema = schema_of<CapfReport>});
  return commands;
}

}  // namespace ringfence::shell
