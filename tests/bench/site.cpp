#include "tests/bench/site.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "core/trust/trust_list.h"

namespace ringfence::bench {

using core::TrustSign;
using core::TrustSignKind;
using services::admin::House;

namespace {

constexpr std::size_t kAtOnce = 10'000;
const std::string kList = "aa";

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

}  // namespace

Site::Site(std::size_t phones) : phones_(phones) {
  std::ofstream(folder_ / "ringfence.toml") << "[node]\nhost = \"n1\"\n";
  house_ = std::make_unique<House>(folder_.path());
  const core::Time published = house_->clock.now() - std::chrono::hours(9);
  house_->lists.add(
      {0, core::ListKind::itl, "CallManager", kList, "first start", list(1), published});
  for (std::size_t first = 0; first < phones; first += kAtOnce) add(first);
}

std::string Site::name_of(std::size_t number) {
  return fmt::format("SEP{:012X}", number);
}

std::string Site::address_of(std::size_t number) {
  return fmt::format("10.{}.{}.{}", number >> 16U, number >> 8U & 0xffU, number & 0xffU);
}

void Site::come(std::size_t phones) {
  std::vector<TrustSign> signs;
  for (std::size_t i = 0; i < phones; ++i) boot(i * (phones_ / phones), signs);
  core::TrustSignStore(tftp_).save(signs);
}

core::Registration Site::registration(std::size_t number, const std::string& call_id,
                                      core::Time when) const {
  core::Registration row;
  row.device = name_of(number);
  row.contact = "sip:" + row.device;
  row.call_id = call_id;
  row.peer = address_of(number) + ":5060";
  row.registered_at = row.refreshed_at = when;
  row.expires_at = house_->clock.now() + std::chrono::hours(1);
  return row;
}

void Site::add(std::size_t first) {
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
    rows.push_back(registration(i, "before", house_->clock.now() - std::chrono::hours(1)));
  }
  house_->phones.save(phones, core::PhoneStore::Ask::changed_only);
  core::TrustSignStore(tftp_).save(fetches);
  core::TrustSignStore(registrar_).save(registrations);
  core::RegistrationStore(registrar_).save(rows);
}

void Site::boot(std::size_t number, std::vector<TrustSign>& signs) {
  const TrustSign::Time now = core::sign_time();
  const auto sign = [&](TrustSignKind kind, const std::string& subject, int after) {
    signs.push_back({name_of(number), kind, address_of(number), subject, "",
                     now + std::chrono::milliseconds(after)});
  };
  sign(TrustSignKind::plain_config, "", 0);
  sign(TrustSignKind::list_fetched, kList, 1);
  sign(TrustSignKind::signed_config, "01", 2);
}

}  // namespace ringfence::bench
