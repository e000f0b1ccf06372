// The real program, and a daemon that the test plays.
#pragma once

#include <future>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "core/net/rpc.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::shell::test {

/// answer_program is the daemon; it keeps back a second report on a job until `gate` opens.
boost::json::value answer_program(const std::shared_future<void>& gate, std::string_view method,
                                  const boost::json::object& request);

struct Ran {
  int status = -1;
  std::string output;
};

class ProgramTest : public testing::Test {
 protected:
  /// run runs a shell command line in which $RF is the program with its socket.
  Ran run(const std::string& command);

  /// dialogue runs an expect script that has spawned the program on a terminal of 24 rows.
  Ran dialogue(const std::string& script);

  ::ringfence::test::TemporaryFolder folder_;
  std::filesystem::path socket_ = folder_ / "admin.sock";
  std::promise<void> open_gate_;
  std::shared_future<void> gate_{open_gate_.get_future()};
  core::RpcServer server_{socket_, [gate = gate_](const core::Caller&, std::string_view method,
                                                  const boost::json::object& request) {
                            return answer_program(gate, method, request);
                          }};
};

}  // namespace ringfence::shell::test
