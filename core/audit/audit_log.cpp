// The chain of records.
#include "core/audit/audit_log.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kSelect = "select sequence, at, who, event, detail, hash from audit ";

std::string before_first() {
  return std::string(64, '0');
}

std::string hash_of(const std::string& previous, const AuditRecord& record) {
  Writer writer;
  const auto number = [&](std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    writer.u32(static_cast<std::uint32_t>(bits >> 32)).u32(static_cast<std::uint32_t>(bits));
  };
  const auto text = [&](const std::string& value) {
    writer.u32(static_cast<std::uint32_t>(value.size())).text(value);
  };
  writer.text(previous);
  number(record.sequence);
  number(to_seconds(record.at));
  text(record.who);
  text(record.event);
  text(record.detail);
  return to_hex(digest(Digest::sha256, writer.view()));
}

/// each calls `take` with every record of `statement`; it returns false to stop.
template <typename Take>
void each(soci::session& sql, const std::string& statement, const Take& take) {
  AuditRecord row;
  long long sequence = 0;
  soci::statement select =
      (sql.prepare << std::string(kSelect) + statement, soci::into(sequence), soci::into(row.at),
       soci::into(row.who), soci::into(row.event), soci::into(row.detail), soci::into(row.hash));
  select.execute();
  while (select.fetch()) {
    row.sequence = sequence;
    if (!take(row)) return;
  }
}

}  // namespace

void AuditLog::append(Time at, const std::string& who, const std::string& event,
                      const std::string& detail) {
  database_.write([&](soci::session& sql) {
    AuditRecord record{0, at, who, event, detail, before_first()};
    each(sql, "order by sequence desc limit 1", [&](const AuditRecord& last) {
      record.sequence = last.sequence;
      record.hash = last.hash;
      return true;
    });
    ++record.sequence;
    record.hash = hash_of(record.hash, record);
    const long long sequence = record.sequence;
    sql << "insert into audit (sequence, at, who, event, detail, hash)"
           " values (:sequence, :at, :who, :event, :detail, :hash)",
        soci::use(sequence), soci::use(record.at), soci::use(record.who), soci::use(record.event),
        soci::use(record.detail), soci::use(record.hash);
  });
}

std::vector<AuditRecord> AuditLog::last(std::size_t count) const {
  return database_.read([&](soci::session& sql) {
    std::vector<AuditRecord> records;
    each(sql, "order by sequence desc limit " + std::to_string(count),
         [&](const AuditRecord& record) {
           records.push_back(record);
           return true;
         });
    std::reverse(records.begin(), records.end());
    return records;
  });
}

std::int64_t AuditLog::first_broken() const {
  return database_.read([](soci::session& sql) {
    std::int64_t broken = 0;
    std::int64_t expected = 1;
    std::string previous = before_first();
    each(sql, "order by sequence", [&](const AuditRecord& record) {
      if (record.sequence != expected || record.hash != hash_of(previous, record))
        broken = record.sequence;
      ++expected;
      previous = record.hash;
      return broken == 0;
    });
    return broken;
  });
}

}  // namespace ringfence::core
