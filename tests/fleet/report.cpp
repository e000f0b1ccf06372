#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "tests/fleet/fleet.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
namespace json = boost::json;

namespace {

constexpr std::array kStates{State::waiting,     State::booting, State::enrolling,
                             State::registering, State::booted,  State::registered,
                             State::failed};

std::size_t count_if(const Report& report, const std::function<bool(const PhoneReport&)>& holds) {
  return static_cast<std::size_t>(std::count_if(report.phones.begin(), report.phones.end(), holds));
}

json::object to_object(const PhoneReport& phone) {
  json::object object;
  object["name"] = phone.name;
  object["state"] = word(phone.state);
  object["succeeded"] = phone.succeeded();
  object["registered"] = phone.registered;
  object["itl_sha1"] = phone.itl_sha1;
  object["itl_signer"] = phone.itl_signer;
  object["itl_status"] = phone.itl_status;
  object["config_stamp"] = phone.config_stamp;
  object["call_id"] = phone.call_id;
  object["lsc_status"] = phone.lsc_status;
  object["lsc_serial"] = phone.lsc_serial;
  object["lsc_issuer"] = phone.lsc_issuer;
  object["boots"] = phone.boots;
  object["resets"] = phone.resets;
  object["enrolments"] = phone.enrolments;
  object["tvs_queries"] = phone.tvs_queries;
  object["last_error"] = phone.last_error;
  return object;
}

}  // namespace

std::string_view word(State state) noexcept {
  switch (state) {
    case State::waiting: return "waiting";
    case State::booting: return "booting";
    case State::enrolling: return "enrolling";
    case State::registering: return "registering";
    case State::booted: return "booted";
    case State::registered: return "registered";
    case State::failed: return "failed";
  }
  return "";
}

bool PhoneReport::succeeded() const noexcept {
  return (state == State::booted || state == State::registered) && last_error.empty();
}

const PhoneReport& Report::phone(std::string_view name) const {
  const auto found = std::find_if(phones.begin(), phones.end(),
                                  [name](const PhoneReport& phone) { return phone.name == name; });
  if (found == phones.end())
    throw Error(Code::not_found, fmt::format("the fleet has no phone {}", name));
  return *found;
}

std::size_t Report::count(State state) const {
  return count_if(*this, [state](const PhoneReport& phone) { return phone.state == state; });
}

std::size_t Report::registered() const {
  return count_if(*this, [](const PhoneReport& phone) { return phone.registered; });
}

std::size_t Report::succeeded() const {
  return count_if(*this, [](const PhoneReport& phone) { return phone.succeeded(); });
}

std::string to_json(const Report& report) {
  json::object document;
  document["phones"] = report.phones.size();
  document["succeeded"] = report.succeeded();
  document["registered"] = report.registered();
  json::object states;
  for (const State state : kStates)
    if (const std::size_t count = report.count(state); count > 0) states[word(state)] = count;
  document["states"] = std::move(states);
  json::array fleet;
  for (const PhoneReport& phone : report.phones) fleet.push_back(to_object(phone));
  document["fleet"] = std::move(fleet);
  return json::serialize(document);
}

std::vector<std::string> count_names(std::size_t count, std::string_view first_mac) {
  const core::Bytes mac = core::from_hex(first_mac);
  if (mac.size() != 6)
    throw Error(Code::malformed, "the first MAC address must have 12 hexadecimal digits");
  std::uint64_t number = 0;
  for (const std::uint8_t byte : mac) number = number << 8 | byte;
  if (count > 0 && number + count - 1 > 0xffffffffffff)
    throw Error(Code::malformed, "there are not so many MAC addresses behind the first");
  std::vector<std::string> names;
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("SEP{:012X}", number + i));
  return names;
}

}  // namespace ringfence::fleet
