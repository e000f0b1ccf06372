// What parent and workers say to each other: round trips, truncation, and the parent's catalogue.
#include "hsm/signer/worker_wire.h"

#include <gtest/gtest.h>

#include "hsm/signer/catalogue.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

const KeyFacts kCapf{{{"CAPF", 2}, {KeyAlgorithm::rsa, 2048}}, "2026-11-21", true, Bytes(294, 7)};
const KeyFacts kEc{{{"CallManager-ECDSA", 1}, {KeyAlgorithm::ec, 384}}, "", false, Bytes(120, 9)};

template <typename Message>
Message said(const Bytes& body) {
  return std::get<Message>(worker_wire::parse_said(body));
}

TEST(WorkerWireTest, CarriesHelloEndAndLearned) {
  worker_wire::Hello hello{{}, {kCapf, kEc}};
  hello.token.label = "ringfence";
  hello.token.slots = {{7, "slot", "ringfence", true}};
  const auto heard = said<worker_wire::Hello>(worker_wire::encode(hello));
  EXPECT_EQ(heard.keys, hello.keys);
  EXPECT_EQ(heard.token, hello.token);
  const auto end =
      said<worker_wire::End>(worker_wire::encode(worker_wire::End{Error("C_Login", 0xa0)}));
  EXPECT_EQ(end.reason.kind(), Kind::pin);
  EXPECT_EQ(end.reason.rv(), 0xa0U);
  const auto learned =
      said<worker_wire::Learned>(worker_wire::encode(worker_wire::Learned{{"TVS", 3}, true}));
  EXPECT_EQ(learned.key, (KeyRef{"TVS", 3}));
  EXPECT_TRUE(learned.copied);
}

TEST(WorkerWireTest, CarriesAResultWithItsOutcomeAsTheClientGetsIt) {
  const wire::Answer answer{77, wire::Done{Bytes{1, 2, 3}}};
  const Bytes body = worker_wire::encode_result(480us, answer);
  const auto result = said<worker_wire::Result>(body);
  EXPECT_EQ(result.took, 480us);
  EXPECT_EQ(result.id, 77U);
  EXPECT_EQ(Bytes(result.outcome.begin(), result.outcome.end()), wire::encode(answer.outcome));
  EXPECT_EQ(said<worker_wire::Result>(worker_wire::encode_result(10s, answer)).took,
            std::chrono::nanoseconds(0xffffffff));
}

TEST(WorkerWireTest, CarriesNotices) {
  const auto noticed =
      worker_wire::parse_notice(worker_wire::encode(worker_wire::Notice::forget, {"TVS", 9}));
  EXPECT_EQ(noticed.notice, worker_wire::Notice::forget);
  EXPECT_EQ(noticed.key, (KeyRef{"TVS", 9}));
}

TEST(WorkerWireTest, RefusesWhatIsTruncatedOrUnknown) {
  const Bytes hello = worker_wire::encode(worker_wire::Hello{{}, {kCapf}});
  for (std::size_t size = 0; size < hello.size(); ++size)
    EXPECT_THROW(worker_wire::parse_said(BytesView(hello).first(size)), Error) << size;
  EXPECT_THROW(worker_wire::parse_said(Bytes{0, 0, 0, 0, 0, 0, 0, 0, 4}), Error);
  EXPECT_THROW(worker_wire::parse_notice(Bytes{0, 0, 0, 0, 3, 0, 1, 'a', 0, 0, 0, 1}), Error);
}

TEST(CatalogueTest, HidesAKeyThatIsBeingTakenAway) {
  Catalogue catalogue;
  catalogue.replace({kCapf, kEc});
  catalogue.hide({"CAPF", 2}, true);
  EXPECT_EQ(catalogue.find({"CAPF", 2}), nullptr);
  EXPECT_NE(catalogue.find({"CallManager-ECDSA", 1}), nullptr);
  catalogue.hide({"CAPF", 2}, false);
  EXPECT_NE(catalogue.find({"CAPF", 2}), nullptr);
  EXPECT_EQ(catalogue.find({"CAPF", 3}), nullptr);
}

TEST(CatalogueTest, LearnsWhatASignatureCostsAndKeepsItOverANewWorker) {
  Catalogue catalogue;
  catalogue.replace({kCapf});
  for (int i = 0; i < 100; ++i) catalogue.learn({"CAPF", 2}, 300us);
  EXPECT_NEAR(static_cast<double>(catalogue.find({"CAPF", 2})->cost.count()), 300e3, 1e3);
  const auto learned = catalogue.find({"CAPF", 2})->cost;
  catalogue.replace({kCapf, kEc});
  EXPECT_EQ(catalogue.find({"CAPF", 2})->cost, learned);
}

}  // namespace
}  // namespace ringfence::hsm
