// A token that goes away, refuses, hangs or changes its PIN under the pool: SoftHSM with faults.
#include <signal.h>

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/hsm/signer_peer.h"
#include "tests/support/faults.h"

namespace ringfence::hsm::test {
namespace {

using namespace std::chrono_literals;
using ringfence::test::Faults;

const KeySpec kP256{KeyAlgorithm::ec, 256};

class LossTest : public testing::Test {
 protected:
  LossTest() {
    EXPECT_TRUE(eventually([this] {
      const std::vector<KeyStatus> keys = admin_.status().keys;
      return keys.size() == 1 && keys[0].copies == 2;
    }));
  }

  bool signs() {
    const SignRequest request = ecdsa(key_);
    return verifies(spki_, request, admin_.sign(request));
  }

  bool becomes(PoolState state, std::chrono::seconds limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (admin_.status().state != state) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TemporaryFolder folder_;
  Faults faults_{folder_ / "faults"};
  bool configured_ = [this] {
    write_text(folder_ / "ringfence.toml",
               "[hsm]\nworkers = 2\nmodule = \"" + std::string(RINGFENCE_FAULTY_MODULE) + "\"\n");
    return true;
  }();
  SignerProcess signer_{folder_.path()};
  SignerClient admin_{signer_.socket("admin")};
  KeyRef key_ = admin_.generate("CAPF", kP256);
  Bytes spki_ = admin_.public_key(key_);
};

TEST_F(LossTest, SignsWithAFreshWorkerWhatTheLostTokenDidNot) {
  faults_.set("C_Sign 0x32 once\n");
  EXPECT_TRUE(signs());
  EXPECT_EQ(faults_.count("fault C_Sign"), 1U);
  EXPECT_TRUE(becomes(PoolState::operational));
  EXPECT_EQ(admin_.status().restarts, 1U);
}

TEST_F(LossTest, SaysHowLongToWaitAndReopensTheModuleOnceInThirtySeconds) {
  faults_.set("C_Sign 0x32\n");
  EXPECT_EQ(kind_thrown([&] { signs(); }), Kind::unavailable);
  while (!admin_.status().workers.empty()) kind_thrown([&] { signs(); });
  ASSERT_EQ(admin_.status().state, PoolState::degraded);
  const std::size_t opened = faults_.count("C_Initialize");
  const auto lost = std::chrono::steady_clock::now();
  const Status status = admin_.status();
  EXPECT_EQ(status.reason, "C_Sign: CKR_DEVICE_REMOVED (0x32)");
  EXPECT_GT(status.degraded_since, 1'700'000'000U);
  EXPECT_GT(status.retry_after, 0U);
  EXPECT_LE(status.retry_after, 30U);
  try {
    signs();
    FAIL() << "it signed without a token";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::unavailable);
    EXPECT_GT(error.retry_after(), 0s);
    EXPECT_LE(error.retry_after(), 30s);
    EXPECT_STREQ(error.what(), "the token cannot be reached (C_Sign: CKR_DEVICE_REMOVED (0x32))");
  }
  EXPECT_EQ(admin_.public_key(key_), spki_) << "what is known needs no token";
  EXPECT_EQ(kind_thrown([&] { admin_.generate("CAPF", kP256); }), Kind::unavailable);
  EXPECT_LE(opened, 4U) << "two at the start, two when the module was opened anew";
  faults_.set("");
  ASSERT_TRUE(becomes(PoolState::operational, 40s));
  EXPECT_GT(std::chrono::steady_clock::now() - lost, 20s);
  EXPECT_TRUE(eventually([&] { return faults_.count("C_Initialize") == opened + 2; }));
  EXPECT_TRUE(signs());
  EXPECT_EQ(admin_.status().degraded_since, 0U);
}

TEST_F(LossTest, NeverTriesARefusedPinAgainAndSignsWithTheWorkersThatAreLeft) {
  ASSERT_EQ(signer_.workers().size(), 2U);
  faults_.set("C_Login 0xa0\n");
  ::kill(signer_.workers().front(), SIGKILL);
  ASSERT_TRUE(becomes(PoolState::degraded));
  EXPECT_NE(admin_.status().reason.find("refused the PIN"), std::string::npos);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(signs());
  EXPECT_EQ(faults_.count("fault C_Login"), 1U);
  ::kill(signer_.workers().front(), SIGKILL);
  const ProcessResult result = signer_.wait();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.stderr_text.find("it was tried once and will not be tried again"),
            std::string::npos)
      << result.stderr_text;
  EXPECT_EQ(faults_.count("fault C_Login"), 1U);
}

TEST_F(LossTest, FallsBackToTheTokenObjectWhereCopyingIsForbiddenAndSaysSo) {
  faults_.set("C_CopyObject 0x54\n");
  const KeyRef key = admin_.generate("TVS", kP256);
  const SignRequest request = ecdsa(key);
  EXPECT_TRUE(verifies(admin_.public_key(key), request, admin_.sign(request)));
  for (const KeyStatus& status : admin_.status().keys) {
    EXPECT_EQ(status.copies, status.key.ref == key ? 0U : 2U) << to_text(status.key.ref);
  }
}

TEST_F(LossTest, ServesOnWhenTheModuleEndsTheProcessInAGeneration) {
  faults_.set("C_GenerateKeyPair exit once\n");
  EXPECT_EQ(kind_thrown([&] { admin_.generate("CAPF", kP256); }), Kind::unavailable);
  EXPECT_TRUE(signs());
  EXPECT_GT(admin_.generate("CAPF", kP256).version, key_.version);
}

}  // namespace
}  // namespace ringfence::hsm::test
