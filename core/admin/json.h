// The structs of the admin API to JSON and back.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/base/error.h"

namespace ringfence::core::admin {

/// from_json reads a struct from an object: a member that is absent keeps its default. Throws
/// Error{malformed} naming a member that is unknown or has the wrong type.
///
/// All three functions exist for the requests and answers of all methods, and for what json_*.cpp
/// name beside, once for all who use them.
template <typename T>
T from_json(const boost::json::object& object);

/// to_json writes every member; an absent optional is null.
template <typename T>
boost::json::object to_json(const T& value);

/// schema_of returns the JSON Schema of what `--json` prints of a struct: every member but `text`,
/// which is for people.
template <typename T>
boost::json::object schema_of();

}  // namespace ringfence::core::admin
