// The words and kinds of hsm's errors.
#include "hsm/error.h"

#include <gtest/gtest.h>

#include "hsm/pkcs11.h"

namespace ringfence::hsm {
namespace {

struct Case {
  const char* call;
  unsigned long rv;
  const char* what;
  Kind kind;
};

class ErrorTest : public testing::TestWithParam<Case> {};

TEST_P(ErrorTest, NamesTheCallAndTheCode) {
  const Error error(GetParam().call, GetParam().rv);
  EXPECT_STREQ(error.what(), GetParam().what);
  EXPECT_EQ(error.kind(), GetParam().kind);
  EXPECT_EQ(error.rv(), GetParam().rv);
  EXPECT_EQ(error.retry_after().count() > 0, GetParam().kind == Kind::unavailable);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, ErrorTest,
    testing::Values(
        Case{"C_Login", CKR_PIN_INCORRECT, "C_Login: CKR_PIN_INCORRECT (0xa0)", Kind::pin},
        Case{"C_Login", CKR_PIN_LOCKED, "C_Login: CKR_PIN_LOCKED (0xa4)", Kind::pin},
        Case{"C_Sign", CKR_DEVICE_REMOVED, "C_Sign: CKR_DEVICE_REMOVED (0x32)", Kind::unavailable},
        Case{"C_Sign", CKR_GENERAL_ERROR, "C_Sign: CKR_GENERAL_ERROR (0x5)", Kind::unavailable},
        Case{"C_SignInit", CKR_MECHANISM_INVALID, "C_SignInit: CKR_MECHANISM_INVALID (0x70)",
             Kind::request},
        Case{"C_Sign", CKR_DATA_LEN_RANGE, "C_Sign: CKR_DATA_LEN_RANGE (0x21)", Kind::request},
        Case{"C_Sign", 0x80001234, "C_Sign: CKR_? (0x80001234)", Kind::unavailable}),
    [](const auto& test) { return "Case" + std::to_string(test.index); });

TEST(CheckTest, ThrowsOnlyForFailures) {
  EXPECT_NO_THROW(check(CKR_OK, "C_Sign"));
  EXPECT_THROW(check(CKR_GENERAL_ERROR, "C_Sign"), Error);
}

}  // namespace
}  // namespace ringfence::hsm
