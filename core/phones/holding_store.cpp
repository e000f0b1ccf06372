#include "core/phones/holding_store.h"

#include "core/base/error.h"
#include "core/storage/rows.h"

namespace ringfence::core {

template <>
struct FromWord<AddressProof> {
  static AddressProof read(std::string_view text) {
    for (const AddressProof proof :
         {AddressProof::none, AddressProof::registered, AddressProof::identified})
      if (text == word(proof)) return proof;
    throw Error(Code::malformed, "the stored proof of an address is not one we know");
  }
};

template <>
struct Table<Holding> {
  static constexpr std::string_view name = "trust_holding";
  static constexpr auto columns =
      std::tuple(Column("device", &Holding::device), Column("sha1", &Holding::sha1),
                 Column("peer", &Holding::peer), Column("evidence", &Holding::evidence),
                 Column("at", &Holding::at), Column("address_proof", &Holding::address_proof));
};

void HoldingStore::save(const std::vector<Holding>& holdings) {
  if (holdings.empty()) return;
  database_.write([&](soci::session& /*sql*/) {
    for (const Holding& holding : holdings) save_row(database_, holding, "device");
  });
}

std::vector<Holding> HoldingStore::list() const {
  return rows_of<Holding>(database_, "order by device");
}

std::unordered_map<std::string, std::string> HoldingStore::homes() const {
  const AddressProof proof = AddressProof::identified;
  return database_.read([&](soci::session& /*sql*/) {
    std::string device;
    std::string peer;
    Database::Prepared select(database_,
                              "select device, peer from trust_holding where sha1 <> ''"
                              " and address_proof = :proof");
    select.into(device).into(peer).use(proof);
    std::unordered_map<std::string, std::string> homes;
    for (bool more = select.execute(); more; more = select.fetch()) homes.emplace(device, peer);
    return homes;
  });
}

std::optional<Holding> HoldingStore::find(std::string_view device) const {
  return row_of<Holding>(database_, "where device = :device", std::string(device));
}

void HoldingStore::remove(std::string_view device) {
  const std::string name(device);
  database_.write([&](soci::session& /*sql*/) {
    Database::Prepared(database_, "delete from trust_holding where device = :device")
        .use(name)
        .execute();
  });
}

}  // namespace ringfence::core
