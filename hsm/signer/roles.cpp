#include "hsm/signer/roles.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::hsm {
namespace {

struct May {
  const Role& role;

  bool operator()(const SignRequest& sign) const {
    return may_see(role, sign.key.label) && role.signs.has(form_of(sign.message));
  }

  bool operator()(const wire::PublicKey& query) const { return may_see(role, query.key.label); }

  bool operator()(const wire::List&) const { return true; }

  bool operator()(const wire::Generate& generate) const {
    return role.manages == Manages::keys && may_see(role, generate.label);
  }

  bool operator()(const wire::Destroy& destroy) const {
    return role.manages == Manages::keys && may_see(role, destroy.key.label);
  }

  bool operator()(const wire::StatusQuery&) const { return true; }

  bool operator()(const wire::Unlock&) const { return role.manages == Manages::keys; }
};

struct Describe {
  std::string operator()(const SignRequest& sign) const {
    return fmt::format("sign {} with {}", phrase(form_of(sign.message)), to_text(sign.key));
  }

  std::string operator()(const wire::PublicKey& query) const {
    return "public_key " + to_text(query.key);
  }

  std::string operator()(const wire::List&) const { return "list"; }

  std::string operator()(const wire::Generate& generate) const {
    return "generate " + generate.label;
  }

  std::string operator()(const wire::Destroy& destroy) const {
    return "destroy " + to_text(destroy.key);
  }

  std::string operator()(const wire::StatusQuery&) const { return "status"; }

  std::string operator()(const wire::Unlock&) const { return "unlock"; }
};

}  // namespace

const Role* role_named(std::string_view name) noexcept {
  const auto found = std::ranges::find(kRoles, name, &Role::name);
  return found == kRoles.end() ? nullptr : &*found;
}

bool may_see(const Role& role, std::string_view label) noexcept {
  return !label.empty() && std::ranges::find(role.labels, label) != role.labels.end();
}

bool may(const Role& role, const wire::Operation& operation) noexcept {
  return std::visit(May{role}, operation);
}

std::string describe(const wire::Operation& operation) {
  return std::visit(Describe{}, operation);
}

}  // namespace ringfence::hsm
