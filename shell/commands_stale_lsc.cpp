// utils capf stale-lsc: LSCs that were issued and that no phone confirmed.
#include <algorithm>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/offline_api.h"
#include "shell/call.h"
#include "shell/commands_offline.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

std::vector<std::string> stale_devices(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::stale_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names{std::string(kAll)};
  for (const StaleLsc& one : list.certificates) names.push_back(one.device);
  return names;
}

Status list_stale(Call& call) {
  const auto list = call.ask(method::stale_list, Nothing{});
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
  const PhoneSelection which = selected_devices(call);
  const auto list = call.ask(method::stale_list, Nothing{});
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
      call.ask(method::stale_clear, selected_devices(call), std::chrono::seconds(180));
  call.answer(cleared, fmt::format("{} deleted.\n", counted(cleared.cleared, "stale LSC")));
  return Status::success;
}

}  // namespace

std::vector<Command> stale_lsc_commands() {
  std::vector<Command> commands;
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
