#include "core/base/wipe.h"

#include <string.h>

namespace ringfence::core {

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());  // within its capacity: it does not move
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

[[gnu::noinline]] void scrub_stack() noexcept {
  char below[256 * 1024];  // rpc_line alone reads into 64 KiB
  ::explicit_bzero(below, sizeof below);
}

}  // namespace ringfence::core
