// The pool of workers: dealing, deaths at any instant, key operations under load, a typed PIN.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <numeric>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/integration/hsm/signer_peer.h"
#include "tests/support/paused_signer.h"

namespace ringfence::hsm::test {
namespace {

using namespace std::chrono_literals;
using ringfence::test::PausedSigner;

const KeySpec kP256{KeyAlgorithm::ec, 256};
const KeySpec kRsa4096{KeyAlgorithm::rsa, 4096};

std::size_t ready(const Status& status) {
  return static_cast<std::size_t>(std::ranges::count(status.workers, true, &WorkerStatus::ready));
}

/// in_threads runs `work(thread)` in `count` threads and waits for all.
void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    EXPECT_TRUE(eventually([this] { return ready(admin_.status()) == kWorkers; }));
  }

  ~PoolTest() override {
    if (HasFailure()) std::cerr << read_text(folder_ / "signer.log");
  }

  /// sign_and_verify counts, and reports the first failure.
  void sign_and_verify(SignerClient& client, std::uint8_t fill) {
    const SignRequest request = ecdsa(key_, fill);
    try {
      if (!verifies(spki_, request, client.sign(request))) ADD_FAILURE() << "wrong signature";
      ++good_;
    } catch (const Error& error) {
      if (++bad_ == 1) ADD_FAILURE() << error.what();
    }
  }

  static constexpr std::size_t kWorkers = 3;
  TemporaryFolder folder_;
  bool configured_ = [this] {
    write_text(folder_ / "ringfence.toml", "[hsm]\nworkers = 3\n");
    return true;
  }();
  SignerProcess signer_{folder_.path()};
  SignerClient admin_{signer_.socket("admin")};
  KeyRef key_ = admin_.generate("CAPF", kP256);
  Bytes spki_ = admin_.public_key(key_);
  std::atomic<int> good_ = 0;
  std::atomic<int> bad_ = 0;
};

TEST_F(PoolTest, LetsEveryWorkerSignWithItsOwnCopy) {
  EXPECT_EQ(signer_.workers().size(), kWorkers);
  SignerClient client(signer_.socket("capf"));
  in_threads(16, [&](int thread) {
    for (int i = 0; i < 50; ++i) sign_and_verify(client, static_cast<std::uint8_t>(thread));
  });
  const Status status = admin_.status();
  EXPECT_EQ(status.state, PoolState::operational);
  EXPECT_EQ(status.workers_wanted, kWorkers);
  EXPECT_EQ(status.signed_total, 800U);
  for (const WorkerStatus& worker : status.workers) EXPECT_GT(worker.answered, 0U) << worker.pid;
  ASSERT_EQ(status.keys.size(), 1U);
  EXPECT_EQ(status.keys[0].key.ref, key_);
  EXPECT_EQ(status.keys[0].copies, kWorkers);
  EXPECT_EQ(status.keys[0].since.size(), 10U) << status.keys[0].since;
  EXPECT_GT(status.signatures_per_second_x100, 0U);
  EXPECT_GT(status.latency_p50_us, 0U);
  EXPECT_GE(status.latency_p99_us, status.latency_p50_us);
}

TEST_F(PoolTest, LosesNoRequestWhateverWorkerIsKilledWhenever) {
  std::atomic<bool> done = false;
  std::atomic<int> kills = 0;
  std::thread killer([&] {
    std::mt19937 random(4711);
    while (!done) {
      const std::vector<pid_t> workers = signer_.workers();
      if (workers.size() < 2) continue;
      ::kill(workers[random() % workers.size()], SIGKILL);
      ++kills;
      const int signatures = good_ + static_cast<int>(random() % 60);
      while (!done && good_ < signatures) std::this_thread::yield();
    }
  });
  in_threads(8, [&](int thread) {
    SignerClient client(signer_.socket("capf"));
    for (int i = 0; (i < 500 || kills < 25) && bad_ == 0; ++i)
      sign_and_verify(client, static_cast<std::uint8_t>(thread));
  });
  done = true;
  killer.join();
  EXPECT_GE(good_, 4000);
  EXPECT_TRUE(eventually([this] { return ready(admin_.status()) == kWorkers; }));
  EXPECT_EQ(admin_.status().state, PoolState::operational);
}

