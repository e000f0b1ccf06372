#include "services/tftp/target.h"

namespace ringfence::services::tftp {
namespace {

constexpr std::size_t kMaxTargetBytes = 512;

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> file_in_target(std::string_view target) {
  if (target.size() > kMaxTargetBytes || !target.starts_with('/')) return std::nullopt;
  target = target.substr(1, target.find('?') - 1);
  std::string name;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      name += target[i];
      continue;
    }
    if (i + 2 >= target.size()) return std::nullopt;
    const auto high = digit(target[i + 1]);
    const auto low = digit(target[i + 2]);
    if (!high || !low) return std::nullopt;
    name += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return name;
}

}  // namespace ringfence::services::tftp
