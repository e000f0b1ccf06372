// ringfence-signer: the only process that loads the PKCS#11 module. Options and wiring only.
#include <fmt/format.h>

#include "core/base/daemon_arguments.h"
#include "core/base/dumps.h"
#include "core/base/log_file.h"
#include "hsm/error.h"
#include "hsm/signer/config.h"
#include "hsm/signer/server.h"
#include "hsm/signer/state.h"

int main(int argc, char** argv) {
  using namespace ringfence::hsm;
  const ringfence::core::DaemonArguments arguments =
      ringfence::core::read_arguments(argc, argv, "ringfence-signer");
  if (!arguments.state) return arguments.status;
  try {
    ringfence::core::forbid_dumps();
    const Config config = load_config(*arguments.state);
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
