// utils node: the nodes of the cluster.
#include <memory>

#include <fmt/format.h>

#include "core/admin/node_api.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "shell/call.h"
#include "shell/certificate_input.h"
#include "shell/commands.h"
#include "shell/commands_job.h"
#include "shell/duration.h"
#include "shell/parameters.h"
#include "shell/printable.h"
#include "shell/prose.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;
using core::Code;
using core::Error;

constexpr std::size_t kMostNodeFileBytes = std::size_t{64} * 1024;
constexpr std::chrono::seconds kChangeWithin(180);  ///< it may wait for a key that is being made

std::vector<std::string> other_names(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::node_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names;
  for (const NodeFacts& node : list.nodes)
    if (!node.this_node) names.push_back(node.name);
  return names;
}

/// node_text lays one node out, indented below its name.
std::string node_text(const NodeFacts& node) {
  std::string text = fmt::format(
      "{} ({}{})\n   Address       {}\n   Ports         sip {}, sips {}, tvs {}, capf {}\n"
      "   Runs          {}\n",
      one_line(node.name), node.role, node.this_node ? ", this node" : "",
      join(node.addresses, ", "), node.ports.sip, node.ports.sips, node.ports.tvs, node.ports.capf,
      join(node.runs, ", "));
  for (const NodeCertificate& one : node.certificates)
    text += fmt::format("   {:<17}  {}  {}  until {}\n", one.unit, one_line(one.subject), one.key,
                        one.not_after);
  if (node.imported) text += fmt::format("   Imported      {}\n", *node.imported);
  return text + fmt::format("   Fingerprint   {}\n", node.fingerprint);
}

Status list_nodes(Call& call) {
  const auto list = call.ask(method::node_list, Nothing{});
  std::string text;
  for (const NodeFacts& node : list.nodes) text += node_text(node);
  text += Remarks{list.warnings, {}}.text();
  call.answer(list, text);
  return Status::success;
}

Status export_this(Call& call) {
  const auto exported = call.ask(method::node_export, Nothing{});
  call.answer(exported, exported.document);
  return Status::success;
}

/// document_of reads the file that `file` names; "-" is standard input, at a terminal a paste.
std::string document_of(Call& call) {
  Console& console = call.session.console;
  const std::string& file = call.arguments.at("file");
  std::string text;
  if (file != "-") {
    text = core::text_of(core::read_file(file, kMostNodeFileBytes));
  } else if (console.interactive()) {
    Paste paste = console.paste(
        wrapped("Paste what 'utils node export' printed on the other node; an empty line or Ctrl-D "
                "ends it.\n",
                call.columns()),
        call.session.output == Output::json ? Stream::error : Stream::output, kMostNodeFileBytes);
    if (paste.end == Paste::End::interrupted)
      throw Error(Code::refused, "the paste was left with Ctrl-C; nothing was imported");
    if (paste.end == Paste::End::too_long)
      throw Error(Code::malformed, "what was pasted is longer than 64 KiB; no node document is");
    text = std::move(paste.text);
  } else {
    text = console.read_input(kMostNodeFileBytes);
  }
  without_private_keys(text);
  return core::to_base64(core::bytes_of(text));
}

std::string resets_text(const NodePlan& plan, std::string_view act) {
  if (plan.phones_reset == 0) return fmt::format("WARNING: {} it resets no phones.\n", act);
  return fmt::format("WARNING: {} it resets {} so that {} the new {}.\n", act,
                     counted(plan.phones_reset, "registered phone"),
                     plan.phones_reset == 1 ? "it fetches" : "they fetch",
                     plan.new_itl ? "ITL file and configuration" : "configuration");
}

std::string done_text(const NodeChanged& changed) {
  std::string text;
  const std::string name = one_line(changed.node.name);
  if (changed.result == "known")
    return fmt::format("Node {} is imported just like this already; nothing was changed.\n", name) +
           Remarks{changed.warnings, changed.notes}.text();
  if (changed.result == "removed")
    text = fmt::format("Successfully removed node {}.\n", name);
  else
    text =
        fmt::format("Successfully imported node {}{}.\n", name,
                    changed.result == "replaced" ? ", in the place of what was known of it" : "");
  text += changed.itl_sha1
              ? fmt::format("The new ITL file is published: {}(SHA1)\n", *changed.itl_sha1)
              : "The ITL file stays the same; configurations of phones name the nodes as they are "
                "now.\n";
  return text + Remarks{changed.warnings, changed.notes}.text();
}

/// status_with is the exit status of a change that is in force: `job` is that of its job, also of
/// one whose watch was left before anything was known of it.
Status status_with(Status job, const NodeChanged& changed) {
  return job == Status::success && changed.untold_services.empty() ? Status::success
                                                                   : Status::phones_missing;
}

