#include "services/admin/jobs/phone_news.h"

#include <utility>

#include "core/phones/change_log.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

namespace {

constexpr std::size_t kNewsAPage = 5000;
constexpr std::size_t kLooksAtOnce = 1000;
constexpr std::size_t kOutcomesAtMost = 10;  // requests of a phone since its job began

}  // namespace

PhoneNews::PhoneNews(House& house, Subject subject) : house_(house), subject_(std::move(subject)) {
  logs_.push_back({&House::admin_db});
  logs_.push_back({&House::callmanager_db});
  if (subject_.outcomes == Subject::Outcomes::last) logs_.push_back({&House::capf_db});
  for (Log& log : logs_)
    if (core::Database* database = (house_.*log.open)())
      log.mark = core::ChangeLog(*database).last();
}

void PhoneNews::read(core::Database& database, std::int64_t& mark, std::set<std::string>& phones) {
  for (;;) {
    const core::ChangeLog::Page page = core::ChangeLog(database).after(mark, kNewsAPage);
    phones.insert(page.devices.begin(), page.devices.end());
    mark = page.last;
    if (page.devices.size() < kNewsAPage) return;
  }
}

bool PhoneNews::heard(std::set<std::string>& phones) {
  for (Log& log : logs_)
    if (core::Database* database = (house_.*log.open)()) read(*database, log.mark, phones);
  const TrustLedger::News trust = house_.trust().since(trust_mark_);
  trust_mark_ = trust.mark;
  phones.insert(trust.devices.begin(), trust.devices.end());
  return trust.all;
}

void PhoneNews::add_everybody(const Waves& book, std::set<std::string>& phones) {
  for (std::string& name : book.followed()) phones.insert(std::move(name));
  if (subject_.others == Subject::Others::left_out) return;
  for (core::Registration& one : house_.registrations())
    if (!book.has(one.device)) phones.insert(std::move(one.device));
}

void PhoneNews::follow(const Waves& book, const std::vector<std::string>& due,
                       const Observe& observe) {
  std::set<std::string> phones(due.begin(), due.end());
  if (heard(phones)) add_everybody(book, phones);
  if (subject_.others == Subject::Others::left_out)
    std::erase_if(phones, [&](const std::string& name) { return !book.has(name); });
  std::vector<std::string> part;
  for (auto at = phones.begin(); at != phones.end();) {
    for (part.clear(); at != phones.end() && part.size() < kLooksAtOnce; ++at) part.push_back(*at);
    observe(look(part));
  }
}

PhoneLook PhoneNews::look_at(const std::string& phone, core::Time now) {
  PhoneLook look;
  look.phone = phone;
  look.known = house_.phones.has(phone);
  if (core::Database* registrar = house_.callmanager_db()) {
    const core::RegistrationStore store(*registrar);
    for (core::Registration& one : store.find(phone)) {
      look.addresses.insert(core::address_text(one.peer));
      if (one.expires_at > now && one.answers()) look.contacts.push_back(std::move(one));
    }
    look.reset = store.reset(subject_.job, phone);
  }
  if (subject_.outcomes == Subject::Outcomes::none) return look;
  if (core::Database* capf = house_.capf_db())
    look.outcomes = core::EnrolmentStore(*capf).last_outcomes(phone, kOutcomesAtMost);
  return look;
}

std::vector<PhoneLook> PhoneNews::look(const std::vector<std::string>& phones) {
  std::vector<PhoneLook> looks;
  if (phones.empty()) return looks;
  looks.reserve(phones.size());
  const core::Time now = house_.clock.now();
  for (const std::string& phone : phones) looks.push_back(look_at(phone, now));
  auto trust = house_.trust().of(phones, subject_.lists);
  for (PhoneLook& look : looks) look.trust = std::move(trust.at(look.phone));
  return looks;
}

}  // namespace ringfence::services::admin