TEST_F(PoolTest, ComesBackWhenAllWorkersAreKilledAtOnce) {
  SignerClient client(signer_.socket("capf"));
  in_threads(8, [&](int thread) {
    for (int i = 0; i < 100; ++i) {
      if (thread == 0 && i % 50 == 25)
        for (const pid_t pid : signer_.workers()) ::kill(pid, SIGKILL);
      sign_and_verify(client, static_cast<std::uint8_t>(i));
    }
  });
  EXPECT_EQ(good_, 800);
}

TEST_F(PoolTest, LetsAnotherWorkerSignWhatAHungOneHolds) {
  const std::vector<pid_t> workers = signer_.workers();
  for (std::size_t i = 1; i < workers.size(); ++i) ::kill(workers[i], SIGKILL);
  ::kill(workers[0], SIGSTOP);
  SignerClient client(signer_.socket("capf"));
  in_threads(8, [&](int thread) {
    for (int i = 0; i < 4; ++i) sign_and_verify(client, static_cast<std::uint8_t>(thread));
  });
  EXPECT_EQ(good_, 32);
  for (const pid_t pid : signer_.workers()) EXPECT_NE(pid, workers[0]) << "it was killed";
  EXPECT_TRUE(eventually([this] { return ready(admin_.status()) == kWorkers; }));
  EXPECT_EQ(admin_.status().state, PoolState::operational);
}

