// The bodies of json.h, for those who make them for a struct.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include <boost/describe/members.hpp>

#include "core/admin/json.h"
#include "core/admin/json_codec.h"
#include "core/admin/methods.h"

namespace ringfence::core::admin {

template <typename T, typename Descriptor>
const void* member_at(const void* object) {
  return &(static_cast<const T*>(object)->*Descriptor::pointer);
}

template <typename T, template <typename...> typename List, typename... Descriptors>
constexpr std::array<Member, sizeof...(Descriptors)> members_of(List<Descriptors...> /*members*/) {
  return {Member{
      Descriptors::name, &member_at<T, Descriptors>,
      codec_of<std::remove_cvref_t<decltype(std::declval<T&>().*Descriptors::pointer)>>()}...};
}

template <typename T>
struct StructCodec {
  static constexpr auto members =
      members_of<T>(boost::describe::describe_members<T, boost::describe::mod_public>());
  static constexpr Codec codec{read_struct, write_struct, schema_of_struct, false, members};
};

template <typename T>
T from_json(const boost::json::object& object) {
  T value;
  read_members(StructCodec<T>::codec, object, &value);
  return value;
}

template <typename T>
boost::json::object to_json(const T& value) {
  return std::move(write_struct(StructCodec<T>::codec, &value).as_object());
}

template <typename T>
boost::json::object schema_of() {
  return schema_of_struct(StructCodec<T>::codec);
}

template <typename Function>
MethodFacts::Kept kept(Function* function) {
  return reinterpret_cast<MethodFacts::Kept>(function);
}

}  // namespace ringfence::core::admin

/// RINGFENCE_METHOD_FACTS is the row of a method in a family's table (methods.h): it makes the
/// functions of json.h for its request and its answer, and keeps them in the program.
#define RINGFENCE_METHOD_FACTS(family, verb, level, act, Request, Answer)                     \
  MethodFacts{#family "." #verb,                                                              \
              level,                                                                          \
              Act::act,                                                                       \
              #Request,                                                                       \
              #Answer,                                                                        \
              {kept(&from_json<Request>), kept(&to_json<Request>), kept(&schema_of<Request>), \
               kept(&from_json<Answer>), kept(&to_json<Answer>), kept(&schema_of<Answer>)}},

/// RINGFENCE_JSON makes them for a described struct that no method has by itself; in
/// namespace ringfence::core::admin.
#define RINGFENCE_JSON(Struct)                                   \
  template Struct from_json<Struct>(const boost::json::object&); \
  template boost::json::object to_json<Struct>(const Struct&);   \
  template boost::json::object schema_of<Struct>()
