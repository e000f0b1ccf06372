// show phone, utils phone, set phone: the devices and their CAPF settings.
#include "shell/commands_phone.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/utf16.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/guards.h"
#include "shell/parameters.h"
#include "shell/phone_text.h"
#include "shell/printable.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kMaxImportBytes = std::size_t{64} << 20;

std::vector<Parameter> device_fields() {
  return {named("model", "like CP-8861"),
          named("description", "at most 128 characters, in double quotes when it has spaces"),
          named("device_pool", "the device pool"),
          named("security_profile", "the phone security profile, or - for none")};
}

/// The words and the choices are those of `utils phone import`.
std::vector<Parameter> capf_fields(Presence operation_presence) {
  Parameter operation =
      named("operation", "what CAPF does next", {"none", "install", "delete", "troubleshoot"});
  operation.presence = operation_presence;
  Parameter secret = named("auth_string", "6 to 10 digits, or ask to type them unseen");
  secret.kind = Kind::secret;
  Parameter rsa = named("rsa_bits", "size of an RSA key", {"512", "1024", "2048", "3072", "4096"});
  rsa.kind = Kind::integer;
  Parameter ec = named("ec_bits", "size of an EC key", {"256", "384", "521"});
  ec.kind = Kind::integer;
  return {operation,
          named("auth_mode", "how the phone proves itself",
                {"null-string", "auth-string", "lsc", "mic"}),
          secret,
          named("key_order", "kinds of keys", {"rsa-only", "ec-only", "ec-preferred"}),
          rsa,
          ec,
          named("completes_by", "YYYY:MM:DD:HH in UTC; seven days from now when left out")};
}

/// auth_string_of asks for the string unseen when `ask` stands in its place.
std::optional<std::string> auth_string_of(Call& call) {
  const auto value = call.arguments.find("auth_string");
  if (value != "ask") return value;
  const Stream stream = call.session.output == Output::json ? Stream::error : Stream::output;
  auto typed =
      call.session.console.ask("Please enter the authentication string: ", Echo::hidden, stream);
  if (!typed) throw core::Error(core::Code::malformed, "no authentication string was entered");
  return typed;
}

PhoneFields fields_of(Call& call) {
  const Arguments& arguments = call.arguments;
  PhoneFields fields;
  fields.name = arguments.at("name");
  fields.model = arguments.find("model");
  fields.description = arguments.find("description");
  fields.device_pool = arguments.find("device_pool");
  fields.security_profile = arguments.find("security_profile");
  fields.operation = arguments.find("operation");
  fields.auth_mode = arguments.find("auth_mode");
  fields.auth_string = auth_string_of(call);
  fields.key_order = arguments.find("key_order");
  fields.rsa_bits = arguments.integer("rsa_bits");
  fields.ec_bits = arguments.integer("ec_bits");
  fields.completes_by = arguments.find("completes_by");
  return fields;
}

/// refuse_other_encodings names the first line that is not UTF-8: the daemon speaks JSON.
void refuse_other_encodings(std::string_view text) {
  const std::size_t good = valid_utf8_bytes(text);
  if (good == text.size()) return;
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(good), '\n');
  throw core::Error(core::Code::malformed,
                    fmt::format("line {}: the text is not UTF-8; save the file as UTF-8", line));
}

Status import_phones(Call& call) {
  const std::string& file = call.arguments.at("file");
  std::string csv = file == "-" ? call.session.console.read_input(kMaxImportBytes)
                                : core::text_of(core::read_file(file, kMaxImportBytes));
  const auto utf8 = core::utf8_from_utf16(csv);  // as spreadsheets save "Unicode text"
  if (utf8) csv = *utf8;
  refuse_other_encodings(csv);
  auto imported =
      call.ask(method::phone_import, PhoneImportRequest{csv}, std::chrono::seconds(300));
  if (utf8) imported.normalised.push_back({"encoding", 1, {}, "The file was UTF-16 text."});
  std::string text = fmt::format("{} imported ({} added, {} updated).\n",
                                 counted(imported.added + imported.updated, "phone"),
                                 imported.added, imported.updated);
  for (const ImportNote& note : imported.normalised) text += note.text + "\n";
  call.answer(imported, text + Remarks{imported.warnings, {}}.text());
  return Status::success;
}

/// registered_word is `registration` in a column's width.
std::string registered_word(const PhoneFacts& phone) {
  if (phone.registered) return "yes";
  if (phone.registration.starts_with("unknown")) return "unknown";
  return phone.registration.starts_with("not answering") ? "silent" : "no";
}

