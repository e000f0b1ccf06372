#include "services/admin/jobs/regeneration_progress.h"

#include <boost/json.hpp>

#include "core/base/error.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
namespace json = boost::json;

std::string Regeneration::Progress::to_text() const {
  json::object object{{"unit", std::string(name(unit))},
                      {"published", published},
                      {"itl_sha1", itl_sha1},
                      {"old_serial", old_serial},
                      {"imported", imported},
                      {"left_out", left_out},
                      {"left_out_names", json::value_from(absent)},
                      {"notes", json::value_from(notes)},
                      {"warnings", json::value_from(warnings)},
                      {"untold", json::value_from(untold)},
                      {"next", next}};
  if (forced) object["forced_over_phones"] = *forced;
  return json::serialize(object);
}

Regeneration::Progress Regeneration::Progress::from_text(const std::string& text) {
  const json::value value = json::parse(text);
  const json::object& object = value.as_object();
  const auto unit = core::unit_named(std::string_view(object.at("unit").as_string()));
  if (!unit) throw Error(Code::malformed, "a job names a unit that does not exist");
  Progress progress;
  progress.unit = *unit;
  progress.published = object.at("published").as_bool();
  progress.itl_sha1 = object.at("itl_sha1").as_string();
  progress.old_serial = object.at("old_serial").as_string();
  // Jobs of earlier releases lack the rest.
  if (const json::value* one = object.if_contains("imported")) progress.imported = one->as_bool();
  if (const json::value* one = object.if_contains("left_out")) progress.left_out = one->as_int64();
  if (const json::value* one = object.if_contains("left_out_names"))
    progress.absent = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("forced_over_phones"))
    progress.forced = one->as_int64();
  if (const json::value* one = object.if_contains("notes"))
    progress.notes = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("warnings"))
    progress.warnings = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("untold"))
    progress.untold = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("next")) progress.next = one->as_string();
  return progress;
}

}  // namespace ringfence::services::admin
