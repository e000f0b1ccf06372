// utils capf csr, cert import, stale-lsc: LSCs that an offline CA signs, and stale ones.
#include <algorithm>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/offline_api.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/parameters.h"
#include "shell/printable.h"
#include "shell/schema.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kMostArchiveBytes = std::size_t{256} << 20;
constexpr std::size_t kUploadPartBytes = std::size_t{4} << 20;
constexpr std::size_t kMostDumpBytes = std::size_t{1} << 30;
constexpr std::size_t kToldAtOnce = 500;
constexpr std::size_t kShownRefusals = 50;
constexpr std::string_view kStandard = "-";  ///< standard input or output in a file's place
constexpr std::string_view kAll = "all";
constexpr mode_t kArchiveMode = 0644;  ///< requests hold public keys only
constexpr auto kPartWithin = std::chrono::seconds(180);

std::vector<std::string> csr_devices(Admin& admin, const std::string&) {
  const auto list =
      from_json<PhoneCsrList>(admin.call("offline.list", {}, std::chrono::seconds(5)));
  std::vector<std::string> names{std::string(kAll)};
  for (const PhoneCsr& csr : list.csrs) names.push_back(csr.device);
  return names;
}

std::vector<std::string> stale_devices(Admin& admin, const std::string&) {
  const auto list = from_json<StaleLscList>(admin.call("stale.list", {}, std::chrono::seconds(5)));
  std::vector<std::string> names{std::string(kAll)};
  for (const StaleLsc& one : list.certificates) names.push_back(one.device);
  return names;
}

/// Parts shows how far long work is, in a terminal that somebody watches.
class Parts {
 public:
  Parts(Call& call, std::string_view verb) : call_(call), verb_(verb) {}

  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  ~Parts() { show(""); }

  void at(std::int64_t done, std::int64_t total) {
    show(printable(fmt::format("{}: {} of {}", verb_, done, total)));
  }

 private:
  void show(const std::string& line) {
    Console& console = call_.session.console;
    if (call_.session.output == Output::text && console.interactive()) console.progress(line);
  }

  Call& call_;
  const std::string verb_;
};

/// left says whether Ctrl-C was typed between two parts; what is done stays done.
bool left(Call& call) {
  return call.session.console.interrupted();
}

Status count(Call& call) {
  const auto count = call.ask<CsrCount>("offline.count", Nothing{});
  call.answer(count,
              labelled({{"CSRs", std::to_string(count.total)},
                        {"Waiting for a certificate", std::to_string(count.waiting)},
                        {"Imported, waiting for the phone", std::to_string(count.imported)}}));
  return Status::success;
}

Status list(Call& call) {
  const auto list = call.ask<PhoneCsrList>("offline.list", Nothing{});
  Table table({"Created", "Device", "Key", "Model", "Address", "State"},
              {"Address", "Model", "Key", "Created"});
  for (const PhoneCsr& csr : list.csrs)
    table.add({csr.created, csr.device, csr.key, csr.model, csr.address, csr.state});
  call.answer(list, list.csrs.empty() ? "There are no CSRs.\n"
                                      : table.text(call.columns()) +
                                            counted(std::ssize(list.csrs), "CSR") + "\n");
  return Status::success;
}

