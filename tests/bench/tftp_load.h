// TFTP clients for benches: many at once on one thread, the same for whatever server they ask.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"

namespace ringfence::bench {

/// Wish is what each client asks for, and what it must get.
struct Wish {
  std::string file;
  core::BytesView expected;
  std::size_t block_bytes = 512;
  std::size_t window = 0;  ///< 0: does not ask; a server that does not know it sends one by one
};

/// Load is what the clients saw.
struct Load {
  std::uint64_t transfers = 0;  ///< whole ones
  std::uint64_t resends = 0;    ///< of ours, each after a second without an answer
  std::uint64_t repeats = 0;    ///< data that came again or out of turn
  std::uint64_t failures = 0;   ///< wrong bytes, or an error instead of a file
  std::chrono::duration<double> took{};
};

/// load lets `clients` fetch the file again and again, from 127.0.0.1, until `time` is over and all
/// that run then have ended. Throws std::runtime_error when a socket cannot be had
/// or the server answers nobody.
Load load(const sockaddr_in& server, const Wish& wish, std::size_t clients,
          std::chrono::duration<double> time);

}  // namespace ringfence::bench
