// The books of an enrolment: what the journal says against what phones hold.
#include "tests/integration/faults/books.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/crypto/x509.h"
#include "core/phones/enrolment_store.h"
#include "core/storage/rows.h"

namespace ringfence::test {
namespace {

/// Row is a certificate as it stands in the file, read without the product's store.
struct Row {
  std::string phone;
  long long request = 0;
  std::string der;
  bool confirmed = false;
  bool cleared = false;
};

std::map<std::string, Row> rows_in(core::Database& database) {
  return database.read([](soci::session& sql) {
    std::map<std::string, Row> rows;
    std::string serial;
    Row row;
    int confirmed = 0;
    int cleared = 0;
    soci::statement select =
        (sql.prepare << "select serial, phone, request, der, confirmed_at is not null,"
                        " cleared_at is not null from issued",
         soci::into(serial), soci::into(row.phone), soci::into(row.request), soci::into(row.der),
         soci::into(confirmed), soci::into(cleared));
    select.execute();
    while (select.fetch()) {
      row.confirmed = confirmed != 0;
      row.cleared = cleared != 0;
      rows.emplace(serial, row);
    }
    return rows;
  });
}

using Request = std::pair<std::string, long long>;

std::set<Request> successes_in(core::Database& database) {
  return database.read([](soci::session& sql) {
    std::set<Request> requests;
    Request request;
    soci::statement select =
        (sql.prepare << "select phone, request from outcome where status = 'success'"
                        " and operation = 'install'",
         soci::into(request.first), soci::into(request.second));
    select.execute();
    while (select.fetch()) requests.insert(request);
    return requests;
  });
}

/// Checker collects what does not add up.
class Checker {
 public:
  Checker(const std::filesystem::path& file, const std::vector<const SturdyPhone*>& phones)
      : database_(file, core::Schema::capf, core::Access::read_write),
        phones_(phones),
        rows_(rows_in(database_)) {}

  void received_is_issued() {
    for (const SturdyPhone* phone : phones_)
      for (const core::Bytes& der : phone->received()) {
        const std::string serial = core::to_hex(core::serial_of(*core::parse_certificate(der)));
        const auto row = rows_.find(serial);
        if (row == rows_.end()) {
          fault("{} received the certificate {}, which was never issued", phone->name(), serial);
        } else if (row->second.phone != phone->name() || row->second.der != core::to_hex(der)) {
          fault("{} received a certificate {} that is another one in the journal", phone->name(),
                serial);
        }
      }
  }

  void confirmed_is_stored() {
    std::set<std::string> stored;
    for (const SturdyPhone* phone : phones_)
      for (const core::Bytes& der : phone->received()) stored.insert(core::to_hex(der));
    for (const auto& [serial, row] : rows_)
      if (row.confirmed && !stored.contains(row.der))
        fault("{} is confirmed, but {} never stored it", serial, row.phone);
  }

  void unconfirmed_is_stale() {
    const core::SystemClock clock;
    std::set<std::string> listed;
    for (const auto& stale : journal_.stale(clock.now() + std::chrono::hours(1)))
      listed.insert(core::to_hex(stale.serial));
    for (const auto& [serial, row] : rows_)
      if ((!row.confirmed && !row.cleared) != listed.contains(serial))
        fault("{} is {}confirmed and {}listed as stale", serial, row.confirmed ? "" : "un",
              listed.contains(serial) ? "" : "not ");
  }

  void success_is_confirmed() {
    std::set<Request> confirmed;
    for (const auto& [serial, row] : rows_)
      if (row.confirmed) confirmed.emplace(row.phone, row.request);
    const std::set<Request> successes = successes_in(database_);
    for (const auto& [phone, request] : confirmed)
      if (!successes.contains({phone, request}))
        fault("request {} of {} has a confirmed certificate and no success", request, phone);
    for (const auto& [phone, request] : successes)
      if (!confirmed.contains({phone, request}))
        fault("request {} of {} is a success without a confirmed certificate", request, phone);
  }

  void log_is_in_journal(const std::string& log) {
    std::set<std::string> seen;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.find(" serial=");
      if (line.find("CAPF_ISSUED") == std::string::npos || at == std::string::npos) continue;
      const std::string serial = line.substr(at + 8, line.find(' ', at + 8) - at - 8);
      if (!rows_.contains(serial)) fault("the log has {}, the journal has not", serial);
      if (!seen.insert(serial).second) fault("the serial {} was issued twice", serial);
    }
  }

  void phones_hold_what_is_held() {
    const std::set<Request> successes = successes_in(database_);
    for (const SturdyPhone* phone : phones_) {
      const auto held = journal_.held(phone->name());
      if (!held || phone->received().empty() || held->der != phone->received().back())
        fault("{} holds another certificate than the journal says", phone->name());
      if (std::ranges::none_of(
              successes, [&](const Request& request) { return request.first == phone->name(); }))
        fault("{} was told that nothing is left to do, without a success", phone->name());
    }
  }

  std::vector<std::string> faults() && { return std::move(faults_); }

 private:
  template <typename... Values>
  void fault(fmt::format_string<Values...> text, Values&&... values) {
    faults_.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  core::Database database_;
  core::EnrolmentStore journal_{database_};
  const std::vector<const SturdyPhone*>& phones_;
  const std::map<std::string, Row> rows_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> faults_in(const std::filesystem::path& capf_db,
                                   const std::vector<const SturdyPhone*>& phones,
                                   const std::string& log, Books books) {
  Checker checker(capf_db, phones);
  checker.received_is_issued();
  checker.confirmed_is_stored();
  checker.unconfirmed_is_stale();
  checker.success_is_confirmed();
  checker.log_is_in_journal(log);
  if (books == Books::closed) checker.phones_hold_what_is_held();
  return std::move(checker).faults();
}

}  // namespace ringfence::test
