// A node of one thread for the simulator's own tests: serves files over TFTP and HTTP and answers
// REGISTER, all on free ports of loopback.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::fleet::test {

/// TestNode lives from construction to destruction. Its calls may come from any thread.
class TestNode {
 public:
  TestNode();
  ~TestNode();
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  /// offset is the port offset at which TFTP, HTTP and SIP were free.
  std::uint16_t offset() const;
  std::uint16_t sip_port() const;

  /// put serves a file from now on.
  void put(const std::string& name, core::Bytes file);

  /// asked returns the names of the files asked for, in order.
  std::vector<std::string> asked() const;

  /// registers returns the REGISTERs that came over UDP, in order, each a whole text.
  std::vector<std::string> registers() const;

  /// reset sends NOTIFY action=`action` to the contact of the last REGISTER of that device.
  void notify(const std::string& device, const std::string& action);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringfence::fleet::test
