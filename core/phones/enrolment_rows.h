// The tables of CAPF's journal: for the stores that read and write it.
#pragma once

#include <string_view>
#include <tuple>

#include "core/phones/enrolment_store.h"
#include "core/storage/table.h"

namespace ringfence::core {

/// What a phone said that it holds, and the order that has the last of it first.
inline constexpr std::string_view kHeld = "held_sequence is not null and deleted_at is null";
inline constexpr std::string_view kLastHeldFirst = "held_sequence desc";

/// What was issued and never confirmed; behind it, that nothing can confirm it any more: an
/// imported certificate waits in its CSR, one that just left is being stored.
inline constexpr std::string_view kUnconfirmed = "confirmed_at is null and cleared_at is null";
inline constexpr std::string_view kNotUnderWay =
    " and (issued_at <= :latest or issued_at > :now)"  // the clock was set back: it is no news
    " and serial not in (select serial from csr where serial is not null)";

template <>
struct FromWord<Operation> {
  static Operation read(std::string_view text) { return operation_from(text); }
};

template <>
struct FromWord<OperationStatus> {
  static OperationStatus read(std::string_view text) { return operation_status_from(text); }
};

template <>
struct Table<IssuedCertificate> {
  using Row = IssuedCertificate;
  static constexpr std::string_view name = "issued";
  static constexpr auto columns = std::tuple(
      Column("phone", &Row::phone), Column("request", &Row::request),
      Column("serial", &Row::serial), Column("subject", &Row::subject),
      Column("issuer", &Row::issuer), Column("der", &Row::der), Column("key", &Row::key),
      Column("not_after", &Row::not_after), Column("issued_at", &Row::issued_at),
      Column("delivered_at", &Row::delivered_at), Column("confirmed_at", &Row::confirmed_at),
      Column("deleted_at", &Row::deleted_at), Column("cleared_at", &Row::cleared_at),
      Column("missing_at", &Row::missing_at), Column("sequence", &Row::sequence),
      Column("key_hash", &Row::key_hash), Column("peer", &Row::peer),
      Column("elsewhere", &Row::elsewhere), Column("proof", &Row::proof));
};

template <>
struct Table<Outcome> {
  using Row = Outcome;
  static constexpr std::string_view name = "outcome";
  static constexpr auto columns =
      std::tuple(Column("phone", &Row::phone), Column("request", &Row::request),
                 Column("operation", &Row::operation), Column("status", &Row::status),
                 Column("at", &Row::at), Column("peer", &Row::peer));
};

template <>
struct Table<PendingCsr> {
  using Row = PendingCsr;
  static constexpr std::string_view name = "csr";
  static constexpr auto columns =
      std::tuple(Column("phone", &Row::phone), Column("request", &Row::request),
                 Column("spki", &Row::spki), Column("key", &Row::key), Column("model", &Row::model),
                 Column("peer", &Row::peer), Column("proof", &Row::proof),
                 Column("created", &Row::created), Column("serial", &Row::serial));
};

template <>
struct Table<CapfEvent> {
  using Row = CapfEvent;
  static constexpr std::string_view name = "event";
  static constexpr auto columns =
      std::tuple(Column("id", &Row::id), Column("at", &Row::at), Column("phone", &Row::phone),
                 Column("peer", &Row::peer), Column("kind", &Row::kind),
                 Column("detail", &Row::detail), Column("request", &Row::request));
};

}  // namespace ringfence::core