std::string applied_text(const std::string& name, const PhoneReset& applied) {
  if (!applied.not_registered.empty())
    return name + " is not registered: it takes this up when it next starts.\n";
  for (const PhoneRefusal& one : applied.refused)
    return one.status == kNoAnswer
               ? name + " did not answer: it takes this up when it next starts.\n"
               : fmt::format("{} refused to apply it ({}).\n", name, one.status);
  return "Apply-config sent to " + name + ".\n";
}

/// Settings wait in the phone's configuration until it fetches that: `apply` makes it do so now,
/// and without it the note says how.
Status update_capf(Call& call) {
  const PhoneFields fields = fields_of(call);
  const bool apply = call.arguments.has("apply");
  const std::optional<std::int64_t> force = call.arguments.integer("force");
  if (force && !apply) throw core::Error(core::Code::malformed, "force is for apply");
  // Before the settings are saved: what is refused leaves them as they were.
  if (apply)
    call.ask(method::phone_apply_plan,
             PhoneApplyPlanRequest{fields.name, fields.operation.value_or("none"), force});
  const auto phone = call.ask(method::phone_update, fields);
  std::string text = "Phone " + phone.name + " updated.\n";
  boost::json::object document = to_json(phone);
  Status status = Status::success;
  if (apply) {
    try {
      const auto applied =
          call.ask(method::phone_reset, PhoneResetRequest{{phone.name}, "apply-config", force},
                   std::chrono::seconds(180));
      document["apply"] = to_json(applied);
      text += applied_text(phone.name, applied);
      if (applied.asked == 0 || !applied.refused.empty()) status = Status::phones_missing;
    } catch (const core::Error& error) {  // the settings are saved all the same
      const Remarks untold{{fmt::format("{} could not be told: {}.", phone.name, error.what())},
                           {}};
      text += untold.text();
      call.tell(untold);
      status = Status::phones_missing;
    }
  } else if (phone.operation != "none") {
    const Remarks note{
        {},
        {phone.registered
             ? fmt::format("{0} takes this up when it next fetches its configuration. Tell it now "
                           "with 'utils phone apply-config {0}', or add apply to this command.",
                           phone.name)
             : phone.name + " is not registered: it takes this up when it next starts."}};
    text += note.text();
    call.tell(note);
  }
  call.document(document);
  call.say(text);
  return status;
}

boost::json::object capf_schema() {
  boost::json::object schema = schema_of<PhoneFacts>();
  schema["properties"].as_object()["apply"] = schema_of<PhoneReset>();
  return schema;
}

Status add(Call& call) {
  const auto phone = call.ask(method::phone_add, fields_of(call));
  call.answer(phone,
              "Phone " + phone.name + " added.\n" + Remarks{phone.warnings, phone.notes}.text());
  return Status::success;
}

Status update(Call& call) {
  const auto phone = call.ask(method::phone_update, fields_of(call));
  call.answer(phone,
              "Phone " + phone.name + " updated.\n" + Remarks{phone.warnings, phone.notes}.text());
  return Status::success;
}

/// whole_list asks for page after page.
PhoneList whole_list(Call& call) {
  PhoneListRequest request;
  PhoneList all = call.ask(method::phone_list, request);
  while (all.next) {
    if (call.session.console.interrupted())
      throw core::Error(core::Code::refused, "the list was interrupted");
    request.after = *all.next;
    PhoneList page = call.ask(method::phone_list, request);
    std::ranges::move(page.phones, std::back_inserter(all.phones));
    all.next = page.next;
  }
  return all;
}

Status list_phones(Call& call) {
  const PhoneList list = whole_list(call);
  Table table({"Name", "Model", "Registered", "Address", "ITL", "LSC", "Status", "Description"},
              {"Description", "Address", "Model", "LSC"});
  std::int64_t registered = 0;
  for (const PhoneFacts& phone : list.phones) {
    registered += phone.registered ? 1 : 0;
    table.add({phone.name, phone.model, registered_word(phone), phone.address, phone.itl, phone.lsc,
               phone.operation_status, phone.description});
  }
  const std::string total =
      fmt::format("{}, {} registered\n",
                  counted(static_cast<std::int64_t>(list.phones.size()), "phone"), registered);
  call.answer(list, list.phones.empty() ? total : table.text(call.columns()) + "\n" + total);
  return Status::success;
}

Status show_phone(Call& call) {
  const auto phone = call.ask(method::phone_show, PhoneRequest{call.arguments.at("name")});
  call.answer(phone, phone_text(phone, call.columns()));
  return Status::success;
}

