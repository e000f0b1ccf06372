// A process's line to ringfence-signer: one connection, many requests in flight.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/status.h"
#include "hsm/wire.h"

namespace ringfence::hsm {

/// Deadlines bound how long a call may wait for its answer.
struct Deadlines {
  std::chrono::milliseconds request{10'000};
  /// generate and destroy, which wait for each other; unlock
  std::chrono::milliseconds key_operation{120'000};
};

/// SignerClient asks the signer over the unix socket of one role.
///
/// Connects at the first call and reconnects once when the connection was lost; a lost generate or
/// destroy is not repeated, for it may have happened. All calls block for one round trip, throw
/// Error, and are safe from several threads: their requests share the connection and are answered
/// as they get ready.
class SignerClient {
 public:
  explicit SignerClient(std::filesystem::path socket, Deadlines deadlines = {});
  SignerClient(const SignerClient&) = delete;
  SignerClient& operator=(const SignerClient&) = delete;
  ~SignerClient();

  Bytes sign(const SignRequest& request);
  /// public_key returns the SubjectPublicKeyInfo DER.
  Bytes public_key(const KeyRef& ref);
  /// list returns the key pairs this role may see.
  std::vector<KeyInfo> list();
  KeyRef generate(const std::string& label, const KeySpec& spec);
  void destroy(const KeyRef& ref);
  /// unlock brings the PIN that an administrator typed to a locked signer: Error{pin} when the
  /// token refuses it, Error{request} when the signer is not locked.
  void unlock(BytesView pin);
  Status status();

  /// close fails the calls that wait, and all that come, with Error{unavailable}: for a process
  /// that stops while the signer hangs.
  void close() noexcept;

 private:
  class Connection;

  Bytes call(const wire::Operation& operation);
  std::shared_ptr<Connection> connection();
  void forget(const std::shared_ptr<Connection>& connection);

  const std::filesystem::path socket_;
  const Deadlines deadlines_;
  std::mutex mutex_;  ///< guards what follows
  bool closed_ = false;
  std::shared_ptr<Connection> connection_;
};

}  // namespace ringfence::hsm
