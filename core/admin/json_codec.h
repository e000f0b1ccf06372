// A struct of the admin API in JSON is a table of its members, which json_codec.cpp walks: so that
// one more struct costs some pointers and not code of its own.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace ringfence::core::admin {

struct Codec;

/// Member is one member of a struct.
struct Member {
  const char* name;
  const void* (*at)(const void* object);  ///< its address in `object`
  const Codec* codec;
};

/// Codec turns values of one type into JSON and back, by their addresses.
struct Codec {
  /// read returns false when `from` has another type; `to` is then of no use.
  bool (*read)(const Codec& self, const boost::json::value& from, void* to);
  boost::json::value (*write)(const Codec& self, const void* from);
  boost::json::object (*schema)(const Codec& self);  ///< JSON Schema of what `write` writes
  bool may_be_absent = false;            ///< from an object inside a request or an answer
  std::span<const Member> members = {};  ///< of a struct
};

extern const Codec kTextCodec;
extern const Codec kFlagCodec;
extern const Codec kIntCodec;
extern const Codec kInteger64Codec;
extern const Codec kNatural64Codec;
extern const Codec kNumberCodec;

/// read_struct takes exactly the struct's members, all that may not be absent.
bool read_struct(const Codec& self, const boost::json::value& from, void* to);
boost::json::value write_struct(const Codec& self, const void* from);
boost::json::object schema_of_struct(const Codec& self);

/// read_members is read_struct where a member that is absent keeps its default. Throws
/// Error{malformed} naming the member that is unknown or has the wrong type.
void read_members(const Codec& self, const boost::json::object& from, void* to);

boost::json::object optional_schema(boost::json::object of_value);
boost::json::object list_schema(boost::json::object of_item);

template <typename T>
struct OptionalCodec;
template <typename T>
struct ListCodec;
template <typename T>
struct StructCodec;

template <typename T>
struct CodecOf : StructCodec<T> {};

template <typename T>
struct CodecOf<std::optional<T>> : OptionalCodec<T> {};

template <typename T>
struct CodecOf<std::vector<T>> : ListCodec<T> {};

template <typename T>
constexpr const Codec* codec_of() {
  if constexpr (std::same_as<T, std::string>)
    return &kTextCodec;
  else if constexpr (std::same_as<T, bool>)
    return &kFlagCodec;
  else if constexpr (std::same_as<T, int>)
    return &kIntCodec;
  else if constexpr (std::same_as<T, std::int64_t>)
    return &kInteger64Codec;
  else if constexpr (std::same_as<T, std::uint64_t>)
    return &kNatural64Codec;
  else if constexpr (std::same_as<T, double>)
    return &kNumberCodec;
  else
    return &CodecOf<T>::codec;
}

template <typename T>
struct OptionalCodec {
  static bool read(const Codec& /*self*/, const boost::json::value& from, void* to) {
    auto& value = *static_cast<std::optional<T>*>(to);
    value.reset();
    return from.is_null() || codec_of<T>()->read(*codec_of<T>(), from, &value.emplace());
  }

  static boost::json::value write(const Codec& /*self*/, const void* from) {
    const auto& value = *static_cast<const std::optional<T>*>(from);
    return value ? codec_of<T>()->write(*codec_of<T>(), &*value) : boost::json::value();
  }

  static boost::json::object schema(const Codec& /*self*/) {
    return optional_schema(codec_of<T>()->schema(*codec_of<T>()));
  }

  static constexpr Codec codec{read, write, schema, true};
};

template <typename T>
struct ListCodec {
  static bool read(const Codec& /*self*/, const boost::json::value& from, void* to) {
    auto& list = *static_cast<std::vector<T>*>(to);
    list.clear();
    const boost::json::array* array = from.if_array();
    if (array == nullptr) return false;
    list.reserve(array->size());
    for (const boost::json::value& one : *array)
      if (!codec_of<T>()->read(*codec_of<T>(), one, &list.emplace_back())) return false;
    return true;
  }

  static boost::json::value write(const Codec& /*self*/, const void* from) {
    const auto& list = *static_cast<const std::vector<T>*>(from);
    boost::json::array array;
    array.reserve(list.size());
    for (const T& one : list) array.push_back(codec_of<T>()->write(*codec_of<T>(), &one));
    return array;
  }

  static boost::json::object schema(const Codec& /*self*/) {
    return list_schema(codec_of<T>()->schema(*codec_of<T>()));
  }

  static constexpr Codec codec{read, write, schema};
};

}  // namespace ringfence::core::admin
