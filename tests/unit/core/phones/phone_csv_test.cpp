#include "core/phones/phone_csv.h"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

const Time kNow = completes_by_from("2026:11:21:10") + std::chrono::minutes(15);

std::optional<Phone> nobody(std::string_view) {
  return std::nullopt;
}

std::vector<Phone> parse(std::string_view text) {
  return parse_phone_csv(text, kNow, nobody).phones;
}

std::string complaint(std::string_view text) {
  try {
    parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    return error.what();
  }
  return "";
}

TEST(PhoneCsv, ReadsEveryColumn) {
  const auto phones = parse(
      "name,model,description,device_pool,operation,auth_mode,auth_string,key_order,rsa_bits,"
      "ec_bits,completes_by\n"
      "SEP001122334455,CP-8861,Lobby,Berlin,install,auth-string,123456,ec-preferred,3072,256,"
      "2026:12:01:08\n");
  ASSERT_EQ(phones.size(), 1U);
  Phone expected;
  expected.name = "SEP001122334455";
  expected.model = "CP-8861";
  expected.description = "Lobby";
  expected.device_pool = "Berlin";
  expected.capf = {Operation::install,
                   AuthMode::auth_string,
                   "123456",
                   KeyOrder::ec_preferred,
                   3072,
                   256,
                   completes_by_from("2026:12:01:08"),
                   0};
  EXPECT_EQ(phones[0], expected);
}

TEST(PhoneCsv, GivesASecurityProfileAndTakesItAwayByADash) {
  const auto known = [](std::string_view name) {
    Phone phone;
    phone.name = name;
    phone.security_profile = "Floor 1";
    return std::optional(phone);
  };
  const auto phones =
      parse_phone_csv("name,security_profile\nCSFanna,Floor 2\nCSFbert,\nCSFcora,-\n", kNow, known)
          .phones;
  EXPECT_EQ(phones.at(0).security_profile, "Floor 2");
  EXPECT_EQ(phones.at(1).security_profile, "Floor 1");
  EXPECT_EQ(phones.at(2).security_profile, "");
}

TEST(PhoneCsv, NeedsOnlyTheNameAndTakesColumnsInAnyOrder) {
  const auto phones = parse("operation,name\nnone,CSFanna\n,ATA001122334455\ninstall,BOTbert");
  ASSERT_EQ(phones.size(), 3U);
  Phone anna;
  anna.name = "CSFanna";
  EXPECT_EQ(phones[0], anna);
  EXPECT_EQ(phones[1].capf.operation, Operation::none);
  EXPECT_EQ(phones[2].capf.operation, Operation::install);
  EXPECT_EQ(phones[2].capf.completes_by, kNow + std::chrono::days(7));
}

TEST(PhoneCsv, TakesSevenDaysForAnEmptyTime) {
  const auto phones = parse(
      "name,operation,completes_by\nCSFanna,install,\nCSFbert,none,\nCSFcora,delete,2026:11:22:"
      "00\n");
  EXPECT_EQ(phones.at(0).capf.completes_by, kNow + std::chrono::days(7));
  EXPECT_EQ(phones.at(1).capf.completes_by, std::nullopt);
  EXPECT_EQ(phones.at(2).capf.completes_by, completes_by_from("2026:11:22:00"));
  EXPECT_EQ(phones.at(2).capf.operation, Operation::remove);
}

TEST(PhoneCsv, ReadsWhatSpreadsheetsWrite) {
  const auto phones = parse(
      "\xef\xbb\xbfname,description\r\n"
      "\r\n"
      "CSFanna,\"Anna, \"\"the\"\" first\"\r\n"
      "\n"
      "\"CSFbert\",\"\"\r\n"
      "CSFcora,");
  ASSERT_EQ(phones.size(), 3U);
  EXPECT_EQ(phones[0].description, "Anna, \"the\" first");
  EXPECT_EQ(phones[1].name, "CSFbert");
  EXPECT_EQ(phones[2].name, "CSFcora");
}

std::vector<std::string> names(std::string_view text) {
  std::vector<std::string> names;
  for (const Phone& phone : parse(text)) names.push_back(phone.name);
  return names;
}

