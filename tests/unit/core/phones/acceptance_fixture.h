// The house and the phone of the tests about what phones accept.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/acceptance.h"

namespace ringfence::core {

using enum TrustSignKind;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline const TrustSign::Time kDay{milliseconds(1'795'255'200'000)};
inline const std::string kPhone = "SEP001122334455";
inline const std::string kHome = "10.0.0.5";
inline const std::string kElsewhere = "10.0.0.66";

/// The house: list 1; CallManager renewed (2); CAPF renewed (3); TVS renewed (4).
inline PublishedLists lists() {
  PublishedLists all;
  all.versions = {
      {"l1", {"l1-sha256"}, "CM1", {"CM1", "REC"}, {"TVS1", "CAPF1"}, kDay},
      {"l2", {"l2-sha256"}, "CM2", {"CM2", "REC"}, {"TVS1", "CAPF1"}, kDay + hours(1)},
      {"l3", {"l3-sha256"}, "CM2", {"CM2", "REC"}, {"TVS1", "CAPF2"}, kDay + hours(2)},
      {"l4", {"l4-sha256"}, "CM2", {"CM2", "REC"}, {"TVS2", "CAPF2"}, kDay + hours(3)},
  };
  all.names = {{"CM1", "CallManager CM1"}, {"CM2", "CallManager CM2"}};
  return all;
}

class AcceptanceTest : public testing::Test {
 protected:
  /// holds makes the phone one that was proven to hold a list at the day's start.
  void holds(const std::string& sha1) {
    before_ = {kPhone, sha1, kHome, "proved it before", kDay, AddressProof::identified};
  }

  /// newcomer makes it a phone of which nothing is known.
  void newcomer() { before_ = {kPhone, "", "", "", {}}; }

  TrustSign::Time at(milliseconds after) const { return kDay + hours(10) + after; }

  void sign(TrustSignKind kind, const std::string& subject, milliseconds after,
            const std::string& peer = kHome) {
    signs_.push_back({kPhone, kind, peer, subject, "", at(after)});
  }

  Judgement verdict(const std::string& sha1) {
    return judge(lists(), believe(lists(), before_, signs_), sha1);
  }

  Acceptance on(const std::string& sha1) { return verdict(sha1).acceptance; }

  /// By default its address is known, by its registration, and not what it holds.
  Holding before_{kPhone, "", kHome, "", {}, AddressProof::registered};
  std::vector<TrustSign> signs_;
};

}  // namespace ringfence::core
