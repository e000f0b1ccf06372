// The structs of the admin API to JSON and back.
#pragma once

#include <string>
#include <string_view>

#include <boost/describe/members.hpp>
#include <boost/json.hpp>
#include <boost/mp11/algorithm.hpp>

#include "core/base/error.h"

namespace ringfence::core::admin {

/// from_json reads a struct from an object: a member that is absent keeps its default. Throws
/// Error{malformed} naming a member that is unknown or has the wrong type.
template <typename T>
T from_json(const boost::json::object& object) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
  T value;
  std::size_t known = 0;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    const boost::json::value* found = object.if_contains(member.name);
    if (found == nullptr) return;
    ++known;
    using Type = std::remove_reference_t<decltype(value.*member.pointer)>;
    auto read = boost::json::try_value_to<Type>(*found);
    if (read.has_error())
      throw Error(Code::malformed, std::string("parameter '") + member.name + "' has a wrong type");
    value.*member.pointer = std::move(*read);
  });
  if (known == object.size()) return value;
  for (const auto& entry : object) {
    bool found = false;
    boost::mp11::mp_for_each<Members>([&](auto member) { found |= entry.key() == member.name; });
    if (!found)
      throw Error(Code::malformed, "unknown parameter '" + std::string(entry.key()) + "'");
  }
  return value;
}

/// to_json writes every member; an absent optional is null.
template <typename T>
boost::json::object to_json(const T& value) {
  return boost::json::value_from(value).as_object();
}

}  // namespace ringfence::core::admin