std::string notes(std::string_view text) {
  std::string notes;
  for (const CsvNote& note : parse_phone_csv(text, kNow, nobody).notes)
    notes += fmt::format("{} {}: {}\n", note.kind, note.count, note.text);
  return notes;
}

TEST(PhoneCsv, ReadsMacAddressesAsPeopleWriteThem) {
  const std::string text =
      "name,model\n00:11:22:aa:bb:cc,\n00-11-22-AA-BB-CD,\n0011.22aa.bbce,CP-8861\n"
      "001122aabbcf,Cisco ATA 191\nsep001122AABBD0,\nSEP001122AABBD1,\nATA001122AABBD2,\n"
      "csfanna,\n 001122aabbd3 ,Catalyst DATA\n";
  EXPECT_THAT(names(text),
              testing::ElementsAre("SEP001122AABBCC", "SEP001122AABBCD", "SEP001122AABBCE",
                                   "ATA001122AABBCF", "SEP001122AABBD0", "SEP001122AABBD1",
                                   "ATA001122AABBD2", "CSFanna", "SEP001122AABBD3"));
  EXPECT_EQ(notes(text),
            "names 7: 7 names were read as device names: 00:11:22:aa:bb:cc as SEP001122AABBCC, "
            "00-11-22-AA-BB-CD as SEP001122AABBCD, 0011.22aa.bbce as SEP001122AABBCE ….\n"
            "models 1: 1 model was read in its one spelling: Cisco ATA 191 as ATA 191.\n"
            "unknown-models 1: 1 model is none that Ringfence knows, and is kept as written: "
            "Catalyst DATA.\n");
  EXPECT_EQ(notes("name\nSEP001122AABBCC\n"), "");
}

TEST(PhoneCsv, ReadsBatsColumnsAndWords) {
  const std::string text =
      "MAC ADDRESS,Description,DEVICE POOL,Phone Button Template,Directory Number 1,Device-Type,"
      "Certificate Operation,Authentication Mode,Key Order,Operation Completes By,,\r\n"
      "001122334455,Lobby, Berlin ,Standard 8861,4711,Cisco 8861,Install/Upgrade,By Null String,"
      "\"EC Preferred, RSA Backup\",2026:12:01:08,,\r\n"
      ",,,,,,,,,,,\r\n";
  const Phone phone = parse(text).at(0);
  EXPECT_EQ(phone.name, "SEP001122334455");
  EXPECT_EQ(phone.device_pool, "Berlin");
  EXPECT_EQ(phone.model, "CP-8861");
  EXPECT_THAT(
      notes(text),
      HasSubstr("models 1: 1 model was read in its one spelling: Cisco 8861 as CP-8861.\n"));
  EXPECT_EQ(phone.capf.operation, Operation::install);
  EXPECT_EQ(phone.capf.key_order, KeyOrder::ec_preferred);
  EXPECT_THAT(notes(text), HasSubstr("columns 8: 8 of the columns were read by other names: MAC "
                                     "ADDRESS as name, Description as description,"));
  EXPECT_THAT(notes(text),
              HasSubstr("passed-over 2: 2 columns of BAT hold nothing that is kept here and were "
                        "passed over: Phone Button Template, Directory Number 1.\n"));
  EXPECT_THAT(notes(text),
              HasSubstr("empty-fields 2: Empty fields at the end of 2 lines were passed over.\n"));
}

TEST(PhoneCsv, RecognisesSemicolonsAndTabs) {
  const std::string semicolons = "name;description\r\nCSFanna;Anna, the first\r\n";
  EXPECT_EQ(parse(semicolons).at(0).description, "Anna, the first");
  EXPECT_EQ(notes(semicolons), "separator 1: The fields are separated by semicolons.\n");
  EXPECT_EQ(parse("name\tdescription\nCSFanna\t\"a,b;\"\"c\"\n").at(0).description, "a,b;\"c");
  EXPECT_EQ(parse("sep=;\nname;description\nCSFanna;a,b,c,d\n").at(0).description, "a,b,c,d");
}

TEST(PhoneCsv, ReadsAHeaderAloneAsNoPhones) {
  EXPECT_TRUE(parse("name\n").empty());
}

