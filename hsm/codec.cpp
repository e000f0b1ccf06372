#include "hsm/codec.h"

#include <fmt/format.h>

namespace ringfence::hsm::wire {

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

bool In::flag(std::string_view what) {
  const std::uint8_t value = u8(what);
  if (value > 1) throw Error(Kind::request, fmt::format("{} must be 0 or 1", what));
  return value == 1;
}

BytesView In::bytes(std::size_t max, std::string_view what) {
  const std::size_t size = u16(what);
  if (size > max) throw Error(Kind::request, fmt::format("{} is longer than {}", what, max));
  return take(size, what);
}

BytesView In::long_bytes(std::size_t max, std::string_view what) {
  const std::size_t size = u32(what);
  if (size > max) throw Error(Kind::request, fmt::format("{} is longer than {}", what, max));
  return take(size, what);
}

std::string In::text(std::size_t max, std::string_view what) {
  const BytesView view = bytes(max, what);
  return {view.begin(), view.end()};
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
  if (!rest_.empty()) throw Error(Kind::request, fmt::format("{} bytes too many", rest_.size()));
}

BytesView In::take(std::size_t size, std::string_view what) {
  if (rest_.size() < size) throw Error(Kind::request, fmt::format("{} is truncated", what));
  const BytesView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint64_t In::number(std::size_t size, std::string_view what) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : take(size, what)) value = value << 8 | byte;
  return value;
}

}  // namespace ringfence::hsm::wire
