// How much kernel memory a TCP connection may hold.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/net/asio.h"
#include "core/net/occupancy.h"

namespace ringfence::core {

/// buffer_bytes returns how much a connection may keep in the kernel for each direction: 64 KiB for
/// the first 32 of an address and while there are 512 in all, less for each further one, and never
/// less than 4 KiB. So an address with 1,024 connections holds some 10 MiB each way, and 4,096
/// connections of whomever 100 MiB. The kernel's own administration doubles each number
/// (SO_SNDBUF in socket(7)); without a bound it lets a connection grow to 4 MiB.
std::size_t buffer_bytes(const Crowd& crowd);

/// bound_buffers gives `socket` so much; a listening one hands it on to those that it accepts, so
/// that also the first window is true.
void bound_buffers(tcp::socket& socket, const Crowd& crowd) noexcept;
void bound_buffers(tcp::acceptor& acceptor) noexcept;

/// end_when_stuck has the kernel end a connection whose peer takes nothing of what waits for it for
/// so long, be it gone or only not reading; zero waits as TCP does, for a quarter of an hour.
void end_when_stuck(tcp::socket& socket, std::chrono::milliseconds after) noexcept;

}  // namespace ringfence::core
