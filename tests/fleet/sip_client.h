// A phone's registration: REGISTER, its refresh, and answering NOTIFY.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/net/asio.h"
#include "tests/fleet/sip_link.h"
#include "tests/fleet/sip_notify.h"

namespace ringfence::fleet {

/// SipClient is one phone's user agent. Everything happens on the phone's strand.
class SipClient {
 public:
  /// `obey` is called after a NOTIFY was answered 200, with its action.
  SipClient(core::asio::any_io_executor strand, std::string name, std::function<void(Action)> obey);
  SipClient(const SipClient&) = delete;
  SipClient& operator=(const SipClient&) = delete;

  /// connect takes a new link to `registrar` (an address) and makes a new Call-ID, as every boot.
  void connect(std::unique_ptr<SipLink> link, std::string registrar);

  /// say_itl makes the next REGISTER carry an alarm with the SHA-1 of the ITL that the phone holds,
  /// as phones of release 14 send it; "" for none.
  void say_itl(std::string sha1) { itl_sha1_ = std::move(sha1); }

  /// say_why is what the REGISTERs to come say in their Reason header: the alarm's number and the
  /// phone's word for it, "Reset-Restart".
  void say_why(int cause, std::string last);

  /// hang_up drops link and Call-ID: the phone is silent from now on.
  void hang_up();

  /// register_for sends REGISTER and returns the lifetime the registrar granted; 0 s unregisters.
  ///
  /// Over UDP the request is sent again as RFC 3261 section 17.1.2 says, until `limit`.
  /// Throws core::Error: `io` for silence, `refused` for any answer but 200.
  core::Task<std::chrono::seconds> register_for(std::chrono::seconds lifetime,
                                                std::chrono::milliseconds limit);

  /// receive takes a message of the link.
  void receive(SipMessage message);

  const std::string& call_id() const noexcept { return call_id_; }

 private:
  std::string register_text(std::chrono::seconds lifetime, const std::string& branch) const;
  core::Task<SipMessage> transact(std::string text, std::string branch,
                                  std::chrono::milliseconds limit);
  void answer(const SipMessage& request);

  core::asio::any_io_executor strand_;
  std::string name_;
  std::function<void(Action)> obey_;
  std::unique_ptr<SipLink> link_;
  std::string registrar_;
  std::string call_id_;
  std::string tag_;
  std::uint32_t cseq_ = 0;
  std::string itl_sha1_;  ///< to be told in an alarm, or ""
  int cause_ = 25;
  std::string last_ = "Initialized";

  core::asio::steady_timer answered_;  ///< wakes the transaction under way
  std::string branch_;                 ///< of that transaction, else empty
  std::optional<SipMessage> response_;

  std::string last_request_;  ///< Call-ID, CSeq and branch of the NOTIFY answered last …
  std::string last_answer_;   ///< … and the answer, sent again when it comes again
};

}  // namespace ringfence::fleet
