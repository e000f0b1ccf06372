#include "tests/fleet/trust_state.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/fleet/tests/test_lists.h"

namespace ringfence::fleet {
namespace {

using core::Bytes;
using core::ListKind;
using test::Identity;
using test::make_itl;

/// A phone that has accepted one list: signed by CallManager, ITLRecovery as the second SAST.
class TrustStateTest : public testing::Test {
 protected:
  TrustStateTest() { state_.offer(ListKind::itl, first_); }

  Identity call_manager_ = test::make_identity("cm.example");
  Identity recovery_ = test::make_identity("ITLRECOVERY_cm.example");
  Identity tvs_ = test::make_identity("tvs.example");
  Identity capf_ = test::make_identity("CAPF-00000001");
  Identity stranger_ = test::make_identity("stranger.example");
  Bytes first_ = make_itl(call_manager_, {&recovery_}, &tvs_, &capf_);
  TrustState state_;
};

TEST_F(TrustStateTest, AcceptsTheFirstListOnFaith) {
  TrustState fresh;
  EXPECT_TRUE(fresh.empty());
  EXPECT_EQ(fresh.offer(ListKind::itl, make_itl(stranger_)).verdict, Verdict::accepted_on_faith);
  EXPECT_FALSE(fresh.empty());
}

TEST_F(TrustStateTest, RefusesAFirstListThatItsOwnRecordsDoNotVerify) {
  Bytes tampered = first_;
  tampered.back() ^= 1;
  TrustState fresh;
  EXPECT_EQ(fresh.offer(ListKind::itl, tampered).verdict, Verdict::refused);
  EXPECT_TRUE(fresh.empty());
}

TEST_F(TrustStateTest, AcceptsALaterListOfTheSameSigner) {
  const Identity new_capf = test::make_identity("CAPF-00000002");
  const Bytes later = make_itl(call_manager_, {&recovery_}, &tvs_, &new_capf);
  EXPECT_EQ(state_.offer(ListKind::itl, later).verdict, Verdict::accepted);
  EXPECT_EQ(state_.file(ListKind::itl), later);
  EXPECT_TRUE(state_.knows(core::Role::capf, new_capf.der()));
  EXPECT_FALSE(state_.knows(core::Role::capf, capf_.der()));
}

TEST_F(TrustStateTest, AcceptsAListSignedByTheSecondSast) {
  const Bytes later = make_itl(recovery_, {&call_manager_}, &tvs_, &capf_);
  EXPECT_EQ(state_.offer(ListKind::itl, later).verdict, Verdict::accepted);
  EXPECT_EQ(state_.signer(ListKind::itl), "CN=ITLRECOVERY_cm.example");
}

TEST_F(TrustStateTest, AsksForAStrangersListAndKeepsTheOldOne) {
  EXPECT_EQ(state_.offer(ListKind::itl, make_itl(stranger_)).verdict, Verdict::unknown_signer);
  EXPECT_EQ(state_.file(ListKind::itl), first_);
}

TEST_F(TrustStateTest, RefusesAListThatClaimsAKnownSignerButHasAnotherKey) {
  Identity impostor = test::make_identity("stranger.example");
  impostor.certificate = core::share(call_manager_.certificate.get());
  // Signed by the stranger's key, under CallManager's name and serial number.
  EXPECT_EQ(state_.offer(ListKind::itl, make_itl(impostor)).verdict, Verdict::refused);
  EXPECT_EQ(state_.file(ListKind::itl), first_);
}

TEST_F(TrustStateTest, RefusesEveryTamperedByteBehindTheHeader) {
  const std::size_t header = core::parse_header(first_).length;
  for (std::size_t at = header; at < first_.size(); at += 97) {
    Bytes tampered = first_;
    tampered[at] ^= 0x10;
    EXPECT_EQ(state_.offer(ListKind::itl, tampered).verdict, Verdict::refused) << "byte " << at;
  }
  EXPECT_EQ(state_.file(ListKind::itl), first_);
}

TEST_F(TrustStateTest, RefusesATruncatedList) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, first_.size() - 1}) {
    Bytes cut(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(state_.offer(ListKind::itl, cut).verdict, Verdict::refused) << size << " bytes";
  }
}

TEST_F(TrustStateTest, AcceptsAStrangersListThatTvsVouchesFor) {
  const Bytes list = make_itl(stranger_);
  EXPECT_EQ(state_.offer(ListKind::itl, list, stranger_.der()).verdict, Verdict::accepted);
  EXPECT_EQ(state_.file(ListKind::itl), list);
}

TEST_F(TrustStateTest, DoesNotLetTvsVouchForASignerByAnotherCertificate) {
  const Bytes list = make_itl(stranger_);
  EXPECT_EQ(state_.offer(ListKind::itl, list, recovery_.der()).verdict, Verdict::unknown_signer);
  EXPECT_EQ(state_.file(ListKind::itl), first_);
}

TEST_F(TrustStateTest, DoesNotLetTvsRescueATamperedList) {
  Bytes list = make_itl(stranger_);
  list.back() ^= 1;
  EXPECT_EQ(state_.offer(ListKind::itl, list, stranger_.der()).verdict, Verdict::refused);
}

TEST_F(TrustStateTest, JudgesConfigurationsByTheList) {
  const std::string device = "SEP001100000001";
  Bytes config = test::make_config(call_manager_, device, "stamp", 5060);
  EXPECT_EQ(state_.check(config).verdict, Verdict::accepted);
  EXPECT_EQ(state_.check(test::make_config(stranger_, device, "stamp", 5060)).verdict,
            Verdict::unknown_signer);
  config.back() ^= 1;
  EXPECT_EQ(state_.check(config).verdict, Verdict::refused);
}

TEST_F(TrustStateTest, KnowsServersByTheirHashAndFunction) {
  EXPECT_TRUE(state_.knows(core::Role::tvs, tvs_.der()));
  EXPECT_TRUE(state_.knows(core::Role::capf, capf_.der()));
  EXPECT_FALSE(state_.knows(core::Role::tvs, capf_.der()));
  EXPECT_FALSE(state_.knows(core::Role::tvs, stranger_.der()));
}

TEST_F(TrustStateTest, RefusesToRestoreWhatIsNoList) {
  EXPECT_THROW(state_.restore(ListKind::itl, Bytes{1, 2, 3}), core::Error);
}

}  // namespace
}  // namespace ringfence::fleet
