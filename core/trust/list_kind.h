// The two kinds of trust list.
#pragma once

#include <string>
#include <string_view>

namespace ringfence::core {

enum class ListKind { itl, ctl };

/// name returns "ITL" or "CTL": the word on screens and in rows, and what files begin with.
constexpr std::string_view name(ListKind kind) noexcept {
  return kind == ListKind::itl ? "ITL" : "CTL";
}

/// file_name_of returns "ITLFile.tlv" or "CTLFile.tlv".
inline std::string file_name_of(ListKind kind) {
  return std::string(name(kind)) + "File.tlv";
}

}  // namespace ringfence::core
