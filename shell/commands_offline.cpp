// utils capf csr: the phones' keys that wait for an offline CA.
#include "shell/commands_offline.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/offline_api.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/parameters.h"
#include "shell/parts.h"
#include "shell/printable.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kMostDumpBytes = std::size_t{1} << 30;
constexpr mode_t kArchiveMode = 0644;  ///< requests hold public keys only

std::vector<std::string> csr_devices(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::offline_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names{std::string(kAll)};
  for (const PhoneCsr& csr : list.csrs) names.push_back(csr.device);
  return names;
}

Status count(Call& call) {
  const auto count = call.ask(method::offline_count, Nothing{});
  call.answer(count,
              labelled({{"CSRs", std::to_string(count.total)},
                        {"Waiting for a certificate", std::to_string(count.waiting)},
                        {"Imported, waiting for the phone", std::to_string(count.imported)}}));
  return Status::success;
}

Status list_waiting(Call& call) {
  const auto list = call.ask(method::offline_list, Nothing{});
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
      const auto part = call.ask(method::offline_dump, request, kPartWithin);
      request.dump = part.dump;
      const core::Bytes bytes = core::from_base64(part.archive);
      archive.insert(archive.end(), bytes.begin(), bytes.end());
      if (archive.size() > kMostDumpBytes)
        throw core::Error(core::Code::malformed, "the archive has more than 1 GiB");
      dumped.left_out.insert(dumped.left_out.end(), part.left_out.begin(), part.left_out.end());
      dumped.csrs = part.total - std::ssize(dumped.left_out);
      finished = part.finished;
      parts.at(part.done, part.total);
      if (!finished && parts.left())
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

Status issue(Call& call) {
  LscIssueRequest request{call.arguments.at("device"), ""};
  if (equal_ignoring_case(request.device, kAll)) request.device = kAll;
  LscsIssued issued;
  {
    Parts parts(call, "Issuing LSCs");
    for (bool finished = false; !finished;) {
      const auto part = call.ask(method::offline_issue, request, kPartWithin);
      issued.issued.insert(issued.issued.end(), part.issued.begin(), part.issued.end());
      issued.refused.insert(issued.refused.end(), part.refused.begin(), part.refused.end());
      request.after = part.last;
      finished = part.finished;
      const std::int64_t done = std::ssize(issued.issued) + std::ssize(issued.refused);
      parts.at(done, done + part.left);
      if (!finished && parts.left()) break;
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
  if (issued.refused.empty()) return Status::success;
  return issued.issued.empty() ? Status::failed : Status::phones_missing;
}

std::optional<Confirmation> confirm_delete(Call& call) {
  const PhoneSelection which = selected_devices(call);
  const auto list = call.ask(method::offline_list, Nothing{});
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

Status remove_waiting(Call& call) {
  const auto deleted =
      call.ask(method::offline_remove, selected_devices(call), std::chrono::seconds(600));
  call.answer(deleted, fmt::format("{} deleted.\n", counted(deleted.deleted, "CSR")));
  return Status::success;
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
                      .run = list_waiting,
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
       .run = remove_waiting,
       .schema = schema_of<CsrsDeleted>});
  commands.push_back(
      {.words = "utils capf csr issue",
       .level = 1,
       .summary = "have this node's CAPF sign CSRs in the offline CA's place",
       .parameters = {device_parameter(csr_devices)},
       .help =
           "For phones that made their keys for an offline CA which is not used any more.\n"
           "Exit status 5 when one of several could not be issued, 1 when none could. With all,\n"
           "those are signed that have no certificate yet.\n",
       .example = "utils capf csr issue all\n",
       .run = issue,
       .schema = schema_of<LscsIssued>});
  return commands;
}

}  // namespace

PhoneSelection selected_devices(Call& call) {
  const std::string& device = call.arguments.at("device");
  return {equal_ignoring_case(device, kAll) ? std::string(kAll) : device};
}

Parameter device_parameter(std::vector<std::string> (*suggest)(Admin&, const std::string&)) {
  return {.name = "device", .help = "a device name, or all", .suggest = suggest};
}

std::vector<Command> offline_commands() {
  std::vector<Command> commands = csr_commands_of_phones();
  commands.push_back(lsc_import_command());
  std::ranges::move(stale_lsc_commands(), std::back_inserter(commands));
  return commands;
}

}  // namespace ringfence::shell
