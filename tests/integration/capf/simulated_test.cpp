// The fleet's phones authenticate by the certificates they have, with a real server.
#include <fstream>
#include <future>

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/fleet/capf_client.h"
#include "tests/fleet/tls_client.h"
#include "tests/integration/capf/house.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;
using core::AuthMode;
using core::Operation;

class CapfSimulatedPhone : public testing::Test {
 protected:
  CapfSimulatedPhone() {
    const std::string pem = core::text_of(core::read_file(house.folder / "mic-ca.pem", 65536));
    const core::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const core::X509Cert ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    house.certificates.replace(
        *house.certificates.own(core::Unit::capf),
        {{"CAPF-trust", "mic-ca.pem", core::to_der(*ca), house.clock.now(), "", "mic"}});
  }

  void ask(Operation operation, AuthMode mode) {
    core::Phone phone;
    phone.name = kName;
    phone.model = "CP-8861";
    phone.capf.operation = operation;
    phone.capf.auth_mode = mode;
    phone.capf.key_order = core::KeyOrder::ec_only;
    phone.capf.ec_bits = 256;
    phone.capf.completes_by = house.clock.now() + 24h;
    house.save(phone);
  }

  /// visit goes to CAPF with what the phone has, and keeps what it got.
  fleet::CapfEnd visit(int mode) {
    fleet::CapfVisit visit;
    visit.server = {core::asio::ip::address_v4::loopback(), server.port()};
    visit.device = kName;
    visit.auth_mode = mode;
    visit.lsc = lsc;
    if (key) visit.lsc_key = core::share(key.get());
    core::asio::io_context io;
    const std::function<bool(core::BytesView)> trusts = [](core::BytesView) { return true; };
    auto going = core::asio::co_spawn(io, fleet::visit_capf(tools, std::move(visit), trusts),
                                      core::asio::use_future);
    io.run();
    fleet::CapfOutcome outcome = going.get();
    if (outcome.end == fleet::CapfEnd::installed) {
      lsc = outcome.lsc;
      key = std::move(outcome.key);
    }
    return outcome.end;
  }

  static constexpr const char* kName = "SEP0000000000C1";
  House house;
  RunningServer server{house};
  std::shared_ptr<core::asio::ssl::context> tls = fleet::make_tls_client();
  core::asio::thread_pool pool{1};
  fleet::KeyPool keys{1};
  fleet::Maker maker{house.folder / "mic-ca.pem"};
  fleet::CapfTools tools{*tls, pool, keys, maker};
  core::Bytes lsc;
  core::EvpPkey key;
};

TEST_F(CapfSimulatedPhone, ShowsItsMicThenItsLscAndBothForTroubleshooting) {
  ask(Operation::install, AuthMode::lsc);
  EXPECT_EQ(visit(3), fleet::CapfEnd::installed);
  const core::Bytes first = lsc;
  ask(Operation::install, AuthMode::lsc);
  EXPECT_EQ(visit(3), fleet::CapfEnd::installed);
  EXPECT_NE(lsc, first);
  EXPECT_TRUE(house.verified(lsc));
  ask(Operation::install, AuthMode::mic);
  EXPECT_EQ(visit(4), fleet::CapfEnd::installed);
  EXPECT_EQ(house.status(kName), "Upgrade Success");

  ask(Operation::troubleshoot, AuthMode::lsc);
  EXPECT_EQ(visit(3), fleet::CapfEnd::shown);
  EXPECT_EQ(house.status(kName), "Troubleshoot Success");
  for (const char* file : {"SEP0000000000C1-LSC.pem", "SEP0000000000C1-MIC.pem"}) {
    EXPECT_TRUE(std::filesystem::exists(house.folder / "trace" / file)) << file;
  }
}

TEST_F(CapfSimulatedPhone, ShowsWhatItIsAskedForWhateverItsConfigurationSaid) {
  ask(Operation::install, AuthMode::mic);
  EXPECT_EQ(visit(2), fleet::CapfEnd::installed);
  EXPECT_EQ(house.status(kName), "Upgrade Success");
}

TEST_F(CapfSimulatedPhone, KeepsItsManufacturer) {
  fleet::Maker same(house.folder / "mic-ca.pem");
  const core::X509Cert one = core::parse_certificate(maker.mic_of(kName).certificate);
  const core::X509Cert two = core::parse_certificate(same.mic_of(kName).certificate);
  EXPECT_EQ(core::issuer_of(*one), core::issuer_of(*two));
  EXPECT_EQ(core::common_name_of(*one), "CP-8861-SEP0000000000C1");
  std::ofstream(house.folder / "mic-ca.pem") << "no CA";
  EXPECT_THROW(fleet::Maker(house.folder / "mic-ca.pem"), core::Error);
}

}  // namespace
}  // namespace ringfence::test
