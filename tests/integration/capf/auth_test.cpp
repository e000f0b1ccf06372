// Phones that show CAPF what they have, with a server whose key is in a real token.
#include "core/crypto/x509.h"
#include "core/storage/rows.h"
#include "tests/integration/capf/authenticating.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;
using core::AuthMode;
using core::Bytes;
using core::KeyOrder;
using core::Operation;

TEST_F(CapfAuthentication, RenewsByTheLscThatItGaveAndNotByTheOneBefore) {
  const std::string name = "SEP0000000000B1";
  RunningServer server(house());
  const core::EvpPkey old_key = ec_key("P-256");
  const Bytes old_lsc = enrol_by_null_string(server.port(), name, old_key.get());
  ASSERT_FALSE(old_lsc.empty());

  const core::Phone asked = phone(name, AuthMode::lsc);
  house().save(asked);
  const Bytes proof = kByLsc + shown_lsc(name, old_lsc, old_key.get());
  MiniPhone client(server.port());
  ASSERT_EQ(answers(client, name, proof).command, 3);
  const core::EvpPkey new_key = ec_key("P-256");
  Said last;
  const Bytes new_lsc = client.enrol(spki(new_key.get()), last);
  EXPECT_EQ(last.value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_EQ(house().journal.held(name)->der, new_lsc);
  record("renew_by_lsc", setting(asked, old_lsc), client);

  // Whoever recorded the proof has nothing: the phone has confirmed a later LSC.
  house().save(asked);
  MiniPhone thief(server.port());
  const Said refused = answers(thief, name, proof);
  EXPECT_EQ(refused.command, 15);
  EXPECT_EQ(refused.value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid LSC");
  EXPECT_EQ(evidence(name, server), std::vector<std::string>{"certificate_refused"});
  record("replay_of_a_replaced_lsc", setting(asked, new_lsc), thief);
}

TEST_F(CapfAuthentication, RenewsByAnRsaLscAndTakesNoOtherPadding) {
  const std::string name = "SEP0000000000B2";
  RunningServer server(house());
  core::Phone asked = phone(name);
  asked.capf.key_order = KeyOrder::rsa_only;
  house().save(asked);
  const core::EvpPkey key = rsa_key(2048);
  MiniPhone first(server.port());
  ASSERT_EQ(answers(first, name, element(8, {2})).command, 3);
  first.say(17);
  Said last;
  const Bytes lsc = first.enrol(spki(key.get()), last);
  record("install_by_null_string", setting(asked), first);

  asked.capf.auth_mode = AuthMode::lsc;
  house().save(asked);
  const Bytes data = name_and_certificate(name, lsc);
  const Bytes digest = hash("SHA1", data);
  // Garbage behind short padding, as the forgeries of 2006 had it.
  Bytes block{0, 1};
  block.resize(10, 0xff);
  block.push_back(0);
  block = std::move(block) + digest;
  block.resize(256, 0x5a);
  MiniPhone forger(server.port());
  const Bytes forged = kByLsc + lsc_element(lsc) + element(6, raw_rsa(key.get(), block));
  EXPECT_EQ(answers(forger, name, forged).value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid LSC");
  record("forged_padding", setting(asked, lsc), forger);

  MiniPhone with_digest_info(server.port());
  const Bytes usual =
      kByLsc + lsc_element(lsc) + element(6, digest_info_signature(key.get(), "SHA1", data));
  EXPECT_EQ(answers(with_digest_info, name, usual).value(1), Bytes{7});

  // An old phone: SHA-1 alone, and the certificate without its inner form.
  MiniPhone client(server.port());
  const Bytes bare = kByLsc + element(4, lsc) + element(6, bare_signature(key.get(), "SHA1", data));
  ASSERT_EQ(answers(client, name, bare).command, 3);
  client.enrol(spki(rsa_key(2048).get()), last);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  record("renew_by_rsa_lsc", setting(asked, lsc), client);
}

TEST_F(CapfAuthentication, RefusesAnotherPhonesLsc) {
  const std::string name = "SEP0000000000B3";
  const std::string other = "SEP0000000000B4";
  RunningServer server(house());
  const core::EvpPkey key = ec_key("P-256");
  const Bytes lsc = enrol_by_null_string(server.port(), other, key.get());
  const core::Phone asked = phone(name, AuthMode::lsc);
  house().save(asked);
  MiniPhone thief(server.port());
  EXPECT_EQ(answers(thief, name, kByLsc + shown_lsc(name, lsc, key.get())).value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid LSC");
  server.records().flush();
  const auto events = house().journal.events(name);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_NE(events[0].detail.find("the certificate is of another device"), std::string::npos);
  EXPECT_EQ(events[0].peer.rfind("127.0.0.1:", 0), 0U);
  record("another_phones_lsc", setting(asked), thief);
}

TEST_F(CapfAuthentication, BelievesMicsOfTheManufacturersInCapfTrust) {
  const std::string name = "SEP0000000000B5";
  RunningServer server(house());
  const core::Phone asked = phone(name, AuthMode::mic);
  house().save(asked);
  const Pair mic = mic_of(name);
  const Bytes proof = kByMic + shown_mic(name, mic);
  MiniPhone stranger(server.port());
  EXPECT_EQ(answers(stranger, name, proof).value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid MIC");

  trust("Maker CA.pem", maker_.der());  // the running server sees it
  MiniPhone client(server.port());
  ASSERT_EQ(answers(client, name, proof).command, 3);
  Said last;
  EXPECT_TRUE(house().verified(client.enrol(spki(ec_key("P-256").get()), last)));
  EXPECT_EQ(house().status(name), "Upgrade Success");
  record("install_by_mic", setting(asked), client);
}

TEST_F(CapfAuthentication, BindsSudiDataToItsSession) {
  const std::string name = "SEP0000000000B6";
  RunningServer server(house());
  trust("Maker CA.pem", maker_.der());
  const core::Phone asked = phone(name, AuthMode::mic);
  house().save(asked);
  const Pair mic = mic_of(name);
  MiniPhone client(server.port());
  const std::uint32_t session = client.hear().session;
  const Bytes proof = kByMic + shown_mic(name, mic) + sudi_element(session, mic);
  client.say(2, name_element(name) + kVersion3 + proof);
  EXPECT_EQ(client.hear().command, 3);
  client.say(20, element(1, {0}));  // it thinks better of it
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(house().status(name), "Upgrade Failed: Phone Communication Failure");
  record("sudi_and_abort", setting(asked), client);

  MiniPhone thief(server.port());
  EXPECT_EQ(answers(thief, name, proof).value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid MIC");
  record("sudi_of_another_session", setting(asked), thief);
}

TEST_F(CapfAuthentication, PrefersTheLscWhereItHasPrecedence) {
  const std::string name = "SEP0000000000B7";
  RunningServer server(house());
  trust("Maker CA.pem", maker_.der());
  const core::Phone asked = phone(name, AuthMode::lsc);
  house().save(asked);
  const Pair mic = mic_of(name);
  const Bytes proof = kByMic + shown_mic(name, mic);
  MiniPhone client(server.port());
  ASSERT_EQ(answers(client, name, proof).command, 3) << "it has no LSC";
  Said last;
  const Bytes lsc = client.enrol(spki(ec_key("P-256").get()), last);
  EXPECT_EQ(house().status(name), "Upgrade Success");

  house().save(asked);
  MiniPhone again(server.port());
  EXPECT_EQ(answers(again, name, proof).value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Operation Pending");
  EXPECT_EQ(evidence(name, server).front(), "mic_under_lsc_precedence");
  record("mic_under_lsc_precedence", setting(asked, lsc), again);
}

TEST_F(CapfAuthentication, AsksOnceMoreForTheCertificateOfTheMode) {
  const std::string name = "SEP0000000000B8";
  RunningServer server(house());
  const core::Phone asked = phone(name, AuthMode::lsc);
  house().save(asked);
  MiniPhone client(server.port());
  const Said again = answers(client, name, element(8, {2}));
  EXPECT_EQ(again.command, 1);
  EXPECT_EQ(again.value(8), Bytes{3});
  client.say(2, name_element(name) + element(8, {1}) + password_element("482915"));
  EXPECT_EQ(client.hear().value(1), Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid Credentials");
  record("string_for_a_certificate", setting(asked), client);
}

TEST_F(CapfAuthentication, BelievesAnLscOfTheCapfBefore) {
  const std::string name = "SEP0000000000B9";
  RunningServer server(house());
  const core::EvpPkey key = ec_key("P-256");
  const Bytes lsc = enrol_by_null_string(server.port(), name, key.get());
  const Bytes before = house().certificates.own(core::Unit::capf)->der;
  house().regenerate();
  house().save(phone(name, AuthMode::lsc));
  const Bytes proof = kByLsc + shown_lsc(name, lsc, key.get());
  MiniPhone early(server.port());
  EXPECT_EQ(answers(early, name, proof).command, 15) << "nobody trusts the old CAPF";
  trust("CAPF-before.pem", before);
  MiniPhone client(server.port());
  ASSERT_EQ(answers(client, name, proof).command, 3);
  Said last;
  EXPECT_TRUE(house().verified(client.enrol(spki(ec_key("P-256").get()), last)));
}

TEST_F(CapfAuthentication, DeletesAndShowsCertificatesByTheLsc) {
  const std::string name = "SEP0000000000BA";
  RunningServer server(house());
  const core::EvpPkey key = ec_key("P-256");
  const Bytes lsc = enrol_by_null_string(server.port(), name, key.get());
  const Bytes proof = kByLsc + shown_lsc(name, lsc, key.get());
  core::Phone asked = phone(name, AuthMode::lsc);
  asked.capf.operation = Operation::troubleshoot;
  house().save(asked);
  MiniPhone shows(server.port());
  ASSERT_EQ(answers(shows, name, proof).command, 11);
  shows.say(12, lsc_element(lsc));
  EXPECT_EQ(shows.hear().command, 11);
  shows.say(12, mic_element(mic_of(name).der()));
  EXPECT_EQ(shows.hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Troubleshoot Success");
  record("troubleshoot_by_lsc", setting(asked, lsc), shows);

  asked.capf.operation = Operation::remove;
  house().save(asked);
  MiniPhone deletes(server.port());
  ASSERT_EQ(answers(deletes, name, proof).command, 13);
  deletes.say(14, element(1, {1}));
  EXPECT_EQ(deletes.hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Delete Success");
  record("delete_by_lsc", setting(asked, lsc), deletes);

  house().save(asked);
  MiniPhone again(server.port());
  EXPECT_EQ(answers(again, name, proof).value(1), Bytes{7}) << "it has said that it has none";
  EXPECT_EQ(house().status(name), "Delete Failed: Invalid LSC");
}

TEST_F(CapfAuthentication, AsksForTheStringAgain) {
  const std::string name = "SEP0000000000BB";
  RunningServer server(house());
  core::Phone asked = phone(name, AuthMode::auth_string);
  asked.capf.auth_string = "123456";
  house().save(asked);
  // No administrator may give this one: in the recording, a seed of the fuzzers, nothing else
  // spells it.
  asked.capf.auth_string = "W*q#";
  house().secrets_db.write([&](soci::session& sql) {
    sql << "update auth_string set value = :string where phone = :name",
        soci::use(asked.capf.auth_string), soci::use(name);
  });
  MiniPhone client(server.port());
  EXPECT_EQ(answers(client, name, element(8, {2})).value(8), Bytes{1});
  client.say(2, name_element(name) + element(8, {1}) + password_element("W*q#"));
  EXPECT_EQ(client.hear().command, 3);
  Said last;
  client.enrol(spki(ec_key("P-256").get()), last);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  record("install_by_string", setting(asked), client);
}

TEST_F(CapfAuthentication, WaitsForAnOfflineCa) {
  const std::string name = "SEP0000000000BC";
  RunningServer server(house());
  core::CapfPolicy policy;
  policy.issuer = core::LscIssuer::offline_ca;
  set_policy(policy);
  const core::Phone asked = phone(name);
  house().save(asked);
  Setting known = setting(asked);
  known.issuer = policy.issuer;
  const core::EvpPkey key = ec_key("P-256");
  MiniPhone gives_up(server.port());
  ASSERT_EQ(answers(gives_up, name, element(8, {2})).command, 3);
  gives_up.say(20);
  EXPECT_TRUE(gives_up.ended());
  EXPECT_EQ(house().status(name), "Upgrade Failed: Phone Communication Failure");
  MiniPhone first(server.port());
  ASSERT_EQ(answers(first, name, element(8, {2})).command, 3);
  first.say(4, element(9, spki(key.get())));
  EXPECT_EQ(first.hear().value(1), Bytes{0});
  EXPECT_EQ(house().status(name), "Operation Pending");
  const auto csr = house().journal.csr(name);
  ASSERT_TRUE(csr);
  EXPECT_EQ(csr->spki, spki(key.get()));
  record("offline_request", known, first);

  MiniPhone early(server.port());
  EXPECT_EQ(answers(early, name, element(8, {2})).value(1), Bytes{0});

  const core::X509Cert lsc =
      make_pair(core::share(key.get()), {"CP-8861-" + name, now() - 1h, now() + 24h, false, {}},
                &maker_)
          .certificate;
  core::IssuedCertificate row;
  row.phone = name;
  row.request = csr->request;
  row.serial = core::serial_of(*lsc);
  row.subject = core::subject_of(*lsc);
  row.issuer = core::issuer_of(*lsc);
  row.der = core::to_der(*lsc);
  row.key = csr->key;
  row.not_after = core::not_after_of(*lsc);
  row.issued_at = now();
  house().journal.imported(row, csr->spki);
  MiniPhone second(server.port());
  const Said store = answers(second, name, element(8, {2}));
  ASSERT_EQ(store.command, 9);
  EXPECT_EQ(store.value(4), (Bytes{1} +
                             Bytes{static_cast<std::uint8_t>((row.der.size() + 2) >> 8),
                                   static_cast<std::uint8_t>(row.der.size() + 2)} +
                             Bytes{0, 1} + row.der));
  second.say(10, element(1, {1}));
  EXPECT_EQ(second.hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_EQ(house().journal.held(name)->der, row.der);
  known.imported = row.der;
  record("offline_store", known, second);
}

}  // namespace
}  // namespace ringfence::test
