// Parameters that several command families take.
#include "shell/parameters.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "core/admin/json.h"
#include "core/admin/phone_api.h"
#include "shell/admin.h"

namespace ringfence::shell {
namespace {

constexpr std::int64_t kMostOffered = 40;

Offers phones_like(Admin& admin, const std::string& start) {
  using namespace core::admin;
  const auto found =
      ask(admin, method::phone_names, {start, kMostOffered}, std::chrono::seconds(5));
  Offers offers(found.names);
  offers.more = found.matched - std::ssize(found.names);
  return offers;
}

Parameter size(std::string name, std::string help, std::vector<std::string> choices) {
  Parameter parameter = named(std::move(name), std::move(help), std::move(choices));
  parameter.kind = Kind::integer;
  return parameter;
}

}  // namespace

Parameter named(std::string name, std::string help, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = choices.empty() ? Kind::word : Kind::choice,
          .presence = Presence::optional,
          .form = Form::named,
          .choices = std::move(choices)};
}

Parameter flag(std::string name, std::string help) {
  return {.name = std::move(name),
          .help = std::move(help),
          .presence = Presence::optional,
          .form = Form::flag};
}

Parameter overwrite() {
  return flag("overwrite", "replace the file if it exists already");
}

Overwrite overwrite_of(const Arguments& arguments) {
  return arguments.has("overwrite") ? Overwrite::yes : Overwrite::no;
}

Parameter device_name() {
  return {
      .name = "name", .help = "the device's name, like SEP001122334455", .suggest = phones_like};
}

std::vector<Parameter> key_settings() {
  return {named("auth_mode", "how phones prove themselves",
                {"null-string", "auth-string", "lsc", "mic"}),
          named("key_order", "kinds of keys", {"rsa-only", "ec-only", "ec-preferred"}),
          size("rsa_bits", "size of RSA keys", {"512", "1024", "2048", "3072", "4096"}),
          size("ec_bits", "size of EC keys", {"256", "384", "521"})};
}

std::vector<std::string> unit_names() {
  return {"CAPF", "CallManager", "CallManager-ECDSA", "ITLRecovery", "TVS"};
}

std::vector<Parameter> joined(std::vector<Parameter> first, const std::vector<Parameter>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace ringfence::shell