std::optional<Confirmation> confirm_phone_removal(Call& call) {
  return Confirmation{{},
                      fmt::format("You are about to remove phone {}. This action cannot be undone. "
                                  "Continue? (y/n): ",
                                  call.arguments.at("name")),
                      "Removal cancelled."};
}

Status remove_phones(Call& call) {
  const std::string& name = call.arguments.at("name");
  call.ask(method::phone_remove, PhoneRequest{name});
  call.answer(Nothing{}, "Phone " + name + " removed.\n");
  return Status::success;
}

}  // namespace

std::vector<Command> phone_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "show phone list",
                      .summary = "list the phones, by name",
                      .example = "show phone list\n",
                      .run = list_phones,
                      .schema = schema_of<PhoneList>});
  commands.push_back(
      {.words = "show phone",
       .summary = "show one phone: settings, registration, LSC",
       .parameters = {device_name()},
       .help = "ITL says what the phone makes of the ITL file in force: accepted (what it\n"
               "did proves it), fetched (it has the file, and nothing proves that it\n"
               "took it), refused (what it did shows that it kept another) or unknown;\n"
               "ITL evidence says why, and the table below it what was seen. What comes\n"
               "from another address than the phone's proves nothing, until the phone\n"
               "has proven itself to CAPF from there.\n",
       .example = "show phone SEP001122334455\n",
       .run = show_phone,
       .schema = schema_of<PhoneFacts>});
  commands.push_back(
      {.words = "utils phone import",
       .level = 1,
       .summary = "add or update the phones of a CSV file",
       .parameters = {{.name = "file",
                       .help = "the file, or - for standard input (at most 64 MiB)",
                       .kind = Kind::file}},
       .help = "The first line names the columns, in any order: name, model, description,\n"
               "device_pool, security_profile, operation, auth_mode, auth_string, key_order, "
               "rsa_bits,\n"
               "ec_bits, completes_by. Only name is needed. The names and words of CUCM's bulk\n"
               "administration (MAC ADDRESS, Install/Upgrade) are read too, MAC addresses in any\n"
               "form, and semicolons or tabs between fields; what was read so is said. A bad line\n"
               "is refused with its number, and then nothing is imported.\n",
       .example = "utils phone import phones.csv\n50 phones imported (50 added, 0 updated).\n",
       .run = import_phones,
       .schema = schema_of<PhoneImported>});
  commands.push_back(
      {.words = "utils phone add",
       .level = 1,
       .summary = "add a phone",
       .parameters = joined({{.name = "name", .help = device_name().help}},
                            joined(device_fields(), capf_fields(Presence::optional))),
       .example = "utils phone add SEP001122334455 model CP-8861 description \"Front desk\"\n",
       .run = add,
       .schema = schema_of<PhoneFacts>});
  commands.push_back({.words = "utils phone remove",
                      .level = 1,
                      .summary = "remove a phone",
                      .parameters = {device_name()},
                      .example = "utils phone remove SEP001122334455\n",
                      .confirm = confirm_phone_removal,
                      .run = remove_phones,
                      .schema = schema_of<Nothing>});
  commands.push_back({.words = "set phone device",
                      .level = 1,
                      .summary = "change a phone's model, description or device pool",
                      .parameters = joined({device_name()}, device_fields()),
                      .example = "set phone device SEP001122334455 description \"Front desk\"\n",
                      .run = update,
                      .schema = schema_of<PhoneFacts>});
  commands.push_back(
      {.words = "set phone capf",
       .level = 1,
       .summary = "set what CAPF does with a phone",
       .parameters = joined(
           joined({device_name()}, capf_fields(Presence::mandatory)),
           {flag("apply", "make the phone fetch its configuration now, as apply-config does"),
            force_parameter()}),
       .help =
           "What is left out keeps its value. An authentication string is never shown and a\n"
           "line that has one is not kept in the history; auth_string ask asks for it unseen.\n"
           "The phone takes the settings up when it next fetches its configuration: with apply,\n"
           "or utils phone apply-config, that is now. With apply the exit status is 5 when the\n"
           "settings are saved and the phone could not be told. While Cisco Tftp, or CAPF for\n"
           "an operation, is down, apply is refused and nothing is saved; force 1 does it all\n"
           "the same.\n",
       .example = "set phone capf SEP001122334455 operation install auth_mode null-string apply\n",
       .run = update_capf,
       .schema = capf_schema});
  std::ranges::move(phone_reset_commands(), std::back_inserter(commands));
  return commands;
}

}  // namespace ringfence::shell
