// A House with a registrar that a test plays, for the jobs that tell phones.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "core/net/rpc.h"
#include "core/phones/registration_store.h"
#include "core/phones/trust_sign.h"
#include "core/trust/trust_list.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/node/house.h"
#include "services/admin/node/service_control.h"
#include "services/admin/wiring.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {

/// NoServices is a machine on which nothing is started or stopped.
class NoServices final : public ServiceControl {
 public:
  core::admin::ServiceFacts state(const Service& service) override {
    core::admin::ServiceFacts facts;
    facts.name = service.name;
    facts.state = "STARTED";
    return facts;
  }

  std::vector<core::admin::ServiceFacts> start(const Service& service) override {
    return {state(service)};
  }

  std::vector<core::admin::ServiceFacts> stop(const Service& service) override {
    return {state(service)};
  }

  bool gave_up(const Service& /*service*/) override { return false; }
};

/// PlayedRegistrar writes callmanager.db and answers on the control socket as ringfence-callmanager
/// does: each phone that is registered takes its NOTIFY. Safe from several threads.
class PlayedRegistrar {
 public:
  explicit PlayedRegistrar(House& house)
      : house_(house),
        database_(house.config.callmanager_db(), core::Schema::callmanager,
                  core::Access::read_write),
        server_(house.config.control_socket("callmanager"),
                [this](const core::Caller&, std::string_view method,
                       const boost::json::object& params) { return answer(method, params); }) {}

  /// registers is a REGISTER with a Call-ID of its own, `ago` before now.
  void registers(const std::string& phone, std::chrono::seconds ago = std::chrono::seconds(0)) {
    const std::lock_guard lock(mutex_);
    core::Registration row;
    row.device = phone;
    row.contact = "sip:" + phone;
    row.peer = "10.0.0.1:5060";
    row.call_id = "call-" + std::to_string(++calls_);
    row.registered_at = row.refreshed_at = house_.clock.now() - ago;
    row.expires_at = house_.clock.now() + std::chrono::hours(1);
    core::RegistrationStore(database_).save(row);
    core::TrustSignStore(database_).save(
        {{phone, core::TrustSignKind::registered, "10.0.0.1", "", "", core::sign_time() - ago}});
  }

  /// asked returns who was sent a NOTIFY so far, each as often as he was.
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  boost::json::value answer(std::string_view method, const boost::json::object& params) {
    if (method != "reset") return boost::json::object();
    const std::lock_guard lock(mutex_);
    const core::RegistrationStore store(database_);
    boost::json::array unknown;
    std::vector<core::ResetRow> sent;
    const core::Time now = house_.clock.now();
    for (const boost::json::value& one : params.at("devices").as_array()) {
      const std::string device(one.as_string());
      if (store.find(device).empty()) {
        unknown.push_back(one);
        continue;
      }
      asked_.push_back(device);
      sent.push_back({params.at("id").to_number<std::int64_t>(), device,
                      std::string(params.at("kind").as_string()), now, now, 200, "10.0.0.1"});
    }
    core::RegistrationStore(database_).reset_sent(sent);
    return boost::json::object{{"asked", sent.size()}, {"unknown", std::move(unknown)}};
  }

  House& house_;
  core::Database database_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  int calls_ = 0;
  core::RpcServer server_;  // last: it uses all of the above
};

/// SmallHouse is a state folder with everything that jobs of phones need, and no key.
class SmallHouse {
 public:
  SmallHouse() {
    std::filesystem::create_directories(folder_ / "db");
    std::ofstream(folder_ / "ringfence.toml") << "[node]\nhost = \"n1\"\n";
    house = std::make_unique<House>(folder_.path());
    tftp_ = std::make_unique<core::Database>(house->config.tftp_db(), core::Schema::tftp,
                                             core::Access::read_write);
    registrar = std::make_unique<PlayedRegistrar>(*house);
    tftp_answers_ = std::make_unique<core::RpcServer>(
        house->config.control_socket("tftp"),
        [](const core::Caller&, std::string_view, const boost::json::object&) {
          return boost::json::object();
        });
    trust = std::make_unique<TrustWiring>(*house);
    jobs = std::make_unique<Jobs>(house->jobs);
  }

  void add(const std::string& name) {
    core::Phone phone;
    phone.name = name;
    phone.model = name.starts_with("SEP") ? "CP-8861" : "CSF";
    house->phones.save({phone}, core::PhoneStore::Ask::changed_only);
  }

  /// publish makes a list of this name the one in force.
  void publish(const std::string& sha1) {
    core::Header header;
    header.signer = {"CN=node", {1}, "CN=node"};
    header.signature.resize(256);
    header.file_name = "ITLFile.tlv";
    core::Record signer;
    signer.subject = signer.issuer = "CN=node";
    signer.serial = {1};
    signer.certificate = {0x30, 0x00};
    core::Bytes file = core::encode_header(header);
    const core::Bytes record = core::encode_record(signer);
    file.insert(file.end(), record.begin(), record.end());
    house->lists.add(
        {0, core::ListKind::itl, "CallManager", sha1, "a test", file, house->clock.now()});
  }

  /// takes is a phone that fetches a list and says in an alarm that it holds it.
  void takes(const std::string& phone, const std::string& sha1) {
    const core::TrustSign::Time now = core::sign_time();
    core::TrustSignStore(*tftp_).save(
        {{phone, core::TrustSignKind::list_fetched, "10.0.0.1", sha1, "", now},
         {phone, core::TrustSignKind::itl_reported, "10.0.0.1", sha1, "",
          now + std::chrono::milliseconds(1)}});
  }

  /// ended waits for the job's end and returns it.
  core::Job ended(std::int64_t job) {
    test::eventually([&] { return core::ended(house->jobs.find(job).state); });
    return house->jobs.find(job);
  }

  /// comes waits until a phone of a job stands so; false when it does not.
  bool comes(std::int64_t job, const std::string& phone, core::ItemState wanted) {
    return test::eventually([&] { return state(job, phone) == wanted; });
  }

  /// state is where a phone of a job stands, as the store has it.
  std::optional<core::ItemState> state(std::int64_t job, const std::string& phone) {
    for (const core::JobItem& item : house->jobs.items(job))
      if (item.phone == phone) return item.state;
    return std::nullopt;
  }

 private:
  test::TemporaryFolder folder_;
  std::unique_ptr<core::Database> tftp_;
  std::unique_ptr<core::RpcServer> tftp_answers_;

 public:
  std::unique_ptr<House> house;
  std::unique_ptr<PlayedRegistrar> registrar;
  std::unique_ptr<TrustWiring> trust;
  NoServices services;
  std::unique_ptr<Jobs> jobs;
};

}  // namespace ringfence::services::admin
