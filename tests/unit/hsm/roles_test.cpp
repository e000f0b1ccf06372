// The whole matrix of roles, keys and operations.
#include "hsm/signer/roles.h"

#include <gtest/gtest.h>

namespace ringfence::hsm {
namespace {

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
