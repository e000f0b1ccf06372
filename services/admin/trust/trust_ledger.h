// Which phones believe the trust list in force: what the daemons saw of them, judged and kept.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/phones/acceptance.h"
#include "core/phones/holding_store.h"
#include "core/phones/phone_store.h"
#include "core/trust/list_store.h"
#include "services/admin/node/neighbours.h"

namespace ringfence::services::admin {

/// PhoneTrust is where one phone stands.
struct PhoneTrust {
  core::Judgement judgement;
  std::string home;       ///< its address as far as it is known, or ""
  std::string elsewhere;  ///< another address that acts in its name since, or ""
  core::AddressProof proof = core::AddressProof::none;  ///< of `home`
  std::string contested_by = {};                        ///< core::Belief's
};

/// TrustCounts counts the known phones that use trust lists, by where they stand.
struct TrustCounts {
  std::size_t accepted = 0;
  std::size_t fetched = 0;  ///< unproven
  std::size_t refused = 0;
  std::size_t unknown = 0;  ///< among them:
  std::size_t older = 0;    ///< proven to hold an older list, and has not fetched the one in force

  std::size_t unproven() const noexcept { return fetched + refused + unknown; }
};

/// TrustLedger reads the signs of tftp.db, tvs.db, capf.db and callmanager.db as they come, and
/// keeps what each phone was last proven to hold in admin.db, so that neither a restart nor a lost
/// neighbour's database makes it forget. A call costs what has changed since the last one; the
/// first reads everything. Safe from several threads. Errors: `io`.
class TrustLedger {
 public:
  /// `admin` is admin.db. All must outlive it.
  TrustLedger(core::Database& admin, Neighbours& neighbours, const core::Clock& clock)
      : neighbours_(neighbours),
        clock_(clock),
        phones_(admin),
        versions_(admin),
        holdings_(admin) {}

  /// refresh reads what is new; every other call does it first.
  void refresh();
  /// follow_quietly is refresh for a Ticker: one log line says what fails, again when it changes.
  void follow_quietly() noexcept;

  /// of judges by the list in force.
  PhoneTrust of(const std::string& device);
  /// of judges many: accepted is who accepted any of the lists, the others by the list in force.
  std::map<std::string, PhoneTrust> of(const std::vector<std::string>& devices,
                                       const std::set<std::string>& lists);

  /// News are the devices of which something was seen since a mark. `all` when names do not tell
  /// it: with mark 0, when another list is in force, and when it was too much to be remembered.
  struct News {
    std::vector<std::string> devices;
    std::uint64_t mark = 0;  ///< give it to the next call
    bool all = false;
  };

  News since(std::uint64_t mark);

  TrustCounts counts();

  /// Unproven is a phone that is not known to believe the list in force, and why.
  struct Unproven {
    std::string device;
    core::Judgement judgement;
  };

  /// unproven returns those of `devices` that use trust lists and have not accepted the list in
  /// force, by name.
  std::vector<Unproven> unproven(const std::vector<std::string>& devices);

  /// signs returns what was seen of a phone, oldest first.
  std::vector<core::TrustSign> signs(const std::string& device);

  void forget(const std::string& device);  ///< after the phone was removed

 private:
  static constexpr std::size_t kNeighbours = 4;

  std::array<core::Database*, kNeighbours> neighbours();
  // All with mutex_ held.
  void read_lists();
  void read_holdings();
  void read_marks();
  using Signs = std::map<std::string, std::vector<core::TrustSign>>;  ///< by device

  void follow(const std::set<std::string>& devices);
  void note_touched(const std::set<std::string>& devices);
  void gather(Signs& signs);
  void believe(const std::string& device, std::vector<core::TrustSign> signs);
  core::Present present(const std::string& device) const;
  void note_present(const std::vector<core::Registration>& registrations);
  void note_move(const core::Belief& before, const core::Belief& now);
  PhoneTrust trust_of(const std::string& device, const std::string& sha1) const;

  Neighbours& neighbours_;
  const core::Clock& clock_;
  core::PhoneStore phones_;
  core::ListStore versions_;
  core::HoldingStore holdings_;
  std::mutex mutex_;  // for all that follows
  core::PublishedLists lists_;
  std::string in_force_;  ///< SHA-1
  bool read_ = false;
  std::array<std::int64_t, kNeighbours> marks_{};
  // What was read and is not written down yet: a write that fails is made up for at the next call.
  std::set<std::string> pending_;                 ///< devices of which something new was seen
  std::map<std::string, core::Holding> unsaved_;  ///< what they were proven to hold
  std::unordered_map<std::string, core::Belief> beliefs_;
  std::unordered_map<std::string, std::set<std::string>> at_home_;  ///< devices by address
  std::deque<std::string> touched_;  ///< devices of which something was seen, the last ones
  std::uint64_t first_touched_ = 1;  ///< the mark before the first of them
  std::string complaint_;
  std::chrono::steady_clock::time_point looked_present_{};  ///< follow_quietly's own
  core::Time moves_since_;
  std::size_t moves_ = 0;  ///< told since then
};

}  // namespace ringfence::services::admin