Status dump(Call& call) {
  const std::string& file = call.arguments.at("file");
  Console& console = call.session.console;
  const bool raw = file == kStandard;
  if (raw && call.session.output == Output::json)
    throw core::Error(core::Code::malformed,
                      "the archive cannot go to standard output as JSON; name a file");
  if (raw && console.interactive())
    throw core::Error(core::Code::malformed,
                      "an archive is not for a terminal; name a file, or redirect the output");
  std::optional<OutputFile> written;
  if (!raw) written.emplace(file, overwrite_of(call.arguments), kArchiveMode);
  CsrDumped dumped{file, 0, 0, {}};
  core::Bytes archive;
  CsrDumpRequest request;
  {
    Parts parts(call, "Signing CSRs");
    for (bool finished = false; !finished;) {
      const auto part = call.ask<CsrDumpPart>("offline.dump", request, kPartWithin);
      request.dump = part.dump;
      const core::Bytes bytes = core::from_base64(part.archive);
      archive.insert(archive.end(), bytes.begin(), bytes.end());
      if (archive.size() > kMostDumpBytes)
        throw core::Error(core::Code::malformed, "the archive has more than 1 GiB");
      dumped.left_out.insert(dumped.left_out.end(), part.left_out.begin(), part.left_out.end());
      dumped.csrs = part.total - std::ssize(dumped.left_out);
      finished = part.finished;
      parts.at(part.done, part.total);
      if (!finished && left(call))
        throw core::Error(core::Code::refused, "the dump was left; nothing was written");
    }
  }
  dumped.bytes = std::ssize(archive);
  std::string text;
  for (const std::string& one : dumped.left_out) text += "Left out: " + one + "\n";
  if (raw) {
    console.write(Stream::output, core::text_of(archive));
    console.write(Stream::error, printable(text + counted(dumped.csrs, "CSR") + " dumped.\n"));
    return Status::success;
  }
  written->finish(core::text_of(archive));
  text += fmt::format("Successfully dumped {} to {} ({} bytes).\n", counted(dumped.csrs, "CSR"),
                      file, dumped.bytes);
  call.answer(dumped, text);
  return Status::success;
}