/// follow says what was changed and follows the job that resets the phones.
Status follow(Call& call, NodeChanged changed, Timeout timeout) {
  const bool json = call.session.output == Output::json;
  if (!changed.job) {
    call.answer(changed, done_text(changed));
    const bool nobody = changed.result == "known" || changed.phones == 0;
    return status_with(nobody ? Status::success : Status::phones_missing, changed);
  }
  if (!json) {
    call.answer(changed, done_text(changed));
    return status_with(watch_to_end(call, changed.job->job, timeout), changed);
  }
  const Watched watched = watch_job(
      call, changed.job->job, [](const JobReport&) {}, timeout);
  if (!watched.report.state.empty()) changed.job = watched.report;  // else it was left at once
  if (watched.end != WatchEnd::job_ended)
    changed.notes.push_back(
        fmt::format("The job goes on. Watch it again with: utils job wait {}", watched.report.job));
  call.answer(changed, "");
  return status_with(status_of(*changed.job), changed);
}

/// Import is `utils node import`: what was read for the question serves the import.
class Import {
 public:
  std::optional<Confirmation> confirm(Call& call) {
    timeout_of(call.arguments);
    content_ = document_of(call);
    const auto plan = call.ask(method::node_import_plan, {*content_});
    if (plan.result == "known") return std::nullopt;
    std::string warning = "Read: " + node_text(plan.node);
    if (plan.result == "replaced")
      warning += fmt::format("It takes the place of what was known of {}: {}\n", plan.node.name,
                             join(plan.changes, " "));
    warning += resets_text(plan, "Importing");
    warning += Remarks{plan.warnings, plan.notes}.text();
    return Confirmation{warning, "Proceed with the import (yes|no)? ", "Import cancelled."};
  }

  Status run(Call& call) {
    const Timeout timeout = timeout_of(call.arguments);
    if (!content_) content_ = document_of(call);
    const NodeImportRequest request{*content_};
    content_.reset();
    return follow(call, call.ask(method::node_import, request, kChangeWithin), timeout);
  }

 private:
  std::optional<std::string> content_;
};

std::optional<Confirmation> confirm_node_removal(Call& call) {
  timeout_of(call.arguments);
  const auto plan = call.ask(method::node_remove_plan, {call.arguments.at("name")});
  return Confirmation{node_text(plan.node) + resets_text(plan, "Removing") +
                          Remarks{plan.warnings, plan.notes}.text(),
                      "Proceed with the removal (yes|no)? ", "Removal cancelled."};
}

Status remove_node(Call& call) {
  const Timeout timeout = timeout_of(call.arguments);
  return follow(call, call.ask(method::node_remove, {call.arguments.at("name")}, kChangeWithin),
                timeout);
}

Command import_command() {
  const auto import = std::make_shared<Import>();
  return {
      .words = "utils node import",
      .level = 4,
      .summary = "take another node into this cluster, or what has changed of it",
      .parameters = {{.name = "file",
                      .help = "what utils node export printed on that node, - for standard "
                              "input; at a terminal - is a paste",
                      .kind = Kind::file},
                     timeout_parameter()},
      .help =
          std::string(
              "The ITL file of this node gets the node's TVS, phones get the node as a further\n"
              "TVS and CallManager behind this one, and the TVS of this node vouches for its\n"
              "certificates. What is wrong with the document is said by its line, and then\n"
              "nothing changes. Nothing tells where a document comes from but its fingerprint:\n"
              "compare it with utils node list there. The same document again changes nothing;\n"
              "after a regeneration on that node export it there and import it here again.\n"
              "Registered phones are reset by a job, so that they fetch the new files.\n") +
          kJobStatusHelp,
      .example = "utils node import voice-b.txt\n",
      .confirm = [import](Call& call) { return import->confirm(call); },
      .run = [import](Call& call) { return import->run(call); },
      .schema = schema_of<NodeChanged>};
}

}  // namespace

std::vector<Command> node_commands() {
  std::vector<Command> commands;
  commands.push_back(
      {.words = "utils node export",
       .level = 1,
       .summary = "print this node's document, for utils node import on another node",
       .help =
           "It holds names, addresses, ports and public certificates, and nothing secret: plain\n"
           "text that openssl storeutl -certs reads as well.\n",
       .example = "utils node export\n",
       .run = export_this,
       .schema = schema_of<NodeExport>});
  commands.push_back(import_command());
  commands.push_back({.words = "utils node list",
                      .level = 0,
                      .summary = "list the nodes of the cluster, this one first",
                      .help = "The fingerprint is that of the node's document.\n",
                      .example = "utils node list\n",
                      .run = list_nodes,
                      .schema = schema_of<NodeList>});
  commands.push_back(
      {.words = "utils node remove",
       .level = 4,
       .summary = "take an imported node out of this cluster",
       .parameters = {{.name = "name",
                       .help = "a node as utils node list prints it",
                       .suggest = other_names},
                      timeout_parameter()},
       .help =
           std::string(
               "The ITL file of this node loses the node's TVS, configurations of phones lose the\n"
               "node, and the TVS of this node no longer vouches for its certificates. Registered\n"
               "phones are reset by a job, so that they fetch the new files.\n") +
           kJobStatusHelp,
       .example = "utils node remove voice-b\n",
       .confirm = confirm_node_removal,
       .run = remove_node,
       .schema = schema_of<NodeChanged>});
  return commands;
}

}  // namespace ringfence::shell
