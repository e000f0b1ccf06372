// A signer with keys, and OpenSSL's own programs that reach them through ringfence.so.
#pragma once

#include <sys/types.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/integration/hsm/support.h"

namespace ringfence::hsm::test {

/// How a program finds ringfence.so.
enum class Loading {
  command_line,
  command_line_ours_first,
  configuration,
  configuration_ours_first
};

/// name returns a word for a test's name.
std::string name(Loading loading);

/// OpensslHouse is one signer with two versions of an RSA key and two EC keys; openssl programs
/// run in its folder.
class OpensslHouse {
 public:
  OpensslHouse();

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }

  const std::filesystem::path& folder() const noexcept { return folder_.path(); }

  SignerProcess& signer() noexcept { return signer_; }

  SignerClient& client() noexcept { return client_; }

  std::string socket() const { return signer_.socket("admin").string(); }

  /// openssl runs `openssl <command> <what loads the module> <rest>` for at most 60 s. `rest` may
  /// end in a pipe or a redirection.
  CommandResult openssl(Loading loading, const std::string& command, const std::string& rest) const;

  /// line returns that command line, for another shell to run.
  std::string line(Loading loading, const std::string& command, const std::string& rest) const;

  /// program returns a command line of a program that finds the module by openssl.cnf.
  std::string program(Loading loading, const std::string& command) const;

  /// certificate makes a self-signed certificate for 127.0.0.1 and returns its file's name.
  std::string certificate(const std::string& label) const;

  const KeyRef& rsa() const noexcept { return rsa_; }

  const KeyRef& p384() const noexcept { return p384_; }

  const KeyRef& p256() const noexcept { return p256_; }

 private:
  std::string environment(Loading loading) const;

  TemporaryFolder folder_;
  SignerProcess signer_{folder_.path()};
  SignerClient client_{signer_.socket("admin")};
  const KeyRef rsa_old_ = client_.generate("CAPF", {KeyAlgorithm::rsa, 2048});
  const KeyRef rsa_ = client_.generate("CAPF", {KeyAlgorithm::rsa, 2048});
  const KeyRef p384_ = client_.generate("CallManager-ECDSA", {KeyAlgorithm::ec, 384});
  const KeyRef p256_ = client_.generate("TVS", {KeyAlgorithm::ec, 256});
};

/// HouseTest shares one house among the tests of a suite: they only sign.
class HouseTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = new OpensslHouse; }

  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static OpensslHouse& house() { return *house_; }

 private:
  static inline OpensslHouse* house_ = nullptr;
};

/// Background is a program that runs beside the test and ends, by its pid, with it.
class Background {
 public:
  /// Starts a command line with its standard input empty; its outputs are read as one. It must
  /// exec what runs long, so that the shell's pid is that program's.
  explicit Background(const std::string& command);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  /// wait_for reads until `text` was printed and returns all that was, up to the end of its line.
  /// Throws std::runtime_error with what was printed when the program ends or 30 s pass.
  std::string wait_for(const std::string& text);

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

/// preload returns "LD_PRELOAD=… " with the sanitizer that this test was built with, or nothing:
/// a sanitized ringfence.so needs its runtime in a program that was built without.
std::string preload();

}  // namespace ringfence::hsm::test
