// utils capf cert import: the LSCs that an offline CA made.
#include <algorithm>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/offline_api.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "shell/call.h"
#include "shell/commands_offline.h"
#include "shell/parts.h"
#include "shell/printable.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kMostArchiveBytes = std::size_t{256} << 20;
constexpr std::size_t kUploadPartBytes = std::size_t{4} << 20;
constexpr std::size_t kToldAtOnce = 500;

/// upload sends an archive in parts and returns its number.
std::int64_t upload(Call& call, core::BytesView archive) {
  UploadRequest request;
  for (std::size_t at = 0; at == 0 || at < archive.size(); at += kUploadPartBytes) {
    request.archive =
        core::to_base64(archive.subspan(at, std::min(kUploadPartBytes, archive.size() - at)));
    request.upload = call.ask(method::offline_upload, request, kPartWithin).upload;
  }
  return request.upload;
}

core::Bytes archive_of(Call& call) {
  const std::string& file = call.arguments.at("file");
  if (file != kStandard) return core::read_file(file, kMostArchiveBytes);
  const std::string read = call.session.console.read_input(kMostArchiveBytes);
  const core::BytesView view = core::bytes_of(read);
  return {view.begin(), view.end()};
}

/// tell asks the registered phones among `accepted` to come for their certificates.
std::int64_t tell(Call& call, const std::vector<LscImport>& accepted, const std::string& kind) {
  std::int64_t told = 0;
  for (std::size_t at = 0; at < accepted.size(); at += kToldAtOnce) {
    PhoneResetRequest request{{}, kind};
    for (std::size_t i = at; i < std::min(at + kToldAtOnce, accepted.size()); ++i)
      request.phones.push_back(accepted[i].device);
    told += call.ask(method::phone_reset, request).asked;
  }
  return told;
}

std::string import_text(const LscImported& imported) {
  std::string text;
  for (std::size_t i = 0; i < std::min(imported.refused.size(), kShownRefusals); ++i) {
    const LscRefusal& one = imported.refused[i];
    text += fmt::format("Refused {}{}: {}\n", one_line(one.file),
                        one.device.empty() ? "" : " for " + one.device, one_line(one.reason));
  }
  if (imported.refused.size() > kShownRefusals)
    text += fmt::format("and {} more; --json lists them all.\n",
                        imported.refused.size() - kShownRefusals);
  for (std::size_t i = 0; i < std::min(imported.warnings.size(), kShownRefusals); ++i)
    text += fmt::format("WARNING: {}\n", one_line(imported.warnings[i]));
  for (std::size_t i = 0; i < std::min(imported.notes.size(), kShownRefusals); ++i)
    text += fmt::format("NOTE: {}\n", one_line(imported.notes[i]));
  return text + fmt::format("{} imported, {} refused.\n",
                            counted(std::ssize(imported.accepted), "certificate"),
                            imported.refused.size());
}

std::string next_text(const LscImported& imported, const std::string& kind) {
  if (imported.accepted.empty()) return "";
  if (kind != "none")
    return fmt::format(
        "{} told to come for it; the others come when they next restart.\n",
        counted(imported.told, "registered phone") + (imported.told == 1 ? " was" : " were"));
  return "Each phone takes its certificate when it next asks CAPF: at its next restart, or after\n"
         "'utils phone apply-config <name>'. To tell registered phones at once, import with 'tell "
         "apply-config'.\n";
}

/// tell_early_end prints what was done and why it ended: in one document, as all commands do.
Status tell_early_end(Call& call, const LscImported& imported, std::string_view text,
                      const std::string& why) {
  const core::Error error(core::Code::io,
                          "the import ended early: " + why +
                              "; what was imported stays, and the same import again does the rest");
  call.say(text);
  if (call.session.output == Output::text) {
    if (imported.accepted.empty()) throw error;
    call.say(fmt::format("{}\n", error.what()));
    return Status::phones_missing;
  }
  boost::json::object document = to_json(imported);
  document["error"] = {{"code", core::name(error.code())}, {"message", error.what()}};
  call.document(std::move(document));
  return imported.accepted.empty() ? Status::failed : Status::phones_missing;
}

Status import_lscs(Call& call) {
  const std::string kind = call.arguments.find("tell").value_or("none");
  const LscImportRequest request{upload(call, archive_of(call))};
  LscImported imported;
  std::string stopped;
  {
    Parts parts(call, "Importing");
    for (bool finished = false; !finished;) {
      try {
        const auto part = call.ask(method::offline_import, request, kPartWithin);
        imported.accepted.insert(imported.accepted.end(), part.accepted.begin(),
                                 part.accepted.end());
        imported.refused.insert(imported.refused.end(), part.refused.begin(), part.refused.end());
        imported.notes.insert(imported.notes.end(), part.notes.begin(), part.notes.end());
        imported.warnings.insert(imported.warnings.end(), part.warnings.begin(),
                                 part.warnings.end());
        finished = part.finished;
        parts.at(part.done, part.total);
      } catch (const core::Error& error) {
        if (imported.accepted.empty() && imported.refused.empty()) throw;
        stopped = error.what();
        break;
      }
      if (!finished && parts.left()) stopped = "it was left";
      if (!stopped.empty()) break;
    }
  }
  Remarks untold;
  try {
    if (kind != "none") imported.told = tell(call, imported.accepted, kind);
  } catch (const core::Error& error) {  // what was imported is told all the same
    untold.warnings.push_back(fmt::format("The phones could not be told: {}.", error.what()));
  }
  call.tell(untold);
  const std::string text = import_text(imported) + untold.text() + next_text(imported, kind);
  if (!stopped.empty()) return tell_early_end(call, imported, text, stopped);
  call.answer(imported, text);
  if (untold.empty() && imported.refused.empty()) return Status::success;
  return imported.accepted.empty() ? Status::failed : Status::phones_missing;
}

}  // namespace

Command lsc_import_command() {
  return {
      .words = "utils capf cert import",
      .level = 1,
      .summary = "bring the LSCs that an offline CA made",
      .parameters = {{.name = "file",
                      .help = "a .tgz of certificates, or - for standard input",
                      .kind = Kind::file},
                     {.name = "tell",
                      .help = "ask the registered phones whose certificate came to fetch it now",
                      .kind = Kind::choice,
                      .presence = Presence::optional,
                      .form = Form::named,
                      .choices = {"none", "apply-config", "reset"}}},
      .help =
          "The archive holds *.der, *.cer, *.crt or *.pem, one certificate a file. Each is\n"
          "found to its CSR by its key and checked: the device's name, the dates, the key\n"
          "usages, no CA, a serial of its own, a chain to CAPF-trust. It is either imported\n"
          "or refused, and each refusal says why; exit status 5 when there was one, 1 when\n"
          "nothing was imported. An archive that is damaged or too large is refused as a\n"
          "whole.\n",
      .example = "utils capf cert import /tmp/lscs.tgz\n",
      .run = import_lscs,
      .schema = schema_of<LscImported>};
}

}  // namespace ringfence::shell
