// One CAPF conversation as a state machine: messages in, messages and durable facts out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "services/capf/authentication.h"
#include "services/capf/ca_failures.h"
#include "services/capf/evidence.h"
#include "services/capf/issuer.h"
#include "services/capf/issuing.h"
#include "services/capf/protocol.h"
#include "services/capf/records.h"
#include "services/capf/roster.h"
#include "services/capf/throttle.h"

namespace ringfence::services::capf {

/// Patience is how long a session waits, and how long it tells a phone to wait.
struct Patience {
  std::chrono::seconds message{30};
  std::chrono::seconds key = std::chrono::minutes(35);   ///< since the last REQUEST IN PROGRESS
  std::chrono::seconds store = std::chrono::minutes(2);  ///< in all, for storing a certificate
  std::chrono::seconds session = std::chrono::hours(3);
  /// A phone is told to come back after this and up to as much again, so that they do not all
  /// return at once.
  std::chrono::seconds retry{30};
};

/// Turn is what to do next: send a message, if any, then wait for the next one or close.
struct Turn {
  std::optional<Message> send;
  std::optional<std::chrono::seconds> wait;  ///< absent: the session is over
};

/// Session is one phone's conversation. It knows no socket: who drives it calls `open` once, then
/// `feed` for each message, `sent` after each message it asked for has left, and one of
/// `reject` and `lost` when the conversation cannot go on.
///
/// The order of writing and sending is the promise: a certificate is recorded as issued before the
/// turn that carries it is returned, as delivered by `sent`, and as confirmed before the turn with
/// END SESSION is returned. Calls block on Records and Issuer; one at a time, from any thread.
class Session {
 public:
  /// Parts must outlive the session.
  struct Parts {
    Records& records;
    Issuer& issuer;
    Roster& roster;
    Throttle& throttle;
    CaFailures& ca_failures;
    const core::Clock& clock;
    Patience patience;
  };

  /// `peer` is "address:port" (core::peer_text).
  Session(std::uint32_t id, std::string peer, const Parts& parts);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  Turn open();
  Turn feed(const Message& message);
  void sent();

  /// reject ends the session after bytes that were no message.
  Turn reject(const core::Error& error);

  /// Loss is how a connection ended before the session did: by the phone's doing, by its silence,
  /// or by this server's: it stops, or gave the place to another phone.
  enum class Loss { closed, timeout, stopped, displaced };

  /// lost records what the operation came to when the phone had been asked for its part: "Phone
  /// Communication Failure", or "Key Generation Failed/Timeout" when its patience for the key was
  /// used up. What this server did leaves the operation pending.
  void lost(Loss loss) noexcept;

  std::uint32_t id() const noexcept { return id_; }

  /// at_work tells that the phone has said who it is and works on what it was asked for.
  bool at_work() const noexcept;

 private:
  /// State is what the phone was last asked for; from `key` on it is at work.
  enum class State { fresh, auth, key, store, remove, fetch_lsc, fetch_mic, over };

  Turn step(const Message& message);
  Turn on_auth(const AuthResponse& response);
  Turn on_key(const KeyGenerateResponse& response);
  Turn on_store(const StoreResponse& response);
  Turn on_remove(const DeleteResponse& response);
  Turn on_fetch(const FetchResponse& response);

  Turn unproven(std::string what);
  void believe_what_was_shown();
  Turn nothing_to_do();
  std::optional<Turn> refuse_request();
  std::optional<Turn> refuse_identity(const AuthResponse& response);
  Turn begin();
  Turn go_on(Issuing::Next next);
  Turn store(core::IssuedCertificate certificate);
  Issuing issuing();

  Turn ask(State state, Message message);
  Turn stay();
  Turn end(Reason reason);
  Turn fail(core::OperationStatus status, Reason reason);
  Turn break_off(Loss loss, const std::string& why, Reason reason);
  void record_loss(Loss loss, const std::string& why);
  Turn retry(std::chrono::seconds delay);
  Turn retry(const std::string& why);
  std::chrono::seconds spread() const;
  static std::string_view task_of(State state) noexcept;
  void leave();
  void finish(core::OperationStatus status);
  const Place& place();
  void look_again();
  void look_if_possible();

  const std::uint32_t id_;
  const std::string peer_;
  const std::string address_;  ///< of peer_
  const Parts parts_;
  State state_ = State::fresh;
  core::Time deadline_;  ///< whatever the phone says, it ends then
  core::Phone phone_;    ///< as read when the device was last judged; its name is empty before
  AuthType asked_ = AuthType::none;  ///< how to authenticate
  std::uint8_t version_ = kVersion;
  core::Bytes serial_;     ///< of the certificate under way
  core::Bytes shown_lsc_;  ///< what it showed as its LSC, DER
  core::Bytes shown_mic_;
  std::optional<Place> place_;  ///< see place()
  Witness witness_;
};

}  // namespace ringfence::services::capf
