#include "shell/phone_text.h"

#include <algorithm>
#include <map>
#include <vector>

#include "shell/printable.h"
#include "shell/table.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

/// sign_words says what was seen; kinds that this shell does not know stay as they are.
std::string sign_words(const std::string& kind) {
  static const std::map<std::string, std::string> kWords = {
      {"list_fetched", "fetched a trust list"},
      {"signed_config", "fetched its signed configuration"},
      {"plain_config", "fetched its configuration unsigned"},
      {"tls_trusted", "trusted a certificate in TLS"},
      {"identified", "proved to CAPF who it is"},
      {"tls_refused", "refused a certificate in TLS"},
      {"tls_left", "hung up on a certificate"},
      {"tvs_vouched", "heard from TVS: trusted"},
      {"tvs_denied", "heard from TVS: not trusted"},
      {"registered", "registered"},
      {"itl_reported", "reported the ITL that it holds"},
      {"itl_refused", "reported that it refused an ITL"}};
  const auto found = kWords.find(kind);
  return found == kWords.end() ? kind : found->second;
}

/// about_text says where it was seen, and what it was about.
std::string about_text(const PhoneSign& sign) {
  std::string text = sign.address.empty() ? "" : "from " + sign.address;
  for (const std::string& part : {sign.subject, sign.detail})
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// signs_text says what was seen of a phone: a row each, or where that does not fit two lines.
std::string signs_text(const std::vector<PhoneSign>& signs, std::size_t columns) {
  if (signs.empty()) return {};
  Table table({"Seen at", "What", "Address", "About", "Detail"});
  for (const PhoneSign& sign : signs)
    table.add({sign.at, sign_words(sign.kind), sign.address, sign.subject, sign.detail});
  std::string text = "\nWhat shows which trust list it believes:\n";
  if (table.fits(columns)) return text + table.text(columns);
  constexpr std::size_t kIndent = 3;
  const std::size_t room = std::max<std::size_t>(columns, 2 * kIndent) - kIndent;
  for (const PhoneSign& sign : signs) {
    text += one_line(sign.at + "  " + sign_words(sign.kind)) + "\n";
    for (const std::string& line : broken(one_line(about_text(sign)), room))
      text += std::string(kIndent, ' ') + line + "\n";
  }
  return text;
}

}  // namespace

std::string phone_text(const PhoneFacts& phone, std::size_t columns) {
  return labelled({{"Name", phone.name},
                   {"Model", phone.model},
                   {"Description", phone.description},
                   {"Device pool", phone.device_pool},
                   {"Security profile", phone.security_profile},
                   {"Registered", phone.registered             ? "yes"
                                  : phone.registration.empty() ? "no"
                                                               : phone.registration},
                   {"Address", phone.address},
                   {"Registered at", phone.registered_at.value_or("")},
                   {"Address before", phone.address_before.value_or("")},
                   {"Last out of service", phone.last_out_of_service.value_or("")},
                   {"Active load", phone.active_load.value_or("")},
                   {"Inactive load", phone.inactive_load.value_or("")},
                   {"ITL", phone.itl == "fetched" ? "fetched (unproven)" : phone.itl},
                   {"ITL evidence", phone.itl_evidence},
                   {"ITL it holds", phone.itl_list_sha1},
                   {"Known address", phone.itl_address},
                   {"Other address", phone.itl_other_address},
                   {"Certificate operation", phone.operation},
                   {"Operation status", phone.operation_status},
                   {"Authentication mode", phone.auth_mode},
                   {"Authentication string", phone.auth_string_set ? "set" : "not set"},
                   {"Key order", phone.key_order},
                   {"RSA key bits", std::to_string(phone.rsa_bits)},
                   {"EC key bits", std::to_string(phone.ec_bits)},
                   {"Operation completes by", phone.completes_by.value_or("")},
                   {"LSC", phone.lsc},
                   {"LSC note", phone.lsc_note.value_or("")},
                   {"LSC subject", phone.lsc_subject.value_or("")},
                   {"LSC issuer", phone.lsc_issuer.value_or("")},
                   {"LSC serial", phone.lsc_serial.value_or("")},
                   {"LSC key", phone.lsc_key.value_or("")},
                   {"LSC expires", phone.lsc_expires.value_or("")},
                   {"LSC confirmed", phone.lsc_confirmed.value_or("")},
                   {"LSC enrolled from",
                    phone.lsc_enrolled_from ? *phone.lsc_enrolled_from + " (unproven)" : ""},
                   {"Stale LSCs", std::to_string(phone.lsc_stale)},
                   {"Fetched LSC", phone.fetched_lsc.value_or("")},
                   {"Fetched MIC", phone.fetched_mic.value_or("")}},
                  columns) +
         signs_text(phone.itl_signs.value_or(std::vector<PhoneSign>()), columns);
}

}  // namespace ringfence::shell
