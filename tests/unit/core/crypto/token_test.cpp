// What Token tells and changes, with a real signer and a real (SoftHSM) token.
#include "core/crypto/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class TokenTest : public testing::Test {
 protected:
  Error error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {Code::internal, ""};
  }

  test::TemporaryFolder folder_;
  test::SignerProcess signer_{folder_.path()};
  Token token_{signer_.socket("admin")};
};

TEST_F(TokenTest, TellsItsStateItsKeysAndItsWorkers) {
  token_.generate("CAPF", {KeyAlgorithm::ec, 256});
  const TokenStatus status = token_.status();
  EXPECT_EQ(status.state, TokenState::operational);
  EXPECT_EQ(status.token.label, "ringfence");
  ASSERT_EQ(status.keys.size(), 1U);
  EXPECT_EQ(status.keys[0].key.ref.label, "CAPF");
  EXPECT_FALSE(status.workers.empty());
}

TEST_F(TokenTest, SaysThatATokenWhosePinIsKnownIsNotLocked) {
  const Error error = error_of([&] { token_.unlock(Secret("4711-geheim")); });
  EXPECT_EQ(error.code(), Code::conflict);
  EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("4711")));
  Token capf(signer_.socket("capf"));
  EXPECT_EQ(error_of([&] { capf.unlock(Secret("4711-geheim")); }).code(), Code::refused);
}

TEST_F(TokenTest, SaysWhenToRetryWhenTheSignerIsAway) {
  signer_.stop();
  const Error error = error_of([&] { token_.status(); });
  EXPECT_EQ(error.code(), Code::hsm_unavailable);
  EXPECT_THAT(error.what(), testing::HasSubstr(", retry in "));
}

}  // namespace
}  // namespace ringfence::core
