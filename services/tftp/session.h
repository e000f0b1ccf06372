// One transfer, without sockets: which packet is next, and when to give up.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/base/bytes.h"
#include "services/tftp/protocol.h"

namespace ringfence::services::tftp {

/// Step says what a transfer wants after a datagram or a time-out.
enum class Step {
  send,    ///< send `packet()`
  wait,    ///< nothing: the datagram did not count
  done,    ///< the client has everything
  failed,  ///< the client gave up, or does not answer
};

/// Session sends one file in lock step.
///
/// Only the acknowledgement of the current packet moves it on; a repeated or old one is passed
/// over, and packets are repeated by time-outs alone, so that one duplicate never doubles the rest
/// (RFC 1123 section 4.2.3.1). Block numbers go from 65535 to 0 in files of more blocks.
class Session {
 public:
  /// `content` is the file as it is stored; netascii is converted here.
  Session(std::shared_ptr<const core::Bytes> content, const ReadRequest& request);

  /// packet is what to send now, and again after a time-out.
  const core::Bytes& packet() const noexcept { return packet_; }

  Step take(core::BytesView datagram);

  /// timed_out is called when `patience()` passed without progress: `send`, or `failed` after five
  /// repetitions.
  Step timed_out();

  /// patience starts at a second, or at what the client asked, and doubles up to eight seconds.
  std::chrono::milliseconds patience() const noexcept { return patience_; }

 private:
  void make_packet();

  std::shared_ptr<const core::Bytes> content_;
  Options options_;
  std::size_t block_bytes_;
  std::uint64_t block_;  ///< of the current packet; 0 is the OACK
  core::Bytes packet_;
  std::chrono::milliseconds first_patience_;
  std::chrono::milliseconds patience_;
  int repetitions_ = 0;
};

}  // namespace ringfence::services::tftp
