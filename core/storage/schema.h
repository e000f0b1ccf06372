// The tables of each database file, as numbered migrations.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/storage/database.h"

namespace ringfence::core {

/// Migration is what leads from one schema version to the next: SQL statements, in order.
using Migration = std::vector<std::string_view>;

/// migrations returns the schema's history; the schema's version is their count.
std::span<const Migration> migrations(Schema schema);

/// application_id marks a file as ours and of this schema in its header.
int application_id(Schema schema) noexcept;

/// name returns "admin", "capf", "callmanager", "tftp", "tvs" or "secrets".
std::string_view name(Schema schema) noexcept;

/// schema_version returns the count of migrations the file has seen.
int schema_version(soci::session& session);

/// migrate applies the migrations that the file has not seen, each in a transaction of its own
/// that also counts up the version. Throws soci::soci_error; then the file is as it was before
/// the migration that failed.
void migrate(soci::session& session, std::span<const Migration> steps);

}  // namespace ringfence::core
