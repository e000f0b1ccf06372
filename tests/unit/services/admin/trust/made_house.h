// A house with keys, certificates and a list in force: made once, and copied for each test.
#pragma once

#include <filesystem>

#include "services/admin/wiring.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {

/// MadeHouse is the copy, opened, with a signer of its own.
class MadeHouse {
 public:
  MadeHouse() : copied_(copy(made(), folder_.path())) {}

 private:
  static const std::filesystem::path& made() {
    static const test::TemporaryFolder folder;
    static const bool done = [] {
      const test::SignerProcess signer(folder.path());
      House house(folder.path());
      TrustWiring trust(house);
      trust.keeper.ensure_certificates();
      trust.keeper.ensure_itl("first start");
      return true;
    }();
    static_cast<void>(done);
    return folder.path();
  }

  static bool copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (const char* part : {"hsm", "db", "tftp"})
      std::filesystem::copy(from / part, to / part, std::filesystem::copy_options::recursive);
    return true;
  }

  test::TemporaryFolder folder_;
  const bool copied_;

 public:
  test::SignerProcess signer{folder_.path()};
  House house{folder_.path()};
  TrustWiring trust{house};
};

}  // namespace ringfence::services::admin
