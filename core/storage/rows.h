// Rows and their columns, through SOCI. For the .cpp files of stores alone: it is slow to compile,
// and no header of ours needs it (a test says so).
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <soci/soci.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/storage/database.h"
#include "core/storage/table.h"

namespace ringfence::core {

/// Hex is bytes on their way to or from a column of hexadecimal text.
struct Hex {
  Bytes* to;
  const Bytes* from;
};

}  // namespace ringfence::core

namespace soci {

/// A time is a bigint column.
template <>
struct type_conversion<ringfence::core::Time> {
  using base_type = long long;

  static void from_base(const base_type& seconds, indicator, ringfence::core::Time& time) {
    time = ringfence::core::from_seconds(seconds);
  }

  static void to_base(const ringfence::core::Time& time, base_type& seconds, indicator& state) {
    seconds = ringfence::core::to_seconds(time);
    state = i_ok;
  }
};

/// Where milliseconds count, they are the bigint column's.
template <>
struct type_conversion<std::chrono::sys_time<std::chrono::milliseconds>> {
  using base_type = long long;

  static void from_base(const base_type& count, indicator,
                        std::chrono::sys_time<std::chrono::milliseconds>& time) {
    time = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(count));
  }

  static void to_base(const std::chrono::sys_time<std::chrono::milliseconds>& time,
                      base_type& count, indicator& state) {
    count = time.time_since_epoch().count();
    state = i_ok;
  }
};

/// A time that may be absent is a bigint column that may be null.
template <>
struct type_conversion<std::optional<ringfence::core::Time>> {
  using base_type = long long;

  static void from_base(const base_type& seconds, indicator state,
                        std::optional<ringfence::core::Time>& time) {
    time.reset();
    if (state == i_ok) time = ringfence::core::from_seconds(seconds);
  }

  static void to_base(const std::optional<ringfence::core::Time>& time, base_type& seconds,
                      indicator& state) {
    seconds = time ? ringfence::core::to_seconds(*time) : 0;
    state = time ? i_ok : i_null;
  }
};

/// Bytes are a column of hexadecimal text; SOCI takes a vector itself for many rows.
template <>
struct type_conversion<ringfence::core::Hex> {
  using base_type = std::string;

  static void from_base(const base_type& text, indicator, ringfence::core::Hex& hex) {
    *hex.to = ringfence::core::from_hex(text);
  }

  static void to_base(const ringfence::core::Hex& hex, base_type& text, indicator& state) {
    text = ringfence::core::to_hex(*hex.from);
    state = i_ok;
  }
};

/// Bytes that may be absent are one that may be null.
template <>
struct type_conversion<std::optional<ringfence::core::Bytes>> {
  using base_type = std::string;

  static void from_base(const base_type& text, indicator state,
                        std::optional<ringfence::core::Bytes>& bytes) {
    bytes.reset();
    if (state == i_ok) bytes = ringfence::core::from_hex(text);
  }

  static void to_base(const std::optional<ringfence::core::Bytes>& bytes, base_type& text,
                      indicator& state) {
    if (bytes) text = ringfence::core::to_hex(*bytes);
    state = bytes ? i_ok : i_null;
  }
};

/// An enumeration that says how its words are read (core::FromWord) is a text column.
template <typename Value>
struct type_conversion<Value, std::enable_if_t<ringfence::core::kHasWords<Value>>> {
  using base_type = std::string;

  static void from_base(const base_type& text, indicator, Value& value) {
    value = ringfence::core::FromWord<Value>::read(text);
  }

  static void to_base(const Value& value, base_type& text, indicator& state) {
    text = std::string(word(value));
    state = i_ok;
  }
};

/// Yes or no is an integer column.
template <>
struct type_conversion<bool> {
  using base_type = int;

  static void from_base(const base_type& number, indicator, bool& yes) { yes = number != 0; }

  static void to_base(const bool& yes, base_type& number, indicator& state) {
    number = yes ? 1 : 0;
    state = i_ok;
  }
};

}  // namespace soci

