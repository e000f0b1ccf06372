#include "core/phones/holding_store.h"

#include "core/base/error.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

AddressProof address_proof_from(const std::string& text) {
  for (const AddressProof proof :
       {AddressProof::none, AddressProof::registered, AddressProof::identified})
    if (text == word(proof)) return proof;
  throw Error(Code::malformed, "the stored proof of an address is not one we know");
}

}  // namespace

void HoldingStore::save(const std::vector<Holding>& holdings) {
  if (holdings.empty()) return;
  database_.write([&](soci::session& sql) {
    Holding row;
    long long at = 0;
    std::string proof;
    soci::statement insert =
        (sql.prepare << "insert into trust_holding (device, sha1, peer, evidence, at,"
                        " address_proof) values (:device, :sha1, :peer, :evidence, :at, :proof)"
                        " on conflict (device) do update set sha1 = excluded.sha1,"
                        " peer = excluded.peer, evidence = excluded.evidence, at = excluded.at,"
                        " address_proof = excluded.address_proof",
         soci::use(row.device), soci::use(row.sha1), soci::use(row.peer), soci::use(row.evidence),
         soci::use(at), soci::use(proof));
    for (const Holding& holding : holdings) {
      row = holding;
      proof = word(holding.address_proof);
      at = holding.at.time_since_epoch().count();
      insert.execute(true);
    }
  });
}

std::vector<Holding> HoldingStore::list() const {
  return database_.read([](soci::session& sql) {
    Holding row;
    long long at = 0;
    std::string proof;
    soci::statement select =
        (sql.prepare << "select device, sha1, peer, evidence, at, address_proof from trust_holding"
                        " order by device",
         soci::into(row.device), soci::into(row.sha1), soci::into(row.peer),
         soci::into(row.evidence), soci::into(at), soci::into(proof));
    select.execute();
    std::vector<Holding> holdings;
    while (select.fetch()) {
      row.address_proof = address_proof_from(proof);
      row.at = TrustSign::Time(std::chrono::milliseconds(at));
      holdings.push_back(row);
    }
    return holdings;
  });
}

std::unordered_map<std::string, std::string> HoldingStore::homes() const {
  const std::string proof(word(AddressProof::identified));
  return database_.read([&proof](soci::session& sql) {
    std::string device;
    std::string peer;
    soci::statement select =
        (sql.prepare << "select device, peer from trust_holding where sha1 <> ''"
                        " and address_proof = :proof",
         soci::use(proof), soci::into(device), soci::into(peer));
    select.execute();
    std::unordered_map<std::string, std::string> homes;
    while (select.fetch()) homes.emplace(device, peer);
    return homes;
  });
}

std::optional<Holding> HoldingStore::find(std::string_view device) const {
  const std::string name(device);
  return database_.read([&](soci::session& sql) -> std::optional<Holding> {
    Holding row;
    long long at = 0;
    std::string proof;
    sql << "select device, sha1, peer, evidence, at, address_proof from trust_holding"
           " where device = :device",
        soci::use(name), soci::into(row.device), soci::into(row.sha1), soci::into(row.peer),
        soci::into(row.evidence), soci::into(at), soci::into(proof);
    if (!sql.got_data()) return std::nullopt;
    row.address_proof = address_proof_from(proof);
    row.at = TrustSign::Time(std::chrono::milliseconds(at));
    return row;
  });
}

void HoldingStore::remove(std::string_view device) {
  const std::string name(device);
  database_.write([&](soci::session& sql) {
    sql << "delete from trust_holding where device = :device", soci::use(name);
  });
}

}  // namespace ringfence::core
