// The JSON schema of an answer, read off its struct.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/describe/members.hpp>
#include <boost/json.hpp>
#include <boost/mp11/algorithm.hpp>

namespace ringfence::shell {

template <typename T>
struct SchemaOf {
  static boost::json::object make() {
    if constexpr (std::is_same_v<T, bool>) {
      return {{"type", "boolean"}};
    } else if constexpr (std::is_same_v<T, std::string>) {
      return {{"type", "string"}};
    } else if constexpr (std::is_integral_v<T>) {
      return {{"type", "integer"}};
    } else if constexpr (std::is_floating_point_v<T>) {
      return {{"type", "number"}};
    } else {
      boost::json::object properties;
      boost::json::array required;
      using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
      boost::mp11::mp_for_each<Members>([&](auto member) {
        const std::string name = member.name;
        if (name == "text") return;
        using Type = std::remove_cvref_t<decltype(std::declval<T>().*member.pointer)>;
        properties[name] = SchemaOf<Type>::make();
        required.emplace_back(name);
      });
      return {{"type", "object"}, {"properties", properties}, {"required", required}};
    }
  }
};

template <typename T>
struct SchemaOf<std::vector<T>> {
  static boost::json::object make() { return {{"type", "array"}, {"items", SchemaOf<T>::make()}}; }
};

template <typename T>
struct SchemaOf<std::optional<T>> {
  static boost::json::object make() {
    return {{"anyOf", boost::json::array{SchemaOf<T>::make(), {{"type", "null"}}}}};
  }
};

/// schema_of returns the JSON Schema of the document that `--json` prints for a struct: every
/// described member but `text`, which is for people.
template <typename T>
boost::json::object schema_of() {
  return SchemaOf<T>::make();
}

}  // namespace ringfence::shell
