#include "tests/fleet/tvs_client.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::fleet {
namespace {

using core::Bytes;
using core::from_hex;

/// The end of cucm-behaviour 6.1's dump: 07 status, 02 certificate (3 bytes here), 08 roles 0 and
/// 3, 09 a day.
const Bytes kAnswer = from_hex(
    "070001000200030102030800020003090004000151"
    "80");
const Bytes kHeader = from_hex("570104f7000003e90016");

TEST(QueryResponse, GivesTheCertificateAndItsLifetime) {
  const std::optional<Vouched> vouched = parse_query_response(0x3e9, kHeader, kAnswer);
  ASSERT_TRUE(vouched);
  EXPECT_EQ(vouched->certificate, (Bytes{1, 2, 3}));
  EXPECT_EQ(vouched->lifetime, std::chrono::hours(24));
}

TEST(QueryResponse, IsNothingWhenTvsDoesNotTrustTheSigner) {
  EXPECT_FALSE(parse_query_response(0x3e9, from_hex("57010400000003e90004"), from_hex("07000101")));
}

TEST(QueryResponse, IsNothingForARoleThatSignsNoFiles) {
  const Bytes capf_only = from_hex("0700010002000301020308000104");
  EXPECT_FALSE(parse_query_response(0x3e9, from_hex("57010400000003e9000e"), capf_only));
}

struct BadAnswer {
  const char* name;
  const char* header;
  const char* payload;
};

class BadQueryResponse : public testing::TestWithParam<BadAnswer> {};

TEST_P(BadQueryResponse, IsMalformed) {
  EXPECT_THROW(
      parse_query_response(0x3e9, from_hex(GetParam().header), from_hex(GetParam().payload)),
      core::Error);
}

INSTANTIATE_TEST_SUITE_P(
    Tvs, BadQueryResponse,
    testing::Values(BadAnswer{"ShortHeader", "570104", ""},
                    BadAnswer{"OtherProtocol", "56010400000003e90004", "07000100"},
                    BadAnswer{"OtherVersion", "57020400000003e90004", "07000100"},
                    BadAnswer{"AnswerToVerify", "57010200000003e90004", "07000100"},
                    BadAnswer{"OtherSession", "57010400000003ea0004", "07000100"},
                    BadAnswer{"OtherLength", "57010400000003e90005", "07000100"},
                    BadAnswer{"TruncatedElement", "57010400000003e90004", "07000900"},
                    BadAnswer{"NoStatus", "57010400000003e90004", "08000100"},
                    BadAnswer{"NoCertificate", "57010400000003e90008", "0700010008000100"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ringfence::fleet
