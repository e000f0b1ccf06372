// Strangers beside a phone of which something is known: nothing that they do by its name alone is
// the phone's doing, and nothing of the phone's is gone for it.
#include <filesystem>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "core/crypto/x509.h"
#include "core/phones/capf_policy.h"
#include "core/phones/holding_store.h"
#include "services/capf/offline.h"
#include "tests/integration/capf/strangers.h"

namespace ringfence::test {
namespace {

TEST_F(CapfStranger, DeletesNothingOfThePhones) {
  const std::string name = expect_phone("SEP0000000E0001").name;
  registers(name, kHome);
  RunningServer server(house());
  const auto key = ec_key("P-256");
  const Bytes own = enrols_with(server.port(), name, kHome, kByNullString, key.get());
  ask(name, Operation::remove);
  EXPECT_EQ(answers_delete(server.port(), name, kStranger), kDelete);
  EXPECT_EQ(house().status(name),
            "Delete Unproven: at an address that is not known to be the phone's");
  EXPECT_EQ(visit(name), core::CapfVisit::due);
  EXPECT_EQ(held(name), own);
  EXPECT_TRUE(told(server, name, kStranger));
  ask(name, Operation::install, AuthMode::lsc);
  const Bytes shown = shown_lsc(name, own, key.get());
  EXPECT_EQ(enrols(server.port(), name, kHome, shown), kDone) << "it is not locked out";
  ask(name, Operation::remove);
  EXPECT_EQ(answers_delete(server.port(), name, kHome), kDelete);
  EXPECT_EQ(house().status(name), "Delete Success");
  EXPECT_EQ(held(name), Bytes{});
}

TEST_F(CapfStranger, ShowsNothingInThePhonesPlace) {
  const std::string name = expect_phone("SEP0000000E0002").name;
  registers(name, kHome);
  RunningServer server(house());
  const Bytes own = enrols_with(server.port(), name, kHome, kByNullString, ec_key("P-256").get());
  ask(name, Operation::troubleshoot);
  const core::X509Cert evil =
      make_pair(ec_key("P-256"),
                {"CP-8861-" + name, house().clock.now() - 1h, house().clock.now() + 24h, true, {}},
                nullptr)
          .certificate;
  const auto trace = house().folder / "trace";
  EXPECT_EQ(shows(server.port(), name, kStranger, core::to_der(*evil)), kFetch);
  EXPECT_EQ(house().status(name),
            "Troubleshoot Unproven: at an address that is not known to be the phone's");
  EXPECT_FALSE(std::filesystem::exists(trace / (name + "-LSC.pem")));
  EXPECT_FALSE(std::filesystem::exists(trace / (name + "-MIC.pem")));
  EXPECT_EQ(held(name), own);
  EXPECT_TRUE(told(server, name, kStranger));
  EXPECT_EQ(shows(server.port(), name, kHome, own), kFetch);
  EXPECT_EQ(house().status(name), "Troubleshoot Success");
  EXPECT_TRUE(std::filesystem::exists(trace / (name + "-LSC.pem")));
}

TEST_F(CapfStranger, IsNotThePhoneByARegistrationBesideIts) {
  const std::string name = expect_phone("SEP0000000E0003").name;
  registers(name, kHome);
  registers(name, kStranger);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_EQ(visit(name), core::CapfVisit::due);
  EXPECT_EQ(held(name), Bytes{});
  EXPECT_TRUE(told(server, name, kStranger));
  // Nobody knows which of the two is the phone, until one has shown it or is alone.
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
  leaves(name, kStranger);
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  // From now on its LSC shows where it is, whoever registers.
  registers(name, kStranger);
  ask(name, Operation::install);
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

TEST_F(CapfStranger, TakesNoPlaceOfAPhoneThatIsOff) {
  const std::string name = expect_phone("SEP0000000E0004").name;
  registers(name, kHome);
  RunningServer server(house());
  const auto key = ec_key("P-256");
  const Bytes own = enrols_with(server.port(), name, kHome, kByNullString, key.get());
  ask(name, Operation::install);
  leaves(name, kHome);
  registers(name, kStranger);
  const auto stolen_key = ec_key("P-256");
  const Bytes stolen = enrols_with(server.port(), name, kStranger, kByNullString, stolen_key.get());
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_EQ(held(name), own) << "what the phone holds is not overwritten";
  ask(name, Operation::install, AuthMode::lsc);
  enrols(server.port(), name, kStranger, shown_lsc(name, stolen, stolen_key.get()));
  EXPECT_EQ(house().status(name), kUnproven);
  server.records().flush();
  EXPECT_THAT(server.records().whereabouts(name).proven, testing::IsEmpty());
  EXPECT_EQ(enrols(server.port(), name, kHome, shown_lsc(name, own, key.get())), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

TEST_F(CapfStranger, IsNotThePhoneThatAcceptedTheListElsewhere) {
  const std::string name = expect_phone("SEP0000000E0005").name;
  core::HoldingStore(house().admin_db)
      .save({{name, "abcd", kHome, "took it", core::sign_time(), core::AddressProof::registered}});
  registers(name, kStranger);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_EQ(core::enrolled_from(*house().journal.held(name)), std::nullopt);
}

// A session lasts as long as a phone makes its key, and longer.
TEST_F(CapfStranger, IsJudgedByWhatIsKnownWhenItIsDone) {
  for (const bool has_its_lsc : {false, true}) {
    const std::string name = expect_phone(has_its_lsc ? "SEP0000000E0012" : "SEP0000000E0013").name;
    RunningServer server(house());
    MiniPhone stranger(server.port(), kStranger);
    ASSERT_EQ(introduce(stranger, name, kByNullString).command, 3) << "nothing is known of it";
    if (!has_its_lsc) registers(name, kHome);
    stranger.say(4, element(9, spki(ec_key("P-256").get())));
    ASSERT_EQ(stranger.hear().command, 9);
    registers(name, kHome);
    stranger.say(10, element(1, {1}));
    EXPECT_EQ(stranger.hear().value(1), Bytes{1});
    EXPECT_EQ(house().status(name), kUnproven) << has_its_lsc;
    EXPECT_EQ(held(name), Bytes{});
    EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
    EXPECT_EQ(house().status(name), "Upgrade Success");
  }
}

// One of which nothing was proven, and that was seen a moment ago.
TEST_F(CapfStranger, IsInDoubtBesideWhereThePhoneRegisteredLast) {
  const std::string name = expect_phone("SEP0000000E0006").name;
  core::HoldingStore(house().admin_db)
      .save({{name, "", kHome, "", core::sign_time(), core::AddressProof::registered}});
  registers(name, kStranger);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
}

TEST_F(CapfStranger, CuresItselfByItsStringWhenItIsThePhoneThatMoved) {
  const std::string name = expect_phone("SEP0000000E0007").name;
  registers(name, kHome);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  leaves(name, kHome);
  constexpr const char* kMoved = "127.0.0.8";
  registers(name, kMoved);
  ask(name, Operation::install);
  EXPECT_EQ(enrols(server.port(), name, kMoved), kDone);
  EXPECT_EQ(house().status(name), kUnproven) << "honestly";
  ask(name, Operation::install, AuthMode::auth_string);
  EXPECT_EQ(enrols(server.port(), name, kMoved, kByString + password_element("482915")), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_TRUE(eventually([&] {
    server.records().flush();
    return server.records().whereabouts(name).proven == std::vector<std::string>{kMoved};
  }));
  ask(name, Operation::install);
  EXPECT_EQ(enrols(server.port(), name, kMoved), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

TEST_F(CapfStranger, CuresItselfByTheLscOfItsOldAddressAsLongAsItHasIt) {
  constexpr const char* kMoved = "127.0.0.8";
  for (const bool overwritten : {false, true}) {
    const std::string name = expect_phone(overwritten ? "SEP0000000E0017" : "SEP0000000E0018").name;
    registers(name, kHome);
    RunningServer server(house());
    const auto key = ec_key("P-256");
    Bytes lsc = enrols_with(server.port(), name, kHome, kByNullString, key.get());
    leaves(name, kHome);
    registers(name, kMoved);
    ask(name, Operation::install);
    if (overwritten) lsc = enrols_with(server.port(), name, kMoved, kByNullString, key.get());
    ask(name, Operation::install, AuthMode::lsc);
    EXPECT_EQ(enrols(server.port(), name, kMoved, shown_lsc(name, lsc, key.get())), kDone);
    EXPECT_EQ(house().status(name), overwritten ? kUnproven : "Upgrade Success");
    EXPECT_EQ(house().journal.maybe_overwritten(name), overwritten) << "so that its MIC will do";
  }
}

TEST_F(CapfStranger, IsThePhoneThatMovedWhenItWasNotSeenAtHomeForADay) {
  const std::string name = expect_phone("SEP0000000E0014").name;
  registers(name, kHome);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  leaves(name, kHome);
  constexpr const char* kMoved = "127.0.0.8";
  registers(name, kMoved);
  const auto tried = [&] {
    ask(name, Operation::install);
    EXPECT_EQ(enrols(server.port(), name, kMoved), kDone);
    return house().status(name);
  };
  serves_for(72h);
  was_seen(name, kHome, 1h);
  EXPECT_EQ(tried(), kUnproven) << "it may be off: this is how a stranger takes its place";
  was_seen(name, kHome, 23h);
  EXPECT_EQ(tried(), kUnproven);
  for (int i = 0; i < core::TrustSignStore::kPeers; ++i)
    was_seen(name, fmt::format("127.0.3.{}", i), 1min);
  EXPECT_EQ(tried(), kUnproven) << "others have pushed it out of what is remembered";
  for (int i = 0; i < core::TrustSignStore::kPeers; ++i)
    was_seen(name, fmt::format("127.0.3.{}", i), 48h);
  serves_for(1h);
  EXPECT_EQ(tried(), kUnproven) << "nobody could see it while Cisco CallManager was down";
  serves_for(72h);
  registers(name, kStranger);
  EXPECT_EQ(tried(), kUnproven) << "it is not alone";
  leaves(name, kStranger);
  EXPECT_EQ(tried(), "Upgrade Success");
  EXPECT_EQ(core::enrolled_from(*house().journal.held(name)), std::nullopt);
  EXPECT_EQ(server.records().whereabouts(name).home, std::vector<std::string>{kMoved});
  EXPECT_EQ(tried(), "Upgrade Success");
  ask(name, Operation::remove);
  EXPECT_EQ(answers_delete(server.port(), name, kMoved), kDelete);
  EXPECT_EQ(house().status(name), "Delete Success");
}

TEST_F(CapfStranger, IsThePhoneThatAcceptedTheListWhereItWasNotSeenForADay) {
  const std::string name = expect_phone("SEP0000000E0015").name;
  core::HoldingStore(house().admin_db)
      .save({{name, "abcd", kHome, "took it", core::sign_time(), core::AddressProof::registered}});
  RunningServer server(house());
  serves_for(72h);
  was_seen(name, kHome, 48h);
  EXPECT_EQ(server.records().whereabouts(name).home, std::vector<std::string>{kHome})
      << "it is off, and nobody is there in its place";
  constexpr const char* kMoved = "127.0.0.8";
  registers(name, kMoved);
  EXPECT_EQ(enrols(server.port(), name, kMoved), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

// What the phone has shown CAPF does not grow old.
TEST_F(CapfStranger, IsNotThePhoneThatProvedItselfHoweverLongItIsOff) {
  const std::string name = expect_phone("SEP0000000E0016", AuthMode::auth_string).name;
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kHome, kByString + password_element("482915")), kDone);
  serves_for(72h);
  was_seen(name, kHome, 48h);
  registers(name, kStranger);
  ask(name, Operation::install);
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
}

TEST_F(CapfStranger, HandsInNoKeyForTheOfflineCa) {
  const std::string name = expect_phone("SEP0000000E0008").name;
  registers(name, kHome);
  set_issuer(core::LscIssuer::offline_ca);
  RunningServer server(house());
  const auto stolen = ec_key("P-256");
  EXPECT_EQ(hands_in(server.port(), name, kStranger, stolen.get()),
            (std::pair<int, Bytes>{kEnd, Bytes{7}}));
  EXPECT_EQ(house().journal.csr(name), std::nullopt);
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_TRUE(told(server, name, kStranger));
  const auto key = ec_key("P-256");
  EXPECT_EQ(hands_in(server.port(), name, kHome, key.get()),
            (std::pair<int, Bytes>{kEnd, Bytes{0}}));
  EXPECT_EQ(house().status(name), "Operation Pending");
  hands_in(server.port(), name, kStranger, stolen.get());
  EXPECT_EQ(house().status(name), "Operation Pending") << "the phone's key waits for the CA";
  const auto csr = house().journal.csr(name);
  ASSERT_TRUE(csr);
  EXPECT_EQ(csr->spki, spki(key.get())) << "it is not displaced";
}

TEST_F(CapfStranger, FetchesNoLscThatTheOfflineCaMadeForThePhone) {
  const std::string name = expect_phone("SEP0000000E0009").name;
  set_issuer(core::LscIssuer::offline_ca);
  RunningServer server(house());
  const auto stolen = ec_key("P-256");
  // Nothing is known of the phone: the first who comes is heard, and another one told so.
  EXPECT_EQ(hands_in(server.port(), name, kStranger, stolen.get()).second, Bytes{0});
  const auto key = ec_key("P-256");
  EXPECT_EQ(hands_in(server.port(), name, kHome, key.get()).second, Bytes{7});
  EXPECT_EQ(house().journal.csr(name)->spki, spki(stolen.get()));
  EXPECT_TRUE(told(server, name, kHome));
  // Once the phone registers its key goes before.
  registers(name, kHome);
  EXPECT_EQ(hands_in(server.port(), name, kHome, key.get()).second, Bytes{0});
  EXPECT_EQ(house().journal.csr(name)->spki, spki(key.get()));
  set_issuer(core::LscIssuer::capf);
  services::capf::Authority authority(house().capf_token, house().admin_db);
  services::capf::Offline offline(authority, house().admin_db, house().capf_db, house().clock);
  const auto answer = offline.answer("offline.issue", {{"phones", boost::json::array{name}}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at("results").at(0).at("reason"), "");
  // The stranger gets one of its own key, which counts for nothing, and the phone its own.
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_EQ(house().status(name), kUnproven);
  EXPECT_EQ(held(name), Bytes{});
  MiniPhone phone(server.port(), kHome);
  const Said store = introduce(phone, name, kByNullString);
  ASSERT_EQ(store.command, 9);
  phone.say(10, element(1, {1}));
  EXPECT_EQ(phone.hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_EQ(core::spki_of(*core::parse_certificate(held(name))), spki(key.get()));
}

TEST_F(CapfStranger, ProvesNothingByAnLscThatWasIssuedForItsKey) {
  const std::string name = expect_phone("SEP0000000E0010").name;
  set_issuer(core::LscIssuer::offline_ca);
  RunningServer server(house());
  const auto stolen = ec_key("P-256");
  EXPECT_EQ(hands_in(server.port(), name, kStranger, stolen.get()).second, Bytes{0});
  set_issuer(core::LscIssuer::capf);
  services::capf::Authority authority(house().capf_token, house().admin_db);
  services::capf::Offline offline(authority, house().admin_db, house().capf_db, house().clock);
  ASSERT_EQ(offline.answer("offline.issue", {{"phones", boost::json::array{name}}})
                ->at("results")
                .at(0)
                .at("reason"),
            "");
  MiniPhone stranger(server.port(), kStranger);
  const Said store = introduce(stranger, name, kByNullString);
  ASSERT_EQ(store.command, 9);
  stranger.say(10, element(1, {1}));
  EXPECT_EQ(stranger.hear().value(1), Bytes{1});
  const auto row = house().journal.held(name);
  ASSERT_TRUE(row);
  EXPECT_FALSE(core::proves_phone(*row));
  EXPECT_THAT(core::enrolled_from(*row).value_or(""), testing::StartsWith("127.0.0.66:"));
  ask(name, Operation::install, AuthMode::lsc);
  enrols(server.port(), name, kStranger, shown_lsc(name, row->der, stolen.get()));
  server.records().flush();
  EXPECT_THAT(server.records().whereabouts(name).proven, testing::IsEmpty());
}

// A proof dies with the next renewal, also of an LSC that was once not shown.
TEST_F(CapfStranger, ShowsNoLscThatThePhoneHasReplaced) {
  const std::string name = expect_phone("SEP0000000E0011").name;
  registers(name, kHome);
  RunningServer server(house());
  const auto old_key = ec_key("P-256");
  const Bytes old = enrols_with(server.port(), name, kHome, kByNullString, old_key.get());
  house().journal.showed(name, std::nullopt, house().clock.now());
  ask(name, Operation::install, AuthMode::lsc);
  EXPECT_EQ(enrols(server.port(), name, kHome, shown_lsc(name, old, old_key.get())), kDone)
      << "it was not shown once, and here it is";
  ask(name, Operation::install, AuthMode::lsc);
  EXPECT_EQ(enrols(server.port(), name, kStranger, shown_lsc(name, old, old_key.get())).second,
            Bytes{7});
  EXPECT_NE(house().status(name), "Upgrade Success");
}

}  // namespace
}  // namespace ringfence::test
