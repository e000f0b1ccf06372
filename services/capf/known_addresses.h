// Where the other daemons saw a phone.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/phones/trust_sign.h"
#include "core/storage/database.h"
#include "core/storage/schema.h"
#include "services/capf/whereabouts.h"

namespace ringfence::services::capf {

/// KnownAddresses reads what Cisco CallManager and Cisco Tftp saw of a phone. Their databases may
/// be absent, or not yet brought up to date by their daemons: then they say nothing. Safe from
/// several threads.
class KnownAddresses {
 public:
  /// Files are the databases; an empty path is none.
  struct Files {
    std::filesystem::path callmanager;
    std::filesystem::path tftp;
  };

  explicit KnownAddresses(const Files& files)
      : registrar_(files.callmanager, core::Schema::callmanager),
        tftp_(files.tftp, core::Schema::tftp) {}

  /// of returns where the phone registers, and where it last fetched its configuration and ITL
  /// from, the newest first. Never throws: what cannot be read is logged.
  Whereabouts of(std::string_view phone) noexcept;

  /// kAway is how long an address that a registration alone made a phone's must not have been seen
  /// before another may take its place: the two minutes that a registration lasts, and a day. A
  /// phone that is off for a night, or whose switch is, keeps its place; one that has got another
  /// address is itself again after a day.
  static constexpr std::chrono::seconds kAway = std::chrono::hours(24) + std::chrono::minutes(2);

  /// away tells that the phone has not been seen at `address` for kAway, all of which Cisco
  /// CallManager served without a restart: what nobody could see is no absence. False when that
  /// is not known. Never throws.
  bool away(std::string_view phone, std::string_view address, core::TrustSign::Time now) noexcept;

 private:
  /// Neighbour is another daemon's database, opened when it can be.
  class Neighbour {
   public:
    Neighbour(std::filesystem::path file, core::Schema schema)
        : file_(std::move(file)), schema_(schema) {}

    core::Database* open() noexcept;

   private:
    const std::filesystem::path file_;
    const core::Schema schema_;
    std::mutex mutex_;
    std::unique_ptr<core::Database> database_;       ///< guarded by mutex_
    std::chrono::steady_clock::time_point again_{};  ///< not before, after a failure
  };

  Neighbour registrar_;
  Neighbour tftp_;
};

}  // namespace ringfence::services::capf
