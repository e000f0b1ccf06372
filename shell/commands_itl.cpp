// show itl, show ctl, utils itl: the lists that phones trust.
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/guards.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

Status show_itl(Call& call) {
  const auto show = call.ask(method::itl_show, Nothing{});
  call.answer(show, show.text + Remarks{show.warnings, {}}.text());
  return show.state == "verified" ? Status::success : Status::failed;
}

/// A cluster that is not in mixed mode has no CTL file: its absence is no failure.
Status show_ctl(Call& call) {
  const auto show = call.ask(method::ctl_show, Nothing{});
  call.answer(show, show.text + Remarks{show.warnings, {}}.text());
  return show.state == "verified" || show.state == "missing" ? Status::success : Status::failed;
}

constexpr std::size_t kMostListBytes = std::size_t{1} << 20;

/// examined sends a file's bytes to be judged: any file, of any maker. `-` is standard input.
TrustListExamineRequest examined(Call& call) {
  const std::string& path = call.arguments.at("path");
  TrustListExamineRequest request;
  request.name = path;
  if (path == "-") {
    const std::string read = call.session.console.read_input(kMostListBytes);
    request.content = core::to_base64(core::bytes_of(read));
    return request;
  }
  request.content = core::to_base64(core::read_file(path, kMostListBytes));
  std::error_code unknown;
  const auto modified = std::filesystem::last_write_time(path, unknown);
  if (!unknown)
    request.modified = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::file_clock::to_sys(modified).time_since_epoch())
                           .count();
  return request;
}

using Examine = core::admin::Method<TrustListExamineRequest, TrustListShow>;

Status show_file(Call& call, const Examine& method) {
  const auto show = call.ask(method, examined(call));
  call.answer(show, show.text);
  return show.state == "verified" ? Status::success : Status::failed;
}

Command show_file_command(const std::string& kind, const Examine& method) {
  return {.words = "show " + kind + " file",
          .summary = "show a trust list of any maker that is in a file, and verify it",
          .parameters = {{.name = "path",
                          .help = "the file on this machine, - for standard input",
                          .kind = Kind::file}},
          .help =
              "It is verified by the certificate of this house that its header names, or else\n"
              "by that of its own record that does; the last line says which. That proves\n"
              "that the file is whole, not that a phone would accept it. The exit status is 0\n"
              "only when it was verified. Elements that nobody describes are shown by number.\n",
          .example = "show " + kind + " file /tmp/ITLSEP001122334455.tlv\n",
          .run = [method](Call& call) { return show_file(call, method); },
          .schema = schema_of<TrustListShow>};
}

/// A person is asked, in the words of utils ctl (reference/cucm-cli.md 1.7). The original asks for
/// a password here; this session is identified already, and a script that says it means it.
std::optional<Confirmation> confirm_reset(Call& call) {
  const bool answered = call.session.questions == Questions::answer_yes;
  if (!call.session.console.interactive() && !answered) return std::nullopt;
  call.ask(method::itl_reset_plan, TrustListResetRequest{call.arguments.integer("force")});
  return Confirmation{
      "WARNING: This operation publishes an ITL file signed by the recovery key. Registered phones "
      "fetch it when they are reset, and it stays until 'utils service restart Cisco Tftp'.\n",
      "Do you want to continue? (y/n): ", "Reset cancelled."};
}

/// Source: reference/cucm-cli.md 2.2.
Status reset(Call& call) {
  call.say("Locating active Tftp servers in the cluster.....\n\n");
  const auto reset =
      call.ask(method::itl_reset, TrustListResetRequest{call.arguments.integer("force")},
               std::chrono::seconds(180));
  std::string text =
      "Following is the list of Active tftp servers in the cluster\n\n====================\n\n";
  for (const std::string& node : reset.nodes) text += node + "\n\n";
  text += fmt::format(
      "=====================\n\nNumber of Active TFTP servers in the cluster : {}\n\n"
      "Generating the reset ITL file.....\n\nThe reset ITL file was generated successfully\n\n"
      "Transferring new reset ITL file to the TFTP server nodes in the cluster.........\n\n",
      reset.nodes.size());
  for (const std::string& node : reset.nodes) {
    text += fmt::format("Successfully transferred reset ITL to node {}\n", node);
  }
  for (const std::string& node : reset.not_serving)
    text += fmt::format("Node {} does not serve the reset ITL: see the warning below\n", node);
  text += fmt::format(
      "\nThe reset ITL file was signed by {}\n"
      "The checksum value of the ITL file:\n{}(MD5)\n{}(SHA1)\n\n"
      "Then:\n"
      "1. Verify the file with: show itl\n"
      "2. Reset the phones so that they fetch it, with: utils phone reset all\n"
      "3. Return to the normal signer with: utils service restart Cisco Tftp\n"
      "Until then the reset ITL file stays, also over restarts of Ringfence.\n",
      reset.signer, reset.md5, reset.sha1);
  for (const std::string& warning : reset.warnings) text += "WARNING: " + warning + "\n";
  call.answer(reset, text);
  return reset.warnings.empty() ? Status::success : Status::phones_missing;
}

}  // namespace

std::vector<Command> trust_list_commands() {
  std::vector<Command> commands;
  commands.push_back(
      {.words = "show itl",
       .summary = "show the ITL file that phones fetch from this node, and verify it",
       .help = "The exit status is 0 only when the file was verified successfully. When it is\n"
               "not, the last line says which file phones get in truth.\n",
       .example = "show itl\n",
       .run = show_itl,
       .schema = schema_of<TrustListShow>});
  commands.push_back(
      {.words = "show ctl",
       .summary = "show the CTL file that phones fetch from this node, and verify it",
       .help = "The exit status is 0 when the file was verified successfully, and when there is\n"
               "none, as in a cluster that is not in mixed mode.\n",
       .example = "show ctl\n",
       .run = show_ctl,
       .schema = schema_of<TrustListShow>});
  commands.push_back(show_file_command("itl", method::itl_examine));
  commands.push_back(show_file_command("ctl", method::ctl_examine));
  commands.push_back(
      {.words = "utils itl reset localkey",
       .level = 4,
       .summary = "publish an ITL file signed by the recovery key, for phones that lost trust",
       .parameters = {force_parameter()},
       .help =
           "It works from the files of this node alone, also when the ITL file is damaged or\n"
           "missing. Phones accept it because the ITL file they hold names both signers. It stays\n"
           "in force, whatever ends and starts again, until utils service restart Cisco Tftp of\n"
           "one that was well: a restart that mends one keeps it. The exit status is 5 when the\n"
           "list is made and this node does not serve it, or a service was not told of it.\n"
           "A question is asked in a terminal, and none of a script.\n",
       .example = "utils itl reset localkey\n",
       .confirm = confirm_reset,
       .run = reset,
       .schema = schema_of<TrustListReset>});
  return commands;
}

}  // namespace ringfence::shell
