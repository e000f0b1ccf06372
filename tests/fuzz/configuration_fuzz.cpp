// ringfence.toml from anywhere: a configuration within its bounds, or one Error that names the
// file.
#include <cstdlib>
#include <fstream>

#include "core/base/error.h"
#include "core/config/config.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace ringfence;

void check(const core::Config& config) {
  const core::Ports& ports = config.ports();
  for (const std::uint16_t port : {ports.tftp, ports.http, ports.https, ports.https_mutual,
                                   ports.capf, ports.tvs, ports.sip, ports.sips})
    if (port == 0) std::abort();
  if (config.listen().empty() || config.advertise().empty() || config.node().host.empty())
    std::abort();
  if (config.log_bounds().bytes == 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TemporaryFolder folder;
  std::ofstream(folder / "ringfence.toml", std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    check(core::Config::load(folder.path()));
  } catch (const core::Error& error) {
    if (std::string_view(error.what()).find("ringfence.toml") == std::string_view::npos)
      std::abort();
  }
  return 0;
}