TEST(PhoneCsv, KeepsWhatIsKnownWhereTheRowSaysNothing) {
  Phone known;
  known.name = "CSFanna";
  known.model = "Jabber";
  known.description = "Anna";
  known.config_stamp = "stamp";
  known.capf = {Operation::install,
                AuthMode::auth_string,
                "4711",
                KeyOrder::ec_only,
                4096,
                521,
                kNow - std::chrono::days(1),
                17};
  const auto lookup = [&](std::string_view name) {
    EXPECT_EQ(name, "CSFanna");
    return std::optional<Phone>(known);
  };
  const auto row = [&](std::string_view text) {
    return parse_phone_csv(text, kNow, lookup).phones.at(0);
  };
  EXPECT_EQ(row("name\nCSFanna\n"), known);
  Phone changed = known;
  changed.description = "Anna B.";
  EXPECT_EQ(row("name,description,model,auth_string\nCSFanna,Anna B.,,\n"), changed);
  // An operation in the row is asked anew, with new time.
  changed = known;
  changed.capf.request = 0;
  changed.capf.completes_by = kNow + std::chrono::days(7);
  EXPECT_EQ(row("name,operation\nCSFanna,install\n"), changed);
  changed = known;
  changed.capf.operation = Operation::none;
  EXPECT_EQ(row("name,operation\nCSFanna,none\n"), changed);
}

struct BadCase {
  const char* name;
  std::string text;
  std::string complaint;
};

class PhoneCsvRefuses : public testing::TestWithParam<BadCase> {};

