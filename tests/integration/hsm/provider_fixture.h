// A signer with an RSA and an EC key, and the provider over it.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/integration/hsm/support.h"

namespace ringfence::hsm::test {

/// One signer with an RSA and an EC key serves all these tests: they only sign.
class ProviderTest : public testing::Test {
 protected:
  struct House {
    TemporaryFolder folder;
    SignerProcess signer{folder.path()};
    SignerClient client{signer.socket("admin")};
    KeyRef rsa = client.generate("CAPF", {KeyAlgorithm::rsa, 2048});
    KeyRef ec = client.generate("CallManager-ECDSA", {KeyAlgorithm::ec, 384});
    Provider provider{client};
  };

  static void SetUpTestSuite() { house_ = new House; }

  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static House& house() { return *house_; }

  static std::string file(const std::string& name) { return (house_->folder / name).string(); }

 private:
  static inline House* house_ = nullptr;
};

}  // namespace ringfence::hsm::test
