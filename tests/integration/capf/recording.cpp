// Conversations kept as seeds for tests/fuzz.
#include "tests/integration/capf/recording.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace ringfence::test {
namespace {

void write(const std::filesystem::path& path, const core::Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  core::write_atomically(path, bytes);
}

void write_sized(core::Writer& writer, const core::Bytes& bytes) {
  writer.u16(static_cast<std::uint16_t>(bytes.size())).bytes(bytes);
}

/// setting_bytes is what tests/fuzz/capf_session_fuzz.cpp reads before the messages.
core::Bytes setting_bytes(const Setting& setting) {
  const core::CapfSettings& capf = setting.phone.capf;
  const int offline = setting.issuer == core::LscIssuer::offline_ca ? 1 : 0;
  core::Writer writer;
  writer.u8(static_cast<std::uint8_t>(static_cast<int>(capf.operation) |
                                      static_cast<int>(capf.auth_mode) << 2 |
                                      static_cast<int>(capf.key_order) << 4 | offline << 6));
  writer.u16(static_cast<std::uint16_t>(capf.rsa_bits));
  writer.u16(static_cast<std::uint16_t>(capf.ec_bits));
  writer.u32(static_cast<std::uint32_t>(core::to_seconds(setting.now)));
  writer.u8(static_cast<std::uint8_t>(setting.phone.name.size())).text(setting.phone.name);
  write_sized(writer, setting.held);
  write_sized(writer, setting.imported);
  writer.u8(static_cast<std::uint8_t>(setting.trusted.size()));
  for (const core::Bytes& certificate : setting.trusted) write_sized(writer, certificate);
  return writer.take();
}

}  // namespace

void record(const std::string& name, const Setting& setting, const MiniPhone& phone) {
  const char* folder = std::getenv("RINGFENCE_RECORD");
  if (folder == nullptr) return;
  const std::filesystem::path top(folder);
  core::Bytes seed = setting_bytes(setting);
  for (const core::Bytes& message : phone.said()) seed = std::move(seed) + message;
  write(top / "capf_session" / name, seed);
  for (std::size_t i = 0; i < phone.said().size(); ++i) {
    write(top / "capf_protocol" / fmt::format("{}_phone_{}", name, i), phone.said()[i]);
  }
  for (std::size_t i = 0; i < phone.heard().size(); ++i) {
    write(top / "capf_protocol" / fmt::format("{}_server_{}", name, i), phone.heard()[i]);
  }
}

}  // namespace ringfence::test
