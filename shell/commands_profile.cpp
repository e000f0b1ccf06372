// show phone profile, set phone profile: security profiles, which bulk jobs heed.
#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/bulk_api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/parameters.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

std::vector<std::string> profile_names(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::profile_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names;
  for (const SecurityProfileFacts& facts : list.profiles) names.push_back(facts.name);
  return names;
}

Status list_profiles(Call& call) {
  const auto list = call.ask(method::profile_list, Nothing{});
  Table table({"Name", "Authentication mode", "Key order", "RSA", "EC", "Phones", "Mismatches"},
              {"EC", "RSA", "Key order"});
  for (const SecurityProfileFacts& one : list.profiles)
    table.add({one.name, one.auth_mode, one.key_order, std::to_string(one.rsa_bits),
               std::to_string(one.ec_bits), std::to_string(one.phones),
               std::to_string(one.mismatches)});
  call.answer(list, list.profiles.empty() ? "There are no security profiles.\n"
                                          : table.text(call.columns()));
  return Status::success;
}

Status set_profile(Call& call) {
  const Arguments& arguments = call.arguments;
  SecurityProfileFields fields;
  fields.name = arguments.at("name");
  fields.auth_mode = arguments.find("auth_mode");
  fields.key_order = arguments.find("key_order");
  fields.rsa_bits = arguments.integer("rsa_bits");
  fields.ec_bits = arguments.integer("ec_bits");
  const auto facts = call.ask(method::profile_set, fields);
  std::string text = fmt::format("Security profile {} set: {}, {}, RSA {}, EC {}.\n", facts.name,
                                 facts.auth_mode, facts.key_order, facts.rsa_bits, facts.ec_bits);
  if (facts.mismatches > 0)
    text += fmt::format(
        "{} of its {} have another authentication mode: their operations cannot "
        "complete until the two are the same.\n",
        facts.mismatches, counted(facts.phones, "phone"));
  call.answer(facts, text);
  return Status::success;
}

Status remove_profile(Call& call) {
  const std::string& name = call.arguments.at("name");
  call.ask(method::profile_remove, SecurityProfileRequest{name});
  call.answer(Nothing{}, "Security profile " + name + " removed.\n");
  return Status::success;
}

}  // namespace

std::vector<Command> profile_commands() {
  Parameter name{.name = "name",
                 .help = "the profile's name, in double quotes when it has spaces",
                 .suggest = profile_names};
  std::vector<Command> commands;
  commands.push_back({.words = "show phone profile list",
                      .summary = "list the phone security profiles, and who contradicts them",
                      .example = "show phone profile list\n",
                      .run = list_profiles,
                      .schema = schema_of<SecurityProfileList>});
  commands.push_back(
      {.words = "set phone profile",
       .level = 1,
       .summary = "make or change a phone security profile",
       .parameters = joined({name}, key_settings()),
       .help =
           "A profile fixes how its phones prove themselves to CAPF, and their keys. Phones\n"
           "get it by set phone device or by utils phone import. It does not change what a\n"
           "phone is set to: a phone whose authentication mode is another is a mismatch, whose\n"
           "operation cannot complete, and a bulk job leaves it out.\n",
       .example = "set phone profile \"Floor 1\" auth_mode null-string key_order rsa-only\n",
       .run = set_profile,
       .schema = schema_of<SecurityProfileFacts>});
  commands.push_back({.words = "utils phone profile remove",
                      .level = 1,
                      .summary = "remove a phone security profile that no phone has",
                      .parameters = {name},
                      .example = "utils phone profile remove \"Floor 1\"\n",
                      .run = remove_profile,
                      .schema = schema_of<Nothing>});
  return commands;
}

}  // namespace ringfence::shell
