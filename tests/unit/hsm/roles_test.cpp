// The whole matrix of roles, keys and operations.
#include "hsm/signer/roles.h"

#include <gtest/gtest.h>

namespace ringfence::hsm {
namespace {

/// a handshake that every role may have signed.
Bytes handshake() {
  const std::string_view context = "TLS 1.3, server CertificateVerify";
  Bytes message(64, ' ');
  message.insert(message.end(), context.begin(), context.end());
  message.resize(message.size() + 33);
  return message;
}

/// One line a role; S sees and signs, G generates, D destroys, - nothing.
std::string matrix() {
  const std::vector<std::string> labels = {"ITLRecovery", "CallManager", "CallManager-ECDSA",
                                           "CAPF",        "TVS",         "Stranger"};
  std::string text;
  for (const Role& role : kRoles) {
    text += std::string(role.name) + ":";
    for (const std::string& label : labels) {
      SignRequest sign;
      sign.key = {label, 1};
      sign.message = handshake();
      EXPECT_EQ(may(role, sign), may(role, wire::PublicKey{{label, 1}}));
      EXPECT_EQ(may(role, sign), may_see(role, label));
      std::string cell;
      if (may(role, sign)) cell += "S";
      if (may(role, wire::Generate{label, {}})) cell += "G";
      if (may(role, wire::Destroy{{label, 1}})) cell += "D";
      text += " " + (cell.empty() ? "-" : cell);
    }
    text += "\n";
  }
  return text;
}

TEST(RolesTest, AllowWhatThePlanAllowsAndNoMore) {
  EXPECT_EQ(matrix(),
            "admin: SGD SGD SGD SGD SGD -\n"
            "capf: - - - S - -\n"
            "tvs: - - - - S -\n"
            "tftp: - S S - - -\n"
            "callmanager: - S S - - -\n");
}

TEST(RolesTest, HaveSignedWhatTheyUse) {
  std::string text;
  for (const Role& role : kRoles) {
    text += std::string(role.name) + ":";
    for (std::size_t form = 0; form < kForms; ++form)
      if (role.signs.has(static_cast<Form>(form)))
        text += " " + std::string(name(static_cast<Form>(form)));
    text += "\n";
  }
  EXPECT_EQ(text,
            "admin: tls certificate ca_certificate request crl file trust_list other digest\n"
            "capf: tls certificate request crl\n"
            "tvs: tls\n"
            "tftp: tls file\n"
            "callmanager: tls\n");
  SignRequest blind;
  blind.key = {"CAPF", 1};
  EXPECT_FALSE(may(*role_named("capf"), blind)) << "a digest alone";
  EXPECT_EQ(describe(blind), "sign what it does not show with CAPF/1");
}

TEST(RolesTest, NobodySeesTheEmptyLabel) {
  for (const Role& role : kRoles) EXPECT_FALSE(may_see(role, ""));
}

TEST(RolesTest, AreFoundByTheirExactName) {
  ASSERT_NE(role_named("capf"), nullptr);
  EXPECT_EQ(role_named("capf")->name, "capf");
  EXPECT_EQ(role_named("CAPF"), nullptr);
}

}  // namespace
}  // namespace ringfence::hsm
