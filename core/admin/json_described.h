// The bodies of json.h, for those who make them for a struct.
#pragma once

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include "core/admin/json.h"
#include "core/admin/methods.h"

namespace ringfence::core::admin {

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

template <typename T>
boost::json::object to_json(const T& value) {
  return boost::json::value_from(value).as_object();
}

template <typename Function>
MethodFacts::Kept kept(Function* function) {
  return reinterpret_cast<MethodFacts::Kept>(function);
}

}  // namespace ringfence::core::admin

/// RINGFENCE_METHOD_FACTS is the row of a method in a family's table (methods.h): it makes both
/// functions for its request and its answer, and keeps them in the program.
#define RINGFENCE_METHOD_FACTS(family, verb, level, act, Request, Answer)                    \
  MethodFacts{#family "." #verb,                                                             \
              level,                                                                         \
              Act::act,                                                                      \
              #Request,                                                                      \
              #Answer,                                                                       \
              {kept(&from_json<Request>), kept(&to_json<Request>), kept(&from_json<Answer>), \
               kept(&to_json<Answer>)}},

/// RINGFENCE_JSON makes both functions for a described struct that no method has by itself; in
/// namespace ringfence::core::admin.
#define RINGFENCE_JSON(Struct)                                   \
  template Struct from_json<Struct>(const boost::json::object&); \
  template boost::json::object to_json<Struct>(const Struct&)
