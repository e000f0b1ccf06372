// The words and kinds of hsm's errors.
#include "hsm/error.h"

#include <set>
#include <vector>

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

/// How each code of PKCS#11 v2.40 is sorted. The lists are complete: see the count.
struct Sorted {
  Kind kind;
  bool device_lost;
  bool transient;
  std::vector<unsigned long> codes;
};

const std::vector<Sorted>& sorted() {
  static const std::vector<Sorted> all = {
      {Kind::pin,
       false,
       false,
       {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
        CKR_USER_PIN_NOT_INITIALIZED, CKR_PIN_TOO_WEAK, CKR_NEW_PIN_MODE, CKR_NEXT_OTP}},
      {Kind::unavailable,
       true,
       false,
       {CKR_SLOT_ID_INVALID, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_OPERATION_ACTIVE,
        CKR_OPERATION_NOT_INITIALIZED, CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID,
        CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_USER_NOT_LOGGED_IN,
        CKR_CRYPTOKI_NOT_INITIALIZED}},
      {Kind::unavailable,
       false,
       true,
       {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_FUNCTION_CANCELED}},
      {Kind::unavailable,
       false,
       false,
       {CKR_CANCEL, CKR_HOST_MEMORY, CKR_NO_EVENT, CKR_DEVICE_MEMORY, CKR_KEY_HANDLE_INVALID,
        CKR_OBJECT_HANDLE_INVALID, CKR_SESSION_COUNT, CKR_SESSION_EXISTS,
        CKR_SESSION_READ_ONLY_EXISTS, CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_USER_ALREADY_LOGGED_IN,
        CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES,
        CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_MUTEX_BAD, CKR_MUTEX_NOT_LOCKED,
        CKR_EXCEEDED_MAX_ITERATIONS, CKR_FIPS_SELF_TEST_FAILED, CKR_LIBRARY_LOAD_FAILED}},
      {Kind::request,
       false,
       false,
       {CKR_ARGUMENTS_BAD,
        CKR_NEED_TO_CREATE_THREADS,
        CKR_CANT_LOCK,
        CKR_ATTRIBUTE_READ_ONLY,
        CKR_ATTRIBUTE_SENSITIVE,
        CKR_ATTRIBUTE_TYPE_INVALID,
        CKR_ATTRIBUTE_VALUE_INVALID,
        CKR_ACTION_PROHIBITED,
        CKR_DATA_INVALID,
        CKR_DATA_LEN_RANGE,
        CKR_ENCRYPTED_DATA_INVALID,
        CKR_ENCRYPTED_DATA_LEN_RANGE,
        CKR_FUNCTION_NOT_PARALLEL,
        CKR_FUNCTION_NOT_SUPPORTED,
        CKR_KEY_SIZE_RANGE,
        CKR_KEY_TYPE_INCONSISTENT,
        CKR_KEY_NOT_NEEDED,
        CKR_KEY_CHANGED,
        CKR_KEY_NEEDED,
        CKR_KEY_INDIGESTIBLE,
        CKR_KEY_FUNCTION_NOT_PERMITTED,
        CKR_KEY_NOT_WRAPPABLE,
        CKR_KEY_UNEXTRACTABLE,
        CKR_MECHANISM_INVALID,
        CKR_MECHANISM_PARAM_INVALID,
        CKR_SESSION_PARALLEL_NOT_SUPPORTED,
        CKR_SESSION_READ_ONLY,
        CKR_SIGNATURE_INVALID,
        CKR_SIGNATURE_LEN_RANGE,
        CKR_TEMPLATE_INCOMPLETE,
        CKR_TEMPLATE_INCONSISTENT,
        CKR_TOKEN_WRITE_PROTECTED,
        0xf0,  // CKR_UNWRAPPING_KEY_HANDLE_INVALID
        CKR_UNWRAPPING_KEY_SIZE_RANGE,
        CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
        CKR_USER_TYPE_INVALID,
        CKR_WRAPPED_KEY_INVALID,
        CKR_WRAPPED_KEY_LEN_RANGE,
        CKR_WRAPPING_KEY_HANDLE_INVALID,
        CKR_WRAPPING_KEY_SIZE_RANGE,
        CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
        CKR_RANDOM_SEED_NOT_SUPPORTED,
        CKR_RANDOM_NO_RNG,
        CKR_DOMAIN_PARAMS_INVALID,
        CKR_CURVE_NOT_SUPPORTED,
        CKR_BUFFER_TOO_SMALL,
        CKR_SAVED_STATE_INVALID,
        CKR_INFORMATION_SENSITIVE,
        CKR_STATE_UNSAVEABLE,
        CKR_PUBLIC_KEY_INVALID,
        CKR_FUNCTION_REJECTED}}};
  return all;
}

TEST(CodesTest, AreSortedByWhatACallerMayDo) {
  std::set<unsigned long> seen;
  for (const Sorted& group : sorted())
    for (const unsigned long code : group.codes) {
      EXPECT_TRUE(seen.insert(code).second) << code;
      EXPECT_TRUE(name_of(code).starts_with("CKR_") && name_of(code) != "CKR_?") << code;
      EXPECT_EQ(kind_of(code), group.kind) << name_of(code);
      EXPECT_EQ(is_device_lost(code), group.device_lost) << name_of(code);
      EXPECT_EQ(is_transient(code), group.transient) << name_of(code);
    }
  std::set<unsigned long> named;
  for (unsigned long code = 1; code < 0x1000; ++code)
    if (name_of(code) != "CKR_?") named.insert(code);
  EXPECT_EQ(named, seen);
}

TEST(CodesTest, OfAVendorAreUnavailableAndNotRepeated) {
  for (const unsigned long code : {0x80000001UL, 0xffffffffUL, 0x201UL}) {
    EXPECT_EQ(kind_of(code), Kind::unavailable);
    EXPECT_FALSE(is_device_lost(code));
    EXPECT_FALSE(is_transient(code));
  }
  EXPECT_EQ(name_of(CKR_OK), "CKR_OK");
}

TEST(CheckTest, ThrowsOnlyForFailures) {
  EXPECT_NO_THROW(check(CKR_OK, "C_Sign"));
  EXPECT_THROW(check(CKR_GENERAL_ERROR, "C_Sign"), Error);
}

}  // namespace
}  // namespace ringfence::hsm
