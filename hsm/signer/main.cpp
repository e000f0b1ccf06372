// ringfence-signer: the only process that loads the PKCS#11 module. Options and wiring only.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/dumps.h"
#include "core/base/log_file.h"
#include "hsm/error.h"
#include "hsm/signer/config.h"
#include "hsm/signer/server.h"
#include "hsm/signer/state.h"

int main(int argc, char** argv) {
  using namespace ringfence::hsm;
  CLI::App app("signs with the keys of a PKCS#11 token for the other Ringfence processes");
  std::string state;
  app.add_option("--state", state, "state folder: ringfence.toml, hsm/, run/signer/")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    ringfence::core::forbid_dumps();
    const Config config = load_config(state);
    ringfence::core::keep_log_within(config.state / "log" / "signer.log",
                                     ringfence::core::log_share(config.log_megabytes));
    const Fd lock = enter_state(config);
    Server server(config);
    server.run();
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "ringfence-signer: {}\n", error.what());
    return error.kind() == Kind::pin ? 3 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ringfence-signer: {}\n", error.what());
    return 1;
  }
}