/// upload sends an archive in parts and returns its number.
std::int64_t upload(Call& call, core::BytesView archive) {
  UploadRequest request;
  for (std::size_t at = 0; at == 0 || at < archive.size(); at += kUploadPartBytes) {
    request.archive =
        core::to_base64(archive.subspan(at, std::min(kUploadPartBytes, archive.size() - at)));
    request.upload = call.ask<Uploaded>("offline.upload", request, kPartWithin).upload;
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
    told += call.ask<PhoneReset>("phone.reset", request).asked;
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
  if (call.session.output == Output::text) throw error;
  boost::json::object document = to_json(imported);
  document["error"] = {{"code", core::name(error.code())}, {"message", error.what()}};
  call.document(std::move(document));
  return Status::failed;
}

Status import(Call& call) {
  const std::string kind = call.arguments.find("tell").value_or("none");
  const LscImportRequest request{upload(call, archive_of(call))};
  LscImported imported;
  std::string stopped;
  {
    Parts parts(call, "Importing");
    for (bool finished = false; !finished;) {
      try {
        const auto part = call.ask<LscImportPart>("offline.import", request, kPartWithin);
        imported.accepted.insert(imported.accepted.end(), part.accepted.begin(),
                                 part.accepted.end());
        imported.refused.insert(imported.refused.end(), part.refused.begin(), part.refused.end());
        imported.notes.insert(imported.notes.end(), part.notes.begin(), part.notes.end());
        finished = part.finished;
        parts.at(part.done, part.total);
      } catch (const core::Error& error) {
        if (imported.accepted.empty() && imported.refused.empty()) throw;
        stopped = error.what();
        break;
      }
      if (!finished && left(call)) stopped = "it was left";
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
  if (!untold.empty()) return Status::failed;
  return imported.refused.empty() ? Status::success : Status::failed;
}

Status issue(Call& call) {
  LscIssueRequest request{call.arguments.at("device"), ""};
  if (equal_ignoring_case(request.device, kAll)) request.device = kAll;
  LscsIssued issued;
  {
    Parts parts(call, "Issuing LSCs");
    for (bool finished = false; !finished;) {
      const auto part = call.ask<LscIssuePart>("offline.issue", request, kPartWithin);
      issued.issued.insert(issued.issued.end(), part.issued.begin(), part.issued.end());
      issued.refused.insert(issued.refused.end(), part.refused.begin(), part.refused.end());
      request.after = part.last;
      finished = part.finished;
      const std::int64_t done = std::ssize(issued.issued) + std::ssize(issued.refused);
      parts.at(done, done + part.left);
      if (!finished && left(call)) break;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(issued.refused.size(), kShownRefusals); ++i)
    text += fmt::format("Not issued for {}: {}\n", issued.refused[i].device,
                        one_line(issued.refused[i].reason));
  text += fmt::format("{} issued by this node's CAPF, {} not.\n",
                      counted(std::ssize(issued.issued), "LSC"), issued.refused.size());
  if (!issued.issued.empty())
    text +=
        "Each phone takes its certificate when it next asks CAPF: at its next restart, or "
        "after\n'utils phone apply-config <name>'.\n";
  call.answer(issued, text);
  return issued.refused.empty() ? Status::success : Status::failed;
}

PhoneSelection selection(Call& call) {
  const std::string& device = call.arguments.at("device");
  return {equal_ignoring_case(device, kAll) ? std::string(kAll) : device};
}

std::optional<Confirmation> confirm_delete(Call& call) {
  const PhoneSelection which = selection(call);
  const auto list = call.ask<PhoneCsrList>("offline.list", Nothing{});
  std::int64_t total = 0;
  std::int64_t imported = 0;
  for (const PhoneCsr& csr : list.csrs) {
    if (which.device != kAll && csr.device != which.device) continue;
    ++total;
    if (csr.state == "imported") ++imported;
  }
  if (total == 0) return std::nullopt;
  std::string warning = fmt::format(
      "WARNING: This operation will delete {}. A certificate that the offline CA makes of one can "
      "no longer be imported; the phone makes a new key when it next asks CAPF.\n",
      counted(total, "CSR"));
  if (imported > 0)
    warning += fmt::format(
        "WARNING: For {} of them the certificate was imported and not yet "
        "taken; it becomes stale.\n",
        imported);
  return Confirmation{warning, "Proceed with the deletion (yes|no)? ", "Deletion cancelled."};
}

Status remove(Call& call) {
  const auto deleted =
      call.ask<CsrsDeleted>("offline.remove", selection(call), std::chrono::seconds(600));
  call.answer(deleted, fmt::format("{} deleted.\n", counted(deleted.deleted, "CSR")));
  return Status::success;
}

Status list_stale(Call& call) {
  const auto list = call.ask<StaleLscList>("stale.list", Nothing{});
  Table table({"Issued", "Device", "Serial", "Issuer", "Delivered", "Expires"},
              {"Delivered", "Issuer", "Expires", "Issued"});
  for (const StaleLsc& one : list.certificates)
    table.add(
        {one.issued, one.device, one.serial, one.issuer, one.delivered.value_or(""), one.expires});
  call.answer(list, list.certificates.empty()
                        ? "There are no stale LSCs.\n"
                        : table.text(call.columns()) +
                              counted(std::ssize(list.certificates), "stale LSC") + "\n");
  return Status::success;
}

std::optional<Confirmation> confirm_clear(Call& call) {
  const PhoneSelection which = selection(call);
  const auto list = call.ask<StaleLscList>("stale.list", Nothing{});
  const auto count = std::ranges::count_if(list.certificates, [&](const StaleLsc& one) {
    return which.device == kAll || one.device == which.device;
  });
  if (count == 0) return std::nullopt;
  return Confirmation{
      fmt::format("WARNING: This operation will take {} off the list. Their serials are "
                  "never given again; the certificates themselves stay valid until "
                  "they expire.\n",
                  counted(count, "stale LSC")),
      "Proceed with the deletion (yes|no)? ", "Deletion cancelled."};
}

Status clear_stale(Call& call) {
  const auto cleared =
      call.ask<StaleCleared>("stale.clear", selection(call), std::chrono::seconds(180));
  call.answer(cleared, fmt::format("{} deleted.\n", counted(cleared.cleared, "stale LSC")));
  return Status::success;
}

Parameter device_parameter(std::vector<std::string> (*suggest)(Admin&, const std::string&)) {
  return {.name = "device", .help = "a device name, or all", .suggest = suggest};
}

std::vector<Command> csr_commands_of_phones() {
  std::vector<Command> commands;
  commands.push_back({.words = "utils capf csr count",
                      .summary = "count the phones' keys that wait for an offline CA",
                      .example = "utils capf csr count\n",
                      .run = count,
                      .schema = schema_of<CsrCount>});
  commands.push_back({.words = "utils capf csr list",
                      .summary = "list the phones' keys that wait for an offline CA",
                      .example = "utils capf csr list\n",
                      .run = list,
                      .schema = schema_of<PhoneCsrList>});
  commands.push_back(
      {.words = "utils capf csr dump",
       .level = 1,
       .summary = "write the CSRs that wait for a certificate to a .tgz for an offline CA",
       .parameters = {{.name = "file",
                       .help = "the .tgz to write, or - for standard output",
                       .kind = Kind::file},
                      overwrite()},
       .help =
           "The archive holds one PKCS#10 request a phone, <device>.csr. A phone sends a bare\n"
           "public key, so CAPF signs the request for it: a CA that insists on the phone's own\n"
           "signature takes the key out. With openssl, for each of them:\n"
           "  openssl req -in SEP001122334455.csr -noout -pubkey > key.pem\n"
           "  openssl x509 -new -force_pubkey key.pem -subj /O=Example/CN=SEP001122334455\n"
           "    -CA ca.pem -CAkey ca.key -days 730 -extfile lsc.ext -outform DER\n"
           "    -out SEP001122334455.der\n"
           "where lsc.ext holds the lines\n"
           "  basicConstraints=critical,CA:FALSE\n"
           "  keyUsage=critical,digitalSignature,keyEncipherment\n"
           "  extendedKeyUsage=serverAuth,clientAuth\n"
           "  subjectKeyIdentifier=hash\n"
           "  authorityKeyIdentifier=keyid\n"
           "and the common name is the device name, or ends in -<device name>. Then pack the\n"
           "certificates with 'tar czf lscs.tgz *.der' and bring them back with utils capf cert\n"
           "import. CAPF-trust must hold the CA: set cert import trust CAPF.\n",
       .example = "utils capf csr dump /tmp/csrs.tgz\n",
       .run = dump,
       .schema = schema_of<CsrDumped>});
  commands.push_back(
      {.words = "utils capf csr delete",
       .level = 1,
       .summary = "forget CSRs",
       .parameters = {device_parameter(csr_devices)},
       .help = "The phone's operation stays pending: it makes a new key when it next asks CAPF.\n",
       .example = "utils capf csr delete SEP001122334455\n",
       .confirm = confirm_delete,
       .run = remove,
       .schema = schema_of<CsrsDeleted>});
  commands.push_back(
      {.words = "utils capf csr issue",
       .level = 1,
       .summary = "have this node's CAPF sign CSRs in the offline CA's place",
       .parameters = {device_parameter(csr_devices)},
       .help = "For phones that made their keys for an offline CA which is not used any more.\n"
               "Exit status 1 when one could not be issued. With all, those are signed that have\n"
               "no certificate yet.\n",
       .example = "utils capf csr issue all\n",
       .run = issue,
       .schema = schema_of<LscsIssued>});
  return commands;
}

}  // namespace

std::vector<Command> offline_commands() {
  std::vector<Command> commands = csr_commands_of_phones();
  commands.push_back(
      {.words = "utils capf cert import",
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
       .help = "The archive holds *.der, *.cer, *.crt or *.pem, one certificate a file. Each is\n"
               "found to its CSR by its key and checked: the device's name, the dates, the key\n"
               "usages, no CA, a serial of its own, a chain to CAPF-trust. It is either imported\n"
               "or refused, and each refusal says why; exit status 1 when there was one. An\n"
               "archive that is damaged or too large is refused as a whole.\n",
       .example = "utils capf cert import /tmp/lscs.tgz\n",
       .run = import,
       .schema = schema_of<LscImported>});
  for (const char* words : {"utils capf stale-lsc list", "utils capf stale-lsc view"})
    commands.push_back(
        {.words = words,
         .summary = "list certificates that were issued and never confirmed by their phone",
         .help = "Such a phone may hold the certificate or not: it vanished, or made a new key.\n",
         .example = std::string(words) + "\n",
         .run = list_stale,
         .schema = schema_of<StaleLscList>});
  commands.push_back({.words = "utils capf stale-lsc delete",
                      .level = 1,
                      .summary = "take stale LSCs off the list",
                      .parameters = {device_parameter(stale_devices)},
                      .example = "utils capf stale-lsc delete all\n",
                      .confirm = confirm_clear,
                      .run = clear_stale,
                      .schema = schema_of<StaleCleared>});
  return commands;
}

}  // namespace ringfence::shell
