// A state folder with very many phones, for benches of ringfence-admin.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "services/admin/node/house.h"
#include "services/admin/trust/trust_ledger.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::bench {

/// Stopped is a machine whose services do not run: a bench asks none.
class Stopped final : public services::admin::ServiceControl {
 public:
  using States = std::vector<core::admin::ServiceFacts>;
  using Service = services::admin::Service;

  core::admin::ServiceFacts state(const Service& /*service*/) override { return {}; }

  States start(const Service& /*service*/) override { return {}; }

  States stop(const Service& /*service*/) override { return {}; }

  bool gave_up(const Service& /*service*/) override { return false; }
};

/// Site is such a folder, whose phones have all fetched the list in force, taken it, and
/// registered.
class Site {
 public:
  explicit Site(std::size_t phones);

  services::admin::House& house() { return *house_; }

  core::Database& registrar() { return registrar_; }

  static std::string name_of(std::size_t number);
  static std::string address_of(std::size_t number);

  /// come makes some phones fetch and take the list anew.
  void come(std::size_t phones);
  /// boot is what one phone does then.
  static void boot(std::size_t number, std::vector<core::TrustSign>& signs);

  core::TrustSignStore signs() { return core::TrustSignStore(tftp_); }

  /// registration is how a phone is registered; the Call-ID tells one from the next.
  core::Registration registration(std::size_t number, const std::string& call_id,
                                  core::Time when) const;

 private:
  void add(std::size_t first);

  const std::size_t phones_;
  test::TemporaryFolder folder_;
  const bool has_room_ = std::filesystem::create_directories(folder_ / "db");
  std::unique_ptr<services::admin::House> house_;
  core::Database tftp_{folder_ / "db/tftp.db", core::Schema::tftp, core::Access::read_write};
  core::Database registrar_{folder_ / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_write};
};

}  // namespace ringfence::bench
