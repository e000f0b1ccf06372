// SIP messages: read with Sofia-SIP's parser, answered as text. Only sip.cpp includes Sofia.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/callmanager/protocol.h"

namespace ringfence::services::callmanager {

/// kLongestMessage is how long a SIP message may be, with its body.
inline constexpr std::size_t kLongestMessage = 16 * 1024;

/// random_word returns 16 digits that nobody can guess, for branches, tags and Call-IDs.
std::string random_word();

/// SipMessage is one request or response. It has no sockets and keeps no state: what a message
/// says can be answered, and nothing of it decides where the answer goes but the port of its Via.
class SipMessage {
 public:
  enum class Kind {
    nonsense,  ///< no SIP, or a request without a Via: nobody could take an answer to it for his
    flawed,    ///< a request that can be answered and must be refused with 400
    request,
    response
  };

  /// `text` is a whole message of at most kLongestMessage bytes.
  explicit SipMessage(std::string_view text);
  ~SipMessage();
  SipMessage(SipMessage&&) noexcept;
  SipMessage& operator=(SipMessage&&) noexcept;

  Kind kind() const noexcept { return kind_; }

  std::size_t size() const noexcept { return size_; }

  std::string method() const;                ///< of a request, or of a response's CSeq
  int status() const;                        ///< of a response
  std::string branch() const;                ///< of the first Via
  SentBy sent_by() const;                    ///< of the first Via
  std::string event() const;                 ///< the Event header's package, or empty
  std::vector<std::string> reasons() const;  ///< Reason headers, at most four
  std::string content_type() const;          ///< with its parameters, or empty
  std::string body() const;

  /// registration returns what a registrar cares for; `transport` and `peer` are the caller's.
  /// Contacts after the ninth are left out (check_register refuses nine).
  Register registration(std::string transport, std::string peer) const;

  /// question returns an OPTIONS to `target` ("address:port") within what this request began: its
  /// Call-ID, and From and To turned round; nothing for a request whose From has no tag. A phone
  /// that did not send the request knows no such dialog and says 481; one that did says 2xx, or
  /// 481 as well when it is strict, since neither REGISTER nor REFER alone makes a dialog. `branch`
  /// cannot be guessed. Source: RFC 3261 sections 11 and 12.2.2.
  std::string question(std::string_view target, std::string_view own_address,
                       std::string_view branch) const;

  /// answer returns a whole response: the request's Vias (the first with `received` and, where it
  /// was asked for, `rport` of `peer`), From, To with a tag, Call-ID and CSeq, then `headers`
  /// (lines that end in CR LF). Source: RFC 3261 sections 8.2.6 and 18.2.1, RFC 3581 section 4.
  std::string answer(int status, std::string_view reason, std::string_view peer,
                     std::string_view headers = {}) const;

 private:
  struct Parsed;

  std::unique_ptr<Parsed> parsed_;
  std::size_t size_ = 0;
  Kind kind_ = Kind::nonsense;
};

}  // namespace ringfence::services::callmanager
