// Values as rows: what a Table says of a type is all that a store has to say.
#include "core/storage/rows.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

enum class Colour { red, green };

std::string_view word(Colour colour) {
  return colour == Colour::red ? "red" : "green";
}

Colour colour_from(std::string_view text) {
  if (text == "red") return Colour::red;
  if (text == "green") return Colour::green;
  throw Error(Code::malformed, "no colour");
}

struct Inner {
  bool ripe = false;
};

struct Fruit {
  std::int64_t id = 0;
  Colour colour = Colour::red;
  Bytes seed;
  std::optional<Bytes> worm;
  Time picked;
  std::optional<Time> eaten;
  Inner inner;

  bool operator==(const Fruit& other) const {
    return id == other.id && colour == other.colour && seed == other.seed && worm == other.worm &&
           picked == other.picked && eaten == other.eaten && inner.ripe == other.inner.ripe;
  }
};

}  // namespace

template <>
struct FromWord<Colour> {
  static Colour read(std::string_view text) { return colour_from(text); }
};

template <>
struct Table<Fruit> {
  static constexpr std::string_view name = "fruit";
  static constexpr auto columns =
      std::tuple(Column("id", &Fruit::id), Column("colour", &Fruit::colour),
                 Column("seed", &Fruit::seed), Column("worm", &Fruit::worm),
                 Column("picked", &Fruit::picked), Column("eaten", &Fruit::eaten),
                 Column(
                     "ripe", [](auto& fruit) -> auto& { return fruit.inner.ripe; }));
};

}  // namespace ringfence::core

namespace ringfence::core {
namespace {

class RowsTest : public testing::Test {
 protected:
  void SetUp() override {
    database_.write([](soci::session& sql) {
      sql << "create table fruit (id bigint not null primary key, colour text not null,"
             " seed text not null, worm text, picked bigint not null, eaten bigint,"
             " ripe integer not null)";
    });
  }

  void insert(const Fruit& fruit, std::string_view tail = "") {
    database_.write([&](soci::session& /*sql*/) { insert_row(database_, fruit, tail); });
  }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  const Fruit bare_{
      1, Colour::green, {0x00, 0xff}, std::nullopt, from_seconds(1000), std::nullopt, {false}};
  const Fruit full_{3'000'000'000,   Colour::red, {}, Bytes{0x0a}, from_seconds(5'000'000'000),
                    from_seconds(7), {true}};
};

TEST_F(RowsTest, AreReadAsTheyWereWritten) {
  insert(full_);
  insert(bare_);
  EXPECT_EQ(rows_of<Fruit>(database_, "order by id"), (std::vector<Fruit>{bare_, full_}));
  EXPECT_EQ(test::sqlite3(folder_ / "admin.db", "select * from fruit order by id"),
            "1|green|00ff||1000||0\n3000000000|red||0a|5000000000|7|1");
}

TEST_F(RowsTest, AreSelectedByWhatIsBoundInTheOrderOfTheTail) {
  insert(full_);
  insert(bare_);
  EXPECT_EQ(row_of<Fruit>(database_, "where colour = :colour and seed = :seed", Colour::green,
                          Bytes{0x00, 0xff}),
            bare_);
  EXPECT_EQ(row_of<Fruit>(database_, "where id > :id", full_.id), std::nullopt);
}

TEST_F(RowsTest, SayWhatBecomesOfOneThatIsThere) {
  insert(bare_);
  EXPECT_THROW(insert(bare_), Error);
  Fruit red = bare_;
  red.colour = Colour::red;
  insert(red, "on conflict (id) do update set colour = excluded.colour");
  EXPECT_EQ(rows_of<Fruit>(database_, ""), std::vector<Fruit>{red});
}

TEST_F(RowsTest, ThatCannotBeAreRefused) {
  insert(bare_);
  test::sqlite3(folder_ / "admin.db", "update fruit set colour = 'blue'");
  EXPECT_THROW(rows_of<Fruit>(database_, ""), Error);
}

}  // namespace
}  // namespace ringfence::core
