#include "services/admin/jobs/bulk_terms.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::services::admin {

using core::AuthMode;
using core::CapfSettings;
using core::Code;
using core::Error;
using core::Operation;
using core::Time;
using core::admin::BulkRequest;
namespace json = boost::json;

namespace {

template <typename Value>
void put(json::object& object, std::string_view name, const std::optional<Value>& value) {
  if (!value) return;
  if constexpr (std::is_enum_v<Value>) {
    object[name] = std::string(word(*value));
  } else {
    object[name] = *value;
  }
}

}  // namespace

std::string BulkTerms::to_text() const {
  json::object object{{"operation", std::string(word(operation))},
                      {"completes_by", core::to_seconds(completes_by)},
                      {"string_digits", string_digits},
                      {"wave", wave}};
  put(object, "auth_mode", auth_mode);
  put(object, "key_order", key_order);
  put(object, "rsa_bits", rsa_bits);
  put(object, "ec_bits", ec_bits);
  return json::serialize(object);
}

BulkTerms BulkTerms::from_text(const std::string& text) {
  const json::value value = json::parse(text);
  const json::object& object = value.as_object();
  const auto word_of = [&](std::string_view name) -> std::optional<std::string> {
    const json::value* found = object.if_contains(name);
    if (found == nullptr) return std::nullopt;
    return std::string(found->as_string());
  };
  const auto bits_of = [&](std::string_view name) -> std::optional<int> {
    const json::value* found = object.if_contains(name);
    if (found == nullptr) return std::nullopt;
    return found->to_number<int>();
  };
  BulkTerms terms;
  terms.operation = core::operation_from(word_of("operation").value_or(""));
  terms.completes_by = core::from_seconds(object.at("completes_by").to_number<std::int64_t>());
  terms.string_digits = object.at("string_digits").to_number<std::size_t>();
  terms.wave = object.at("wave").to_number<std::size_t>();
  if (const auto mode = word_of("auth_mode")) terms.auth_mode = core::auth_mode_from(*mode);
  if (const auto order = word_of("key_order")) terms.key_order = core::key_order_from(*order);
  terms.rsa_bits = bits_of("rsa_bits");
  terms.ec_bits = bits_of("ec_bits");
  return terms;
}

std::string BulkTerms::subject() const {
  std::string text(word(operation));
  if (auth_mode) text += fmt::format(", {}", word(*auth_mode));
  return text;
}

BulkTerms bulk_terms(const BulkRequest& request, Time now) {
  BulkTerms terms;
  terms.operation = core::operation_from(request.operation);
  if (terms.operation == Operation::none)
    throw Error(Code::malformed, "the operation must be one of install, delete, troubleshoot");
  if (request.auth_mode) terms.auth_mode = core::auth_mode_from(*request.auth_mode);
  if (request.key_order) terms.key_order = core::key_order_from(*request.key_order);
  const CapfSettings usual;
  core::check_key_sizes(static_cast<int>(request.rsa_bits.value_or(usual.rsa_bits)),
                        static_cast<int>(request.ec_bits.value_or(usual.ec_bits)));
  if (request.rsa_bits) terms.rsa_bits = static_cast<int>(*request.rsa_bits);
  if (request.ec_bits) terms.ec_bits = static_cast<int>(*request.ec_bits);
  terms.completes_by = request.completes_by ? core::completes_by_from(*request.completes_by)
                                            : now + BulkTerms::kUsualTime;
  if (terms.completes_by <= now)
    throw Error(Code::malformed,
                fmt::format("the time the operation completes by, {} UTC, is over; give one at "
                            "least an hour ahead",
                            core::completes_by_text(terms.completes_by)));
  if (request.unique_strings) {
    if (*request.unique_strings < 4 || *request.unique_strings > 10)
      throw Error(Code::malformed, "unique_strings is a number of digits, 4 to 10");
    if (terms.auth_mode != AuthMode::auth_string)
      throw Error(Code::malformed, "unique_strings needs auth_mode auth-string");
    terms.string_digits = static_cast<std::size_t>(*request.unique_strings);
  }
  if (request.wave) {
    if (*request.wave < 1 || *request.wave > static_cast<std::int64_t>(BulkTerms::kMostWave))
      throw Error(Code::malformed,
                  fmt::format("wave is a number of phones, 1 to {}", BulkTerms::kMostWave));
    terms.wave = static_cast<std::size_t>(*request.wave);
  }
  return terms;
}

}  // namespace ringfence::services::admin