namespace ringfence::core {

/// Prepared is one use of a statement that the database keeps prepared from then on: several times
/// as cheap as a statement of its own. At its end the statement forgets what was bound, and holds
/// no view of the file. Only inside `read`, `write` or a Transaction; not twice at once with the
/// same text.
class Database::Prepared {
 public:
  Prepared(Database& database, std::string_view sql);
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared();

  /// use and into bind the next parameter and the next column; `value` must live until the end.
  template <typename Value>
  Prepared& use(const Value&& value) = delete;  ///< it would be gone before it is read

  template <typename Value>
  Prepared& use(const Value& value) {
    if constexpr (std::is_same_v<Value, Bytes>)
      statement_.exchange(soci::use(std::as_const(hex_.emplace_back(Hex{nullptr, &value}))));
    else
      statement_.exchange(soci::use(value));
    return *this;
  }

  template <typename Value>
  Prepared& into(Value& value) {
    if constexpr (std::is_same_v<Value, Bytes>)
      statement_.exchange(soci::into(hex_.emplace_back(Hex{&value, nullptr})));
    else
      statement_.exchange(soci::into(value));
    return *this;
  }

  /// execute runs the statement, once; it and `fetch` tell whether they brought a row.
  bool execute();
  bool fetch();
  long long changed();  ///< how many rows the statement changed

 private:
  static soci::statement& kept(Database& database, std::string_view sql);

  Lease lease_;
  soci::statement& statement_;
  std::deque<Hex> hex_;
};

/// column_names returns the columns of a Table, joined by `before` and ", ".
template <typename Row>
std::string column_names(std::string_view before = "") {
  std::string names;
  const auto add = [&](const auto& column) {
    names.append(names.empty() ? "" : ", ").append(before).append(column.name);
  };
  std::apply([&](const auto&... column) { (add(column), ...); }, Table<Row>::columns);
  return names;
}

/// rows_of returns the rows of Row's table that `tail` ("where … order by …") selects; `keys` are
/// bound in its order.
template <typename Row, typename... Keys>
std::vector<Row> rows_of(Database& database, std::string_view tail, const Keys&... keys) {
  static const std::string select_from =
      "select " + column_names<Row>() + " from " + std::string(Table<Row>::name) + " ";
  return database.read([&](soci::session& /*sql*/) {
    Row row;
    Database::Prepared select(database, select_from + std::string(tail));
    const auto bind = [&](const auto& column) { select.into(std::invoke(column.member, row)); };
    std::apply([&](const auto&... column) { (bind(column), ...); }, Table<Row>::columns);
    (select.use(keys), ...);
    std::vector<Row> rows;
    for (bool more = select.execute(); more; more = select.fetch()) rows.push_back(row);
    return rows;
  });
}

/// row_of returns the first of them.
template <typename Row, typename... Keys>
std::optional<Row> row_of(Database& database, std::string_view tail, const Keys&... keys) {
  auto rows = rows_of<Row>(database, tail, keys...);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

/// insert_row inserts a row; `tail` may say what becomes of one that is there: "on conflict …".
/// Only inside `write` or a Transaction.
template <typename Row>
void insert_row(Database& database, const Row& row, std::string_view tail = "") {
  static const std::string insert_into = "insert into " + std::string(Table<Row>::name) + " (" +
                                         column_names<Row>() + ") values (" +
                                         column_names<Row>(":") + ") ";
  Database::Prepared insert(database, insert_into + std::string(tail));
  const auto bind = [&](const auto& column) { insert.use(std::invoke(column.member, row)); };
  std::apply([&](const auto&... column) { (bind(column), ...); }, Table<Row>::columns);
  insert.execute();
}

/// save_row inserts a row, or lets it take the place of the one with the same `key`: the names of
/// its columns, such as "device, kind".
template <typename Row>
void save_row(Database& database, const Row& row, std::string_view key) {
  std::string tail = "on conflict (" + std::string(key) + ") do update set ";
  std::string set;
  const auto add = [&](const auto& column) {
    set.append(set.empty() ? "" : ", ").append(column.name).append(" = excluded.");
    set.append(column.name);
  };
  std::apply([&](const auto&... column) { (add(column), ...); }, Table<Row>::columns);
  insert_row(database, row, tail + set);
}

}  // namespace ringfence::core
