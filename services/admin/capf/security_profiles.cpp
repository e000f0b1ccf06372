#include "services/admin/capf/security_profiles.h"

#include <algorithm>
#include <map>
#include <string>

namespace ringfence::services::admin {

using core::SecurityProfile;
using core::admin::SecurityProfileFacts;
using core::admin::SecurityProfileFields;
using core::admin::SecurityProfileList;

namespace {

SecurityProfileFacts facts_of(const SecurityProfile& profile) {
  SecurityProfileFacts facts;
  facts.name = profile.name;
  facts.auth_mode = word(profile.auth_mode);
  facts.key_order = word(profile.key_order);
  facts.rsa_bits = profile.rsa_bits;
  facts.ec_bits = profile.ec_bits;
  return facts;
}

}  // namespace

SecurityProfileList list_profiles(const core::SecurityProfileStore& store,
                                  const core::PhoneStore& phones) {
  SecurityProfileList list;
  std::map<std::string, std::size_t> places;
  const std::vector<SecurityProfile> profiles = store.list();
  for (const SecurityProfile& profile : profiles) {
    places.emplace(profile.name, list.profiles.size());
    list.profiles.push_back(facts_of(profile));
  }
  if (profiles.empty()) return list;
  for (const core::Phone& phone : phones.list()) {
    const auto place = places.find(phone.security_profile);
    if (place == places.end()) continue;
    SecurityProfileFacts& facts = list.profiles[place->second];
    ++facts.phones;
    if (core::mode_mismatch(profiles[place->second], phone.capf.auth_mode)) ++facts.mismatches;
  }
  return list;
}

SecurityProfileFacts set_profile(core::SecurityProfileStore& profiles,
                                 const core::PhoneStore& phones,
                                 const SecurityProfileFields& fields) {
  SecurityProfile profile = profiles.find(fields.name).value_or(SecurityProfile());
  profile.name = fields.name;
  if (fields.auth_mode) profile.auth_mode = core::auth_mode_from(*fields.auth_mode);
  if (fields.key_order) profile.key_order = core::key_order_from(*fields.key_order);
  if (fields.rsa_bits) profile.rsa_bits = static_cast<int>(*fields.rsa_bits);
  if (fields.ec_bits) profile.ec_bits = static_cast<int>(*fields.ec_bits);
  profiles.save(profile);
  const SecurityProfileList list = list_profiles(profiles, phones);
  return *std::find_if(list.profiles.begin(), list.profiles.end(),
                       [&](const auto& facts) { return facts.name == fields.name; });
}

}  // namespace ringfence::services::admin
