#include "core/admin/json_codec.h"

#include <algorithm>

#include <boost/json.hpp>

#include "core/base/error.h"

namespace ringfence::core::admin {
namespace {

namespace json = boost::json;

template <typename T>
bool read_plain(const Codec& /*self*/, const json::value& from, void* to) {
  auto value = json::try_value_to<T>(from);
  if (value.has_error()) return false;
  *static_cast<T*>(to) = std::move(*value);
  return true;
}

template <typename T>
json::value write_plain(const Codec& /*self*/, const void* from) {
  return json::value_from(*static_cast<const T*>(from));
}

template <const char* Type>
json::object plain_schema(const Codec& /*self*/) {
  return {{"type", Type}};
}

constexpr char kString[] = "string";
constexpr char kBoolean[] = "boolean";
constexpr char kInteger[] = "integer";
constexpr char kNumber[] = "number";

template <typename T, const char* Type>
constexpr Codec plain{read_plain<T>, write_plain<T>, plain_schema<Type>};

void* place_of(const Member& member, void* object) {
  const auto* start = static_cast<const char*>(object);
  return static_cast<char*>(object) + (static_cast<const char*>(member.at(object)) - start);
}

}  // namespace

constinit const Codec kTextCodec = plain<std::string, kString>;
constinit const Codec kFlagCodec = plain<bool, kBoolean>;
constinit const Codec kIntCodec = plain<int, kInteger>;
constinit const Codec kInteger64Codec = plain<std::int64_t, kInteger>;
constinit const Codec kNatural64Codec = plain<std::uint64_t, kInteger>;
constinit const Codec kNumberCodec = plain<double, kNumber>;

bool read_struct(const Codec& self, const json::value& from, void* to) {
  const json::object* object = from.if_object();
  if (object == nullptr) return false;
  std::size_t known = 0;
  for (const Member& member : self.members) {
    const json::value* found = object->if_contains(member.name);
    if (found == nullptr && member.codec->may_be_absent) continue;
    if (found == nullptr || !member.codec->read(*member.codec, *found, place_of(member, to)))
      return false;
    ++known;
  }
  return known == object->size();
}

json::value write_struct(const Codec& self, const void* from) {
  json::object object;
  object.reserve(self.members.size());
  for (const Member& member : self.members)
    object.emplace(member.name, member.codec->write(*member.codec, member.at(from)));
  return object;
}

json::object schema_of_struct(const Codec& self) {
  json::object properties;
  json::array required;
  for (const Member& member : self.members) {
    const std::string_view name = member.name;
    if (name == "text") continue;
    properties.emplace(name, member.codec->schema(*member.codec));
    required.emplace_back(name);
  }
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

json::object optional_schema(json::object of_value) {
  return {{"anyOf", json::array{std::move(of_value), {{"type", "null"}}}}};
}

json::object list_schema(json::object of_item) {
  return {{"type", "array"}, {"items", std::move(of_item)}};
}

void read_members(const Codec& self, const json::object& from, void* to) {
  for (const Member& member : self.members) {
    const json::value* found = from.if_contains(member.name);
    if (found == nullptr) continue;
    if (!member.codec->read(*member.codec, *found, place_of(member, to)))
      throw Error(Code::malformed, std::string("parameter '") + member.name + "' has a wrong type");
  }
  for (const auto& entry : from)
    if (std::ranges::none_of(self.members,
                             [&](const Member& one) { return entry.key() == one.name; }))
      throw Error(Code::malformed, "unknown parameter '" + std::string(entry.key()) + "'");
}

}  // namespace ringfence::core::admin
