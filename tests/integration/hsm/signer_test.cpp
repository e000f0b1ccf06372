// ringfence-signer as a process: roles, bad peers, a killed worker.
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "hsm/files.h"
#include "hsm/wire.h"
#include "tests/integration/hsm/signer_peer.h"

namespace ringfence::hsm::test {
namespace {

namespace fs = std::filesystem;

const KeySpec kP256{KeyAlgorithm::ec, 256};

class SignerTest : public testing::Test {
 protected:
  /// The sign-and-verify that shows that the signer still serves others.
  void expect_service() {
    const SignRequest request = ecdsa(key_);
    EXPECT_TRUE(verifies(spki_, request, admin_.sign(request)));
  }

  TemporaryFolder folder_;
  SignerProcess signer_{folder_.path()};
  SignerClient admin_{signer_.socket("admin")};
  KeyRef key_ = admin_.generate("CAPF", kP256);
  Bytes spki_ = admin_.public_key(key_);
};

TEST_F(SignerTest, KeepsPrivateKeysInTheToken) {
  const std::string pin = read_text(folder_ / "hsm/user.pin");
  const std::string tool = "SOFTHSM2_CONF=" + (folder_ / "hsm/softhsm2.conf").string() +
                           " pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin " +
                           pin + " ";
  const CommandResult list = shell(tool + "--list-objects --type privkey");
  EXPECT_NE(list.output.find("label:      CAPF"), std::string::npos) << list.output;
  EXPECT_NE(list.output.find("ID:         00000001"), std::string::npos);
  EXPECT_NE(list.output.find("Access:     sensitive, always sensitive, never extractable, local"),
            std::string::npos)
      << list.output;
  const CommandResult read =
      shell(tool + "--read-object --type privkey --label CAPF -o " + (folder_ / "stolen").string());
  EXPECT_FALSE(fs::exists(folder_ / "stolen") && fs::file_size(folder_ / "stolen") > 0);
  EXPECT_NE(read.output.find("reading private keys not"), std::string::npos) << read.output;
}

TEST_F(SignerTest, RefusesAndAuditsWhatARoleMayNot) {
  SignerClient tvs(signer_.socket("tvs"));
  EXPECT_EQ(kind_thrown([&] { tvs.sign(ecdsa(key_)); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { tvs.public_key(key_); }), Kind::refused);
  SignerClient capf(signer_.socket("capf"));
  EXPECT_TRUE(verifies(spki_, ecdsa(key_), capf.sign(ecdsa(key_))));
  EXPECT_EQ(kind_thrown([&] { capf.generate("CAPF", kP256); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { capf.destroy(key_); }), Kind::refused);
  EXPECT_EQ(kind_thrown([&] { admin_.generate("Stranger", kP256); }), Kind::refused);
  EXPECT_EQ(admin_.list().size(), 1U);
  EXPECT_TRUE(tvs.list().empty());
  EXPECT_EQ(capf.list().size(), 1U);
  const std::string log = read_text(folder_ / "signer.log");
  EXPECT_NE(log.find("SIGNER_REQUEST_REFUSED role=tvs uid=" + std::to_string(::getuid()) + " pid=" +
                     std::to_string(::getpid()) + " request=\"sign a TLS handshake with CAPF/1\""),
            std::string::npos)
      << log;
}

TEST_F(SignerTest, NumbersVersionsAndNeverReusesOne) {
  const KeyRef second = admin_.generate("CAPF", kP256);
  EXPECT_EQ(second, (KeyRef{"CAPF", 2}));
  admin_.destroy(second);
  EXPECT_EQ(kind_thrown([&] { admin_.sign(ecdsa(second)); }), Kind::not_found);
  EXPECT_EQ(kind_thrown([&] { admin_.destroy(second); }), Kind::not_found);
  EXPECT_EQ(admin_.generate("CAPF", kP256), (KeyRef{"CAPF", 3}));
  EXPECT_EQ(admin_.generate("TVS", kP256), (KeyRef{"TVS", 1}));
  EXPECT_EQ(kind_thrown([&] { admin_.generate("TVS", {KeyAlgorithm::rsa, 1024}); }), Kind::request);
  EXPECT_EQ(kind_thrown([&] { admin_.generate("TVS", {KeyAlgorithm::ec, 255}); }), Kind::request);
  expect_service();
}

TEST_F(SignerTest, RefusesRequestsThatDoNotFitTheKey) {
  SignRequest request = ecdsa(key_);
  request.scheme = Scheme::rsa_pkcs1;
  EXPECT_EQ(kind_thrown([&] { admin_.sign(request); }), Kind::request);
  const KeyRef rsa = admin_.generate("TVS", {KeyAlgorithm::rsa, 2048});
  request.key = rsa;
  request.message.clear();
  request.input = Bytes(20, 1);
  EXPECT_EQ(kind_thrown([&] { admin_.sign(request); }), Kind::request);
  request.scheme = Scheme::rsa_type1;
  request.input = Bytes(300, 1);
  EXPECT_EQ(kind_thrown([&] { admin_.sign(request); }), Kind::request);
  request.input = Bytes(245, 1);
  EXPECT_EQ(admin_.sign(request).size(), 256U);
  expect_service();
}

TEST_F(SignerTest, LosesOnlyThePeerThatSendsAnImpossibleFrame) {
  for (const Bytes& bytes :
       {Bytes{0xff, 0xff, 0xff, 0xff, 1}, Bytes{0, 0, 0, 0}, Bytes{0, 0, 0x40, 0x01}}) {
    const Peer peer(signer_.socket("capf"));
    peer.send(bytes);
    EXPECT_TRUE(peer.ended());
    expect_service();
  }
}

TEST_F(SignerTest, AnswersAFrameWhoseBodyIsNonsense) {
  Peer peer(signer_.socket("capf"));
  peer.send(wire::frame(Bytes{0, 0, 0, 77, 99}));
  const auto answer = peer.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 77U);
  ASSERT_TRUE(std::holds_alternative<Error>(answer->outcome));
  EXPECT_EQ(std::get<Error>(answer->outcome).kind(), Kind::request);
  peer.send(wire::frame(wire::encode(78, wire::List{})));
  const auto list = peer.answer();
  ASSERT_TRUE(list && std::holds_alternative<wire::Done>(list->outcome));
}

TEST_F(SignerTest, ServesOthersWhileAPeerHoldsHalfAFrame) {
  const Peer peer(signer_.socket("capf"));
  peer.send({0, 0, 0, 20, 1, 2});
  expect_service();
  EXPECT_TRUE(peer.ended());  // after 5 s: the signer waits for nobody for ever
  expect_service();
}

TEST_F(SignerTest, OutlivesRandomBytes) {
  std::mt19937 random(20261121);
  for (int i = 0; i < 300; ++i) {
    const Peer peer(signer_.socket("capf"));
    Bytes bytes(random() % 200);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (i % 2 == 0 && !bytes.empty()) bytes = wire::frame(bytes);
    peer.send(bytes);
  }
  expect_service();
}

TEST_F(SignerTest, BoundsTheClientsOfARole) {
  std::vector<std::unique_ptr<Peer>> silent;
  for (int i = 0; i < 128; ++i) silent.push_back(std::make_unique<Peer>(signer_.socket("tvs")));
  SignerClient late(signer_.socket("tvs"));
  EXPECT_EQ(kind_thrown([&] { late.list(); }), Kind::unavailable);
  expect_service();
  silent.clear();
  // Their ends are read before what comes later on the same loop, at the latest at a retry.
  std::optional<Kind> failure = Kind::unavailable;
  for (int i = 0; i < 100 && failure; ++i) failure = kind_thrown([&] { late.list(); });
  EXPECT_EQ(failure, std::nullopt);
}

TEST_F(SignerTest, AnswersManyRequestsOfOneConnection) {
  Peer peer(signer_.socket("capf"));
  Bytes stream;
  for (std::uint32_t id = 1; id <= 200; ++id) {
    const Bytes frame = wire::frame(wire::encode(id, ecdsa(key_, static_cast<std::uint8_t>(id))));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  peer.send(stream);
  std::set<std::uint32_t> answered;
  while (answered.size() < 200) {
    const auto answer = peer.answer();
    ASSERT_TRUE(answer);
    ASSERT_TRUE(std::holds_alternative<wire::Done>(answer->outcome));
    const Bytes signature = wire::parse_bytes(std::get<wire::Done>(answer->outcome).payload);
    EXPECT_TRUE(verifies(spki_, ecdsa(key_, static_cast<std::uint8_t>(answer->id)), signature));
    EXPECT_TRUE(answered.insert(answer->id).second);
  }
}

TEST_F(SignerTest, SaysBusyAtOnceInsteadOfQueueingForEver) {
  Peer peer(signer_.socket("capf"));
  Bytes stream;
  for (std::uint32_t id = 1; id <= 2000; ++id) {
    const Bytes frame = wire::frame(wire::encode(id, ecdsa(key_)));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  std::thread sender([&] { peer.send(stream); });
  int done = 0;
  int busy = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto answer = peer.answer();
    if (!answer) break;
    if (std::holds_alternative<wire::Done>(answer->outcome)) {
      ++done;
    } else if (std::get<Error>(answer->outcome).kind() == Kind::unavailable) {
      ++busy;
    }
  }
  sender.join();
  EXPECT_EQ(done + busy, 2000);
  EXPECT_GT(busy, 0);
  EXPECT_GE(done, 256);
  expect_service();
}

TEST_F(SignerTest, ReplacesAKilledWorkerUnderLoad) {
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      SignerClient client(signer_.socket("capf"));
      for (int i = 0; i < 250; ++i) {
        const SignRequest request = ecdsa(key_, static_cast<std::uint8_t>(thread * 16 + i % 16));
        try {
          verifies(spki_, request, client.sign(request)) ? ++good : ++bad;
        } catch (const Error& error) {
          ADD_FAILURE() << error.what();
          ++bad;
        }
      }
    });
  while (good < 200 && bad == 0) std::this_thread::yield();
  const pid_t first = signer_.workers().front();
  ::kill(first, SIGKILL);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 1000);
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(admin_.status().restarts, 1U);
  EXPECT_TRUE(eventually([&] { return signer_.workers().size() == 2; }));
  for (const pid_t pid : signer_.workers()) EXPECT_NE(pid, first);
}

/// text_of_proc reads a file of /proc, whose size nobody knows before.
std::string text_of_proc(pid_t pid, const std::string& file) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(SignerTest, LeavesNoDumpOfItsPinAndKeysWhenItCrashes) {
  for (const pid_t pid : {signer_.pid(), signer_.workers().front()}) {
    const std::string limits = text_of_proc(pid, "limits");
    const auto line = limits.find("Max core file size");
    ASSERT_NE(line, std::string::npos);
    EXPECT_EQ(limits.substr(line, limits.find("bytes", line) - line),
              "Max core file size        0                    0                    ");

    // What may not be dumped belongs to root in /proc.
    struct stat facts {};

    ASSERT_EQ(::stat(("/proc/" + std::to_string(pid) + "/mem").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, 0U);
  }
}

TEST_F(SignerTest, ReconnectsAfterTheSignerWasRestarted) {
  expect_service();
  SignerClient& client = admin_;
  ASSERT_EQ(signer_.stop().exit_code, 0);
  EXPECT_EQ(kind_thrown([&] { client.sign(ecdsa(key_)); }), Kind::unavailable);
  const SignerProcess again(folder_.path());
  expect_service();
}

TEST_F(SignerTest, LeavesNoWorkerBehindWhenTheParentIsKilled) {
  const Fd worker(static_cast<int>(::syscall(SYS_pidfd_open, signer_.workers().front(), 0)));
  ASSERT_TRUE(worker);
  ::kill(signer_.pid(), SIGKILL);
  EXPECT_EQ(signer_.wait().exit_code, 128 + SIGKILL);
  pollfd entry{worker.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 20'000), 1) << "the worker lives on";
  const SignerProcess again(folder_.path());  // stale sockets and the lock are no hindrance
  expect_service();
}

TEST_F(SignerTest, TellsItsStatus) {
  admin_.sign(ecdsa(key_));
  const Status status = admin_.status();
  EXPECT_EQ(status.state, PoolState::operational);
  EXPECT_EQ(status.module, "/usr/lib/softhsm/libsofthsm2.so");
  EXPECT_NE(status.token.library.find("SoftHSM"), std::string::npos);
  EXPECT_EQ(status.token.label, "ringfence");
  EXPECT_GE(status.signed_total, 1U);
  EXPECT_EQ(status.restarts, 0U);
}

}  // namespace
}  // namespace ringfence::hsm::test
