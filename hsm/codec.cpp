#include "hsm/codec.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::hsm::wire {
namespace {

/// as_ours says a field that is truncated as an Error of hsm.
template <typename Read>
auto as_ours(Read read) {
  try {
    return read();
  } catch (const core::Error& error) {
    throw Error(Kind::request, error.what());
  }
}

}  // namespace

Out& Out::token_facts(const TokenFacts& token) {
  for (const std::string* field : {&token.library, &token.label, &token.manufacturer, &token.model,
                                   &token.serial, &token.hardware, &token.firmware})
    text(*field);
  u16(token.slots.size());
  for (const TokenFacts::Slot& slot : token.slots)
    u64(slot.id).text(slot.description).text(slot.token).code(slot.used);
  return *this;
}

TokenFacts In::token_facts() {
  TokenFacts token;
  for (std::string* field : {&token.library, &token.label, &token.manufacturer, &token.model,
                             &token.serial, &token.hardware, &token.firmware})
    *field = text(kMaxText, "token");
  for (std::size_t left = u16("slots"); left > 0; --left) {
    TokenFacts::Slot& slot = token.slots.emplace_back();
    slot.id = u64("slot id");
    slot.description = text(kMaxText, "slot");
    slot.token = text(kMaxText, "slot's token");
    slot.used = flag("slot used");
  }
  return token;
}

std::uint8_t In::u8(std::string_view what) {
  return as_ours([&] { return reader_.u8(what); });
}

std::uint16_t In::u16(std::string_view what) {
  return as_ours([&] { return reader_.u16(what); });
}

std::uint32_t In::u32(std::string_view what) {
  return as_ours([&] { return reader_.u32(what); });
}

std::uint64_t In::u64(std::string_view what) {
  const std::uint64_t high = u32(what);
  return high << 32U | u32(what);
}

bool In::flag(std::string_view what) {
  const std::uint8_t value = u8(what);
  if (value > 1) throw Error(Kind::request, fmt::format("{} must be 0 or 1", what));
  return value == 1;
}

BytesView In::bytes(std::size_t max, std::string_view what) {
  return counted(u16(what), max, what);
}

BytesView In::long_bytes(std::size_t max, std::string_view what) {
  return counted(u32(what), max, what);
}

BytesView In::counted(std::size_t size, std::size_t max, std::string_view what) {
  if (size > max) throw Error(Kind::request, fmt::format("{} is longer than {}", what, max));
  return as_ours([&] { return reader_.take(size, what); });
}

std::string In::text(std::size_t max, std::string_view what) {
  return core::text_of(bytes(max, what));
}

std::string In::label() {
  std::string label = text(kMaxLabel, "key label");
  if (!is_label(label))
    throw Error(Kind::request, "key label must be 1 to 64 of A-Z a-z 0-9 . _ -");
  return label;
}

KeyRef In::key() {
  KeyRef ref;
  ref.label = label();
  ref.version = u32("key version");
  return ref;
}

KeySpec In::spec() {
  const std::uint8_t algorithm = u8("key algorithm");
  const std::uint16_t bits = u16("key bits");
  if (algorithm != 1 && algorithm != 2)
    throw Error(Kind::request, "key algorithm must be 1 (RSA) or 2 (EC)");
  return {static_cast<KeyAlgorithm>(algorithm), bits};
}

Hash In::hash(std::string_view what) {
  const std::uint8_t value = u8(what);
  if (value > static_cast<std::uint8_t>(Hash::sha512))
    throw Error(Kind::request, fmt::format("{} must be 0 to 6", what));
  return static_cast<Hash>(value);
}

void In::end() const {
  if (!reader_.empty())
    throw Error(Kind::request, fmt::format("{} bytes too many", reader_.left()));
}

}  // namespace ringfence::hsm::wire
