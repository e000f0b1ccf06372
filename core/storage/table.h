// What a store says of a type whose values are rows: its table, its columns, its words.
#pragma once

#include <string_view>

namespace ringfence::core {

/// Table says, of a type that a store keeps, which table its values are rows of and which member
/// each column is: specialise it with `name` and a std::tuple `columns` of Column.
template <typename Row>
struct Table;

/// Column is a column's name and where it stands in the row: a pointer to member, or what returns a
/// reference when it is called with the row.
template <typename Member>
struct Column {
  constexpr Column(std::string_view column, Member pointer) : name(column), member(pointer) {}

  std::string_view name;
  Member member;
};

/// FromWord says how the words of an enumeration's column are read; they are written as its `word`.
/// Specialise it with `static Value read(std::string_view)`, which throws for what is none.
template <typename Value>
struct FromWord;

template <typename Value>
inline constexpr bool kHasWords = requires(std::string_view text) {
  FromWord<Value>::read(text);
};

}  // namespace ringfence::core
