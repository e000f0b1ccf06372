// ledger_bench: what the ledger of phones' trust costs with very many phones.
//
// Usage: ledger_bench [phones, 100000 when absent]. Processor time of this process.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/trust/trust_list.h"
#include "services/admin/jobs/guards.h"
#include "services/admin/node/house.h"
#include "services/admin/trust/trust_keeper.h"
#include "services/admin/trust/trust_ledger.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::bench {
namespace {

using core::TrustSign;
using core::TrustSignKind;
using services::admin::House;

constexpr std::size_t kAtOnce = 10'000;

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <typename Work>
void measure(const char* what, const Work& work) {
  const double before = processor_seconds();
  const auto began = std::chrono::steady_clock::now();
  work();
  const double used = processor_seconds() - before;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%-44s %9.3f s of processor time, %9.3f s\n", what, used, took.count());
}

/// Stopped is a machine whose services do not run: the bench asks none.
class Stopped final : public services::admin::ServiceControl {
 public:
  using States = std::vector<core::admin::ServiceFacts>;
  using Service = services::admin::Service;

  core::admin::ServiceFacts state(const Service& /*service*/) override { return {}; }

  States start(const Service& /*service*/) override { return {}; }

  States stop(const Service& /*service*/) override { return {}; }

  bool gave_up(const Service& /*service*/) override { return false; }
};

std::string name_of(std::size_t number) {
  return fmt::format("SEP{:012X}", number);
}

std::string address_of(std::size_t number) {
  return fmt::format("10.{}.{}.{}", number >> 16U, number >> 8U & 0xffU, number & 0xffU);
}

/// list makes the file of an ITL that one certificate signs and one, of TVS, is in.
core::Bytes list(std::uint8_t serial) {
  core::Header header;
  header.signer = {"CN=node", {serial}, "CN=node"};
  header.signature.resize(256);
  header.file_name = "ITLFile.tlv";
  core::Record signer;
  signer.subject = signer.issuer = "CN=node";
  signer.serial = {serial};
  signer.certificate = {0x30, 0x00};
  core::Record tvs = signer;
  tvs.function = core::Role::tvs;
  tvs.serial = {9};
  core::Bytes file = core::encode_header(header);
  for (const core::Record& record : {signer, tvs}) {
    const core::Bytes bytes = core::encode_record(record);
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  return file;
}

/// Site is a folder with phones that have all fetched the list in force and registered.
class Site {
 public:
  explicit Site(std::size_t phones) : phones_(phones) {
    std::ofstream(folder_ / "ringfence.toml") << "[node]\nhost = \"n1\"\n";
    house_ = std::make_unique<House>(folder_.path());
    const core::Time published = house_->clock.now() - std::chrono::hours(9);
    house_->lists.add(
        {0, core::ListKind::itl, "CallManager", kList, "first start", list(1), published});
    for (std::size_t first = 0; first < phones; first += kAtOnce) add(first);
  }

  House& house() { return *house_; }

  /// come makes some phones fetch anew.
  void come(std::size_t phones) {
    std::vector<TrustSign> signs;
    for (std::size_t i = 0; i < phones; ++i) boot(i * (phones_ / phones), signs);
    core::TrustSignStore(tftp_).save(signs);
  }

 private:
  void add(std::size_t first) {
    std::vector<core::Phone> phones;
    std::vector<TrustSign> fetches;
    std::vector<TrustSign> registrations;
    std::vector<core::Registration> rows;
    for (std::size_t i = first; i < std::min(first + kAtOnce, phones_); ++i) {
      core::Phone phone;
      phone.name = name_of(i);
      phone.model = "CP-8861";
      phones.push_back(phone);
      boot(i, fetches);
      registrations.push_back(
          {name_of(i), TrustSignKind::registered, address_of(i), "", "", core::sign_time()});
      core::Registration row;
      row.device = name_of(i);
      row.contact = "sip:" + row.device;
      row.peer = address_of(i) + ":5060";
      row.registered_at = row.refreshed_at = house_->clock.now() - std::chrono::hours(1);
      row.expires_at = house_->clock.now() + std::chrono::hours(1);
      rows.push_back(row);
    }
    house_->phones.save(phones, core::PhoneStore::Ask::changed_only);
    core::TrustSignStore(tftp_).save(fetches);
    core::TrustSignStore(registrar_).save(registrations);
    core::RegistrationStore(registrar_).save(rows);
  }

  static void boot(std::size_t number, std::vector<TrustSign>& signs) {
    const TrustSign::Time now = core::sign_time();
    const auto sign = [&](TrustSignKind kind, const std::string& subject, int after) {
      signs.push_back({name_of(number), kind, address_of(number), subject, "",
                       now + std::chrono::milliseconds(after)});
    };
    sign(TrustSignKind::plain_config, "", 0);
    sign(TrustSignKind::list_fetched, kList, 1);
    sign(TrustSignKind::signed_config, "01", 2);
  }

  static inline const std::string kList = "aa";
  const std::size_t phones_;
  test::TemporaryFolder folder_;
  const bool has_room_ = std::filesystem::create_directories(folder_ / "db");
  std::unique_ptr<House> house_;
  core::Database tftp_{folder_ / "db/tftp.db", core::Schema::tftp, core::Access::read_write};
  core::Database registrar_{folder_ / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_write};
};

void run(std::size_t phones) {
  Site site(phones);
  House& house = site.house();
  services::admin::TrustKeeper keeper(house);
  Stopped services;
  services::admin::Guards guards(house, keeper, services);
  std::printf("%zu phones\n", phones);
  measure("the first look after a start", [&] { house.trust().refresh(); });
  services::admin::TrustCounts counts;
  measure("show phone summary", [&] { counts = house.trust().counts(); });
  measure("a guard", [&] { guards.left_out({}); });
  site.come(1000);
  measure("a look after 1000 phones came", [&] { house.trust().refresh(); });
  measure("a look when nothing happened", [&] { house.trust().refresh(); });
  measure("one phone of show phone", [&] { house.trust().of(name_of(phones / 2)); });
  std::printf("accepted %zu, fetched %zu, refused %zu, unknown %zu\n", counts.accepted,
              counts.fetched, counts.refused, counts.unknown);
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  const int phones = argc > 1 ? std::atoi(argv[1]) : 100'000;
  ringfence::bench::run(static_cast<std::size_t>(std::max(2000, phones)));
  return 0;
}