TEST_P(PhoneCsvRefuses, AndNamesTheLine) {
  EXPECT_THAT(complaint(GetParam().text), testing::StartsWith(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PhoneCsvRefuses,
    testing::Values(
        BadCase{"Nothing", "", "line 1: a header line"},
        BadCase{"BlankLinesOnly", "\n\n\n", "line 1: a header line"},
        BadCase{"UnknownColumn", "name,colour\nCSFa,red\n",
                "line 1: unknown column \"colour\", the nearest is model; the columns are name, "
                "model,"},
        BadCase{"UnprintableColumn", "name,\x1b[2J\n", "line 1: unknown column \"?[2J\""},
        BadCase{"MistypedColumn", "name,Descripton\n",
                "line 1: unknown column \"Descripton\", the nearest is description; the columns"},
        BadCase{"ColumnByTwoNames", "MAC ADDRESS,Device Name\n",
                "line 1: the column name stands twice"},
        BadCase{"ColumnWithoutName", "name,,model\n", "line 1: column 2 has no name"},
        BadCase{"TooManyColumns", "name" + std::string(300, ',') + "model\n",
                "line 1: more than 256 columns"},
        BadCase{"LongField", "name,description\nCSFa," + std::string(5000, 'x') + "\n",
                "line 2: a field is longer than 4096 bytes"},
        BadCase{"LongQuotedField", "name,description\nCSFa,\"" + std::string(5000, 'x') + "\"\n",
                "line 2: a field is longer than 4096 bytes"},
        BadCase{"NumberOfASpreadsheet", "name\n1.12233E+11\n",
                "line 2: a spreadsheet has made a number of the MAC address"},
        BadCase{"DeviceTwiceInTwoWays", "name\n00:11:22:33:44:55\nSEP001122334455\n",
                "line 3: the phone SEP001122334455 was given before"},
        BadCase{"ColumnTwice", "name,model,name\n", "line 1: the column name stands twice"},
        BadCase{"Bars", "name|model\nCSFa|x\n", "line 1: the fields are separated by '|'"},
        BadCase{"BarsAsSaid", "sep=|\nname|model\n", "line 1: the fields are separated by '|'"},
        BadCase{"NoName", "model\nCP-8861\n", "line 1: the column name is missing"},
        BadCase{"HeaderAfterBlankLine", "\nnone\n", "line 2: unknown column"},
        BadCase{"TooFewFields", "name,model\nCSFa,x\nCSFb\n",
                "line 3: 1 fields where the header has 2"},
        BadCase{"TooManyFields", "name,model\nCSFa,x,y\n",
                "line 2: 3 fields where the header has 2"},
        BadCase{"BadName", "name\nCSFa\nphone7\n", "line 3: the name is not a device name"},
        BadCase{"ShortMac", "name\n00:11:22:33:44\n",
                "line 2: the MAC address has 10 hexadecimal digits, and must have 12"},
        BadCase{"LetterO", "name\nSEP00112233445O\n", "line 2: the MAC address has 'O' in it"},
        BadCase{"EmptyName", "name,model\n,x\n", "line 2: the name is not a device name"},
        BadCase{"NameTwice", "name\nCSFa\nCSFb\n\nCSFa\n",
                "line 5: the phone CSFa was given before"},
        BadCase{"BadOperation", "name,operation\nCSFa,upgrade\n",
                "line 2: the operation must be one of none, install, delete, troubleshoot"},
        BadCase{"BadMode", "name,auth_mode\nCSFa,password\n",
                "line 2: the authentication mode must be one of"},
        BadCase{"BadOrder", "name,key_order\nCSFa,ec\n", "line 2: the key order must be one of"},
        BadCase{"BadBits", "name,rsa_bits\nCSFa,2048bit\n",
                "line 2: rsa_bits must be a number of bits"},
        BadCase{"HugeBits", "name,ec_bits\nCSFa,99999999999999\n",
                "line 2: ec_bits must be a number of bits"},
        BadCase{"OddBits", "name,rsa_bits\nCSFa,2000\n", "line 2: the RSA key size must be"},
        BadCase{"BadTime", "name,operation,completes_by\nCSFa,install,tomorrow\n",
                "line 2: the time an operation completes by must be"},
        BadCase{"NoString", "name,operation,auth_mode\nCSFa,install,auth-string\n",
                "line 2: the authentication mode auth-string needs"},
        BadCase{"QuoteInField", "name\nCS\"Fa\n", "line 2: a quote stands inside a field"},
        BadCase{"TextBehindQuote", "name\n\"CSFa\"b\n", "line 2: a quote stands inside a field"},
        BadCase{"OpenQuote", "name,description\nCSFa,\"x\nCSFb,y\n",
                "line 2: a quoted field is not closed"},
        BadCase{"LineAfterQuotedLines", "name,model\n\"CSFa\n\n\",x\n", "line 2: the name is not"},
        BadCase{"LineBreakInDescription", "name,description\nCSFa,\"a\nb\"\n",
                "line 2: the description must be UTF-8"},
        BadCase{"LoneReturn", "name\rCSFa\r", "line 1: unknown column \"name?CSFa\""}),
    [](const auto& test) { return test.param.name; });

TEST(PhoneCsv, CountsTheLinesInsideQuotes) {
  EXPECT_THAT(complaint("\"name\"\nCSFa\n\"CSFb\"\nCSF!\n"), HasSubstr("line 4:"));
  EXPECT_THAT(complaint("name\n\"\n\n\"\n"), HasSubstr("line 2:"));
}

TEST(PhoneCsv, NeverRepeatsAnAuthenticationString) {
  EXPECT_EQ(complaint("name,operation,auth_mode,auth_string\nCSFa,install,auth-string,47x1\n"),
            "line 2: the authentication string must be 4 to 10 digits");
}

TEST(PhoneCsv, TakesAHundredThousandAndNoMore) {
  std::string text = "name\n";
  for (int i = 0; i < 100'000; ++i) text += fmt::format("SEP{:012X}\n", i);
  EXPECT_EQ(parse(text).size(), 100'000U);
  EXPECT_EQ(complaint(text + "SEPFFFFFFFFFFFF\n"),
            "line 100002: more than 100000 phones in one file");
}

TEST(PhoneCsv, SurvivesRandomText) {
  std::mt19937 random(1);
  const std::string letters = "name,operation\n\r\"CSFa\0\xff install";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = round % 2 == 0 ? "name,model\n" : "";
    for (auto length = random() % 60; length > 0; --length)
      text += letters[random() % letters.size()];
    try {
      for (const Phone& phone : parse(text)) check_phone(phone);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed);
      EXPECT_THAT(error.what(), testing::StartsWith("line "));
    }
  }
}

}  // namespace
}  // namespace ringfence::core