TEST_F(PoolTest, SignsWithTheVersionThatIsNamedWhileKeysComeAndGo) {
  std::atomic<std::uint32_t> newest = 1;
  std::atomic<bool> done = false;
  std::thread regenerator([&] {
    for (int i = 0; i < 12; ++i) {
      const KeyRef made = admin_.generate("CAPF", i % 4 == 3 ? KeySpec{} : kP256);
      if (i % 4 == 3) {
        admin_.destroy(made);
      } else {
        newest = made.version;
      }
    }
    done = true;
  });
  in_threads(6, [&](int thread) {
    SignerClient client(signer_.socket("capf"));
    while (!done) {
      const KeyRef named{"CAPF", newest};
      const SignRequest request = ecdsa(named, static_cast<std::uint8_t>(thread));
      try {
        const Bytes signature = client.sign(request);
        if (!verifies(client.public_key(named), request, signature))
          ADD_FAILURE() << "signed with another key than " << to_text(named);
        ++good_;
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
  });
  regenerator.join();
  EXPECT_GT(good_, 0);
  EXPECT_TRUE(eventually([this] {
    const Status status = admin_.status();
    return std::ranges::all_of(status.keys, [](const KeyStatus& key) { return key.copies == 3; });
  })) << "every worker has its copy of every key";
}

TEST_F(PoolTest, AnswersSignaturesAskedForBeforeTheirKeyWasDestroyed) {
  const KeyRef doomed = admin_.generate("CAPF", kP256);
  const Bytes spki = admin_.public_key(doomed);
  std::atomic<int> refused = 0;
  in_threads(9, [&](int thread) {
    SignerClient client(signer_.socket("capf"));
    const SignRequest request = ecdsa(doomed, static_cast<std::uint8_t>(thread));
    while (refused < 100) {
      if (thread == 0 && good_ > 200 && refused == 0) {
        admin_.destroy(doomed);
        refused = 1;
      }
      try {
        if (!verifies(spki, request, client.sign(request))) ADD_FAILURE() << "wrong signature";
        ++good_;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Kind::not_found) << error.what();
        ++refused;
      }
    }
  });
  EXPECT_EQ(admin_.list(), (std::vector<KeyInfo>{{key_, kP256}}));
  EXPECT_EQ(admin_.generate("CAPF", kP256), (KeyRef{"CAPF", 3}));
}

TEST_F(PoolTest, SaysThatACutOffGenerationMayHaveHappened) {
  std::optional<Error> error;
  std::thread generator([&] {
    SignerClient client(signer_.socket("admin"));
    try {
      client.generate("CAPF", kRsa4096);
    } catch (const Error& thrown) {
      error = thrown;
    }
  });
  const auto in_hand = [this] {
    for (const WorkerStatus& worker : admin_.status().workers)
      if (worker.in_hand > 0) return static_cast<pid_t>(worker.pid);
    return 0;
  };
  pid_t worker = 0;
  EXPECT_TRUE(eventually([&] { return (worker = in_hand()) != 0; }));
  ::kill(worker, SIGKILL);
  generator.join();
  ASSERT_TRUE(error) << "RSA 4096 in no time?";
  EXPECT_EQ(error->kind(), Kind::unavailable);
  EXPECT_STREQ(error->what(), "generate CAPF was cut off and may have been done: the worker ended");
  EXPECT_GT(admin_.generate("CAPF", kP256).version, 1U);
  sign_and_verify(admin_, 1);
}

TEST_F(PoolTest, SignsWhileAKeyIsGenerated) {
  std::atomic<bool> made = false;
  std::thread generator([&] {
    SignerClient client(signer_.socket("admin"));
    for (int i = 0; i < 2; ++i) client.generate("CAPF", {KeyAlgorithm::rsa, 3072});
    made = true;
  });
  while (!made) sign_and_verify(admin_, 1);
  generator.join();
  EXPECT_GT(good_, 50);
}

TEST_F(PoolTest, KeepsKeyOperationsForTheAdminRole) {
  SignerClient capf(signer_.socket("capf"));
  EXPECT_EQ(kind_thrown([&] { capf.generate("CAPF", kP256); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { capf.destroy(key_); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { capf.unlock(bytes_of("1234")); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { admin_.unlock(bytes_of("1234")); }), Kind::request)
      << "nothing is locked";
  sign_and_verify(capf, 1);
}

TEST_F(PoolTest, AChildOfAForkGetsAConnectionOfItsOwn) {
  sign_and_verify(admin_, 1);
  const pid_t child = ::fork();
  if (child == 0) {
    const SignRequest request = ecdsa(key_, 2);
    bool right = true;
    for (int i = 0; i < 100; ++i) right = right && verifies(spki_, request, admin_.sign(request));
    ::_exit(right ? 0 : 1);
  }
  for (int i = 0; i < 100; ++i) sign_and_verify(admin_, 3);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(good_, 101);
}

TEST_F(PoolTest, EndsTheWaitOfAClientThatCloses) {
  sign_and_verify(admin_, 1);
  const PausedSigner paused(signer_);
  std::atomic<int> ended = 0;
  const auto asked = std::chrono::steady_clock::now();
  std::thread closer([&] {
    EXPECT_TRUE(eventually([this] {
      SignerClient other(signer_.socket("tvs"));
      const std::vector<WorkerStatus> workers = other.status().workers;
      return std::ranges::any_of(workers, [](const auto& worker) { return worker.in_hand > 0; });
    }));
    admin_.close();
  });
  in_threads(8, [&](int) {
    if (kind_thrown([&] { admin_.sign(ecdsa(key_)); }) == Kind::unavailable) ++ended;
  });
  closer.join();
  EXPECT_EQ(ended, 8);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 6s) << "a request's deadline is 10 s";
  EXPECT_EQ(kind_thrown([&] { admin_.list(); }), Kind::unavailable);
}

TEST_F(PoolTest, StopsWithinSecondsAlthoughAWorkerHangs) {
  for (const pid_t pid : signer_.workers()) ::kill(pid, SIGSTOP);
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_EQ(signer_.stop().exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 60s);
}

TEST_F(PoolTest, PutsBackATokenFileThatAKilledLoginLeftEmpty) {
  std::filesystem::path token;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "hsm/tokens"))
    token = entry.path() / "token.object";
  ASSERT_GT(std::filesystem::file_size(token), 0U);
  std::filesystem::resize_file(token, 0);
  for (const pid_t pid : signer_.workers()) ::kill(pid, SIGKILL);
  sign_and_verify(admin_, 1);
  signer_.stop();
  std::filesystem::resize_file(token, 0);
  const SignerProcess again(folder_.path());
  sign_and_verify(admin_, 2);
}

/// A signer whose PIN an administrator types, with one key.
class TypedPinTest : public testing::Test {
 protected:
  TypedPinTest() {
    {
      SignerProcess signer(folder_.path());
      SignerClient client(signer.socket("admin"));
      key_ = client.generate("CAPF", kP256);
    }
    pin_ = read_text(folder_ / "hsm/user.pin");
    std::filesystem::remove(folder_ / "hsm/user.pin");
    write_text(folder_ / "ringfence.toml", "[hsm]\npin_source = \"typed\"\nworkers = 2\n");
  }

  TemporaryFolder folder_;
  KeyRef key_;
  std::string pin_;
};

TEST_F(TypedPinTest, SignsNothingUntilItIsUnlocked) {
  SignerProcess signer(folder_.path());
  SignerClient admin(signer.socket("admin"));
  EXPECT_EQ(admin.status().state, PoolState::locked);
  EXPECT_TRUE(signer.workers().empty());
  for (const std::function<void()>& ask : std::vector<std::function<void()>>{
           [&] { admin.sign(ecdsa(key_)); }, [&] { admin.public_key(key_); }, [&] { admin.list(); },
           [&] { admin.generate("CAPF", kP256); }})
    EXPECT_EQ(kind_thrown(ask), Kind::pin);
  admin.unlock(bytes_of(pin_));
  const SignRequest request = ecdsa(key_);
  EXPECT_TRUE(verifies(admin.public_key(key_), request, admin.sign(request)));
  EXPECT_EQ(admin.status().state, PoolState::operational);
  EXPECT_EQ(kind_thrown([&] { admin.unlock(bytes_of(pin_)); }), Kind::request);
  for (const pid_t pid : signer.workers()) ::kill(pid, SIGKILL);
  EXPECT_NO_THROW(admin.sign(request)) << "the PIN is kept for the workers that follow";
  EXPECT_EQ(signer.stop().stderr_text.find(pin_), std::string::npos);
}

TEST_F(TypedPinTest, StaysLockedAfterAWrongPinAndSlowsDownTheNext) {
  SignerProcess signer(folder_.path());
  SignerClient admin(signer.socket("admin"));
  EXPECT_EQ(kind_thrown([&] { admin.unlock(bytes_of("not the PIN")); }), Kind::pin);
  EXPECT_TRUE(eventually([&] { return admin.status().state == PoolState::locked; }));
  EXPECT_EQ(kind_thrown([&] { admin.sign(ecdsa(key_)); }), Kind::pin);
  try {
    admin.unlock(bytes_of(pin_));
    FAIL() << "the next PIN was taken at once";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Kind::unavailable);
    EXPECT_STREQ(error.what(), "the last PIN was refused: the next one is taken in 2 s");
  }
  EXPECT_TRUE(eventually([&] { return !kind_thrown([&] { admin.unlock(bytes_of(pin_)); }); }));
  EXPECT_NO_THROW(admin.sign(ecdsa(key_)));
  EXPECT_EQ(signer.stop().stderr_text.find("not the PIN"), std::string::npos);
}

}  // namespace
}  // namespace ringfence::hsm::test
