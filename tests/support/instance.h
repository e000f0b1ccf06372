// A whole Ringfence in a temporary folder, driven as its users drive it: appliance/run and sh.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// Instance owns a state folder and a free port offset; it is stopped at the end.
class Instance {
 public:
  Instance();
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// start runs `appliance/run --detach` with the binaries of this build.
  Result start();
  Result stop();
  /// run_appliance runs `appliance/run --state … words…` as it is.
  Result run_appliance(const std::vector<std::string>& words, const std::string& input = "");

  /// sh runs one command in the admin shell; `input` answers its questions.
  Result sh(const std::string& words, const std::string& input = "");
  /// json runs `appliance/sh --yes --json words…`; throws std::runtime_error unless it succeeds.
  boost::json::object json(const std::string& words);

  /// processes returns the ids of `ringfence-<daemon> --state <this folder>` that run now, of every
  /// daemon when none is named. The signer has several: itself and its workers.
  std::vector<int> processes(const std::string& daemon = "") const;

  const std::filesystem::path& state() const noexcept { return folder_.path(); }

  std::uint16_t port_offset() const noexcept { return port_offset_; }

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
  std::uint16_t port_offset_;
};

/// free_port_offset returns an offset under which every port of a Ringfence is free now.
std::uint16_t free_port_offset();

}  // namespace ringfence::test
