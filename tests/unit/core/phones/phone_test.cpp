#include "core/phones/phone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

/// complaint returns what `check` throws as malformed, or "".
template <typename Check>
std::string complaint(const Check& check) {
  try {
    check();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    return error.what();
  }
  return "";
}

Phone sound() {
  Phone phone;
  phone.name = "SEP001122334455";
  return phone;
}

std::string complaint_of(const Phone& phone) {
  return complaint([&] { check_phone(phone); });
}

TEST(PhoneWords, GoThereAndBack) {
  for (const auto value :
       {Operation::none, Operation::install, Operation::remove, Operation::troubleshoot})
    EXPECT_EQ(operation_from(word(value)), value);
  for (const auto value :
       {AuthMode::null_string, AuthMode::auth_string, AuthMode::lsc, AuthMode::mic})
    EXPECT_EQ(auth_mode_from(word(value)), value);
  for (const auto value : {KeyOrder::rsa_only, KeyOrder::ec_only, KeyOrder::ec_preferred})
    EXPECT_EQ(key_order_from(word(value)), value);
  EXPECT_EQ(word(Operation::remove), "delete");
}

TEST(PhoneWords, NameTheRightOnesWhenOneIsWrong) {
  EXPECT_EQ(complaint([] { operation_from("Install"); }),
            "the operation must be one of none, install, delete, troubleshoot");
  EXPECT_EQ(complaint([] { auth_mode_from(""); }),
            "the authentication mode must be one of null-string, auth-string, lsc, mic");
  EXPECT_EQ(complaint([] { key_order_from("rsa"); }),
            "the key order must be one of rsa-only, ec-only, ec-preferred");
}

TEST(DeviceName, IsWhatDevicesHave) {
  for (const char* name : {"SEP001122334455", "SEPABCDEF012345", "ATA0011223344FF", "CSFanna",
                           "CSFa", "BOTAnna-1", "TCTanna.b_c", "TAB123456789012"})
    EXPECT_EQ(complaint([&] { check_device_name(name); }), "") << name;
}

TEST(DeviceName, IsNothingElse) {
  for (const std::string name :
       {"", "SEP", "SEP00112233445a", "sep001122334455", "ATA", "CSF", "CSF1234567890123",
        "CSFan na", "CSF../../x", "CSFann\xc3\xa4", "XYZ001122334455"})
    EXPECT_THAT(complaint([&] { check_device_name(name); }),
                testing::HasSubstr("SEP or ATA and 12"))
        << name;
  for (const std::string name :
       {"SEP00112233445", "SEP0011223344556", "SEP00112233445g", "SEP00112233445/"})
    EXPECT_THAT(complaint([&] { check_device_name(name); }), testing::HasSubstr("the MAC address"))
        << name;
  EXPECT_NE(complaint([] { check_device_name(std::string_view("CSFa\0b", 6)); }), "");
}

TEST(CheckPhone, AcceptsASoundOne) {
  EXPECT_EQ(complaint_of(sound()), "");
  Phone phone = sound();
  phone.description = "Empfang \xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e <&>";
  phone.capf = {Operation::install,
                AuthMode::auth_string,
                "0123456789",
                KeyOrder::ec_only,
                4096,
                521,
                from_seconds(0),
                0};
  EXPECT_EQ(complaint_of(phone), "");
}

TEST(CheckPhone, CountsCharactersAndNotBytes) {
  Phone phone = sound();
  for (int i = 0; i < 128; ++i) phone.description += "\xc3\xa4";
  EXPECT_EQ(complaint_of(phone), "");
  phone.description += "a";
  EXPECT_EQ(complaint_of(phone), "the description has 129 characters, at most 128 are allowed");
}

TEST(CheckPhone, RefusesTextThatNoConfigurationFileCouldHold) {
  for (const std::string& text :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\x1b[2J"), std::string("\x7f"),
        std::string("\xff"), std::string("\xc3"), std::string("\xc0\xaf"),
        std::string("\xed\xa0\x80"), std::string("\xe0\x80\x80"), std::string("\xf4\x90\x80\x80"),
        std::string("\xef\xbf\xbf"), std::string("\xc2\x85"), std::string("\xe2\x82")}) {
    Phone phone = sound();
    phone.description = text;
    EXPECT_EQ(complaint_of(phone), "the description must be UTF-8 text without control characters");
  }
}

TEST(CheckPhone, NamesTheFieldThatCannotBe) {
  const auto with = [](const auto& change) {
    Phone phone = sound();
    phone.capf.operation = Operation::install;
    phone.capf.completes_by = from_seconds(0);
    change(phone);
    return complaint_of(phone);
  };
  EXPECT_EQ(with([](Phone&) {}), "");
  EXPECT_EQ(with([](Phone& phone) { phone.capf.rsa_bits = 2047; }),
            "the RSA key size must be 512, 1024, 2048, 3072 or 4096");
  EXPECT_EQ(with([](Phone& phone) { phone.capf.ec_bits = 512; }),
            "the EC key size must be 256, 384 or 521");
  EXPECT_EQ(with([](Phone& phone) { phone.device_pool = ""; }),
            "the device pool must not be empty");
  EXPECT_EQ(with([](Phone& phone) { phone.capf.completes_by.reset(); }),
            "an operation needs the time it completes by, as YYYY:MM:DD:HH in UTC");
  EXPECT_EQ(with([](Phone& phone) { phone.capf.auth_mode = AuthMode::auth_string; }),
            "the authentication mode auth-string needs an authentication string of 4 to 10 digits");
  for (const char* string : {"123", "12345678901", "12a4", "12 4"})
    EXPECT_EQ(with([&](Phone& phone) { phone.capf.auth_string = string; }),
              "the authentication string must be 4 to 10 digits");
}

TEST(CompletesBy, GoesThereAndBack) {
  const Time time = completes_by_from("2026:11:21:10");
  EXPECT_EQ(to_iso(time), "2026-11-21T10:00:00Z");
  EXPECT_EQ(completes_by_text(time), "2026:11:21:10");
  EXPECT_EQ(completes_by_text(time + std::chrono::minutes(59)), "2026:11:21:10");
  EXPECT_EQ(to_iso(completes_by_from("2028:02:29:23")), "2028-02-29T23:00:00Z");
}

TEST(CompletesBy, RefusesEverythingElse) {
  for (const char* text : {"", "2026:11:21", "2026:11:21:24", "2026:02:29:00", "2026:13:01:00",
                           "2026:00:01:00", "2026:01:00:00", "2026-11-21-10", "2026:11:21:1",
                           "2026:11:21:010", "0000:01:01:00", "2026:11:21:+1", " 026:11:21:10"})
    EXPECT_EQ(complaint([&] { completes_by_from(text); }),
              "the time an operation completes by must be YYYY:MM:DD:HH, in UTC")
        << text;
}

}  // namespace
}  // namespace ringfence::core
