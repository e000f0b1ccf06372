// The TFTP servers that are set side by side, each a process of its own on the same files.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace ringfence::bench {

/// ServerProcess is a program that serves TFTP; its end ends the program.
class ServerProcess {
 public:
  /// Starts `words`; what it prints goes to `log`. Throws std::runtime_error when it cannot.
  ServerProcess(const std::vector<std::string>& words, const sockaddr_in& endpoint,
                const std::filesystem::path& log);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  const sockaddr_in& endpoint() const noexcept { return endpoint_; }

  pid_t pid() const noexcept { return pid_; }

 private:
  sockaddr_in endpoint_;
  pid_t pid_ = 0;
};

/// used returns the processor time, user and system, of a process, its threads, and its children
/// that have ended (in.tftpd has one a transfer).
std::chrono::duration<double> used(pid_t pid);

/// on_loopback is 127.0.0.1 and a port.
sockaddr_in on_loopback(std::uint16_t port);

/// free_port returns a UDP port of 127.0.0.1 that nobody has.
std::uint16_t free_port();

/// missing returns why a rival cannot be started here, "" when it can.
std::string missing(const std::string& program, const std::string& package);

/// dnsmasq and tftpd_hpa return the words that start a server of `folder`. dnsmasq knows port 69
/// alone: it gets an address of its own in 127.0.0.0/8.
std::vector<std::string> dnsmasq(const std::filesystem::path& folder, const sockaddr_in& endpoint);
std::vector<std::string> tftpd_hpa(const std::filesystem::path& folder,
                                   const sockaddr_in& endpoint);

/// an_address_for_dnsmasq is such an address, and port 69.
sockaddr_in an_address_for_dnsmasq();

}  // namespace ringfence::bench
