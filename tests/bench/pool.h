// ringfence-signer and the two ways to sign through it: its socket, and X509_sign.
#pragma once

#include <filesystem>
#include <map>

#include "hsm/client.h"
#include "hsm/provider/provider.h"
#include "tests/bench/measured.h"
#include "tests/bench/processor.h"
#include "tests/support/signer_process.h"

namespace ringfence::bench {

/// Pool is a real signer on a fresh token with the keys of kKeys, and one client of it that all
/// callers of this process share, as in a daemon.
class Pool {
 public:
  /// Throws std::runtime_error when the signer does not get ready, hsm::Error when it refuses.
  explicit Pool(const std::filesystem::path& folder);

  /// sign makes SignerClient::sign of a digest.
  MakeWork sign(const MeasuredKey& key);

  /// x509_sign makes X509_sign of a small certificate through our provider.
  MakeWork x509_sign(const MeasuredKey& key);

  /// parent_time and workers_time are what the signer's processes have used of the processors.
  Seconds parent_time() const { return processor_time(signer_.pid()); }

  Seconds workers_time() const;

 private:
  test::SignerProcess signer_;
  hsm::SignerClient client_;
  hsm::Provider provider_;
  std::map<const MeasuredKey*, hsm::KeyRef> refs_;
  std::map<const MeasuredKey*, hsm::KeyHandle> keys_;
};

}  // namespace ringfence::bench
