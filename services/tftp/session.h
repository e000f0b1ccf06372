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

/// Session sends one file, a window of blocks at a time: one block, unless the client asked for
/// more (RFC 7440).
///
/// Only an acknowledgement of something that was sent moves it on, to the block behind it; a
/// repeated or old one is passed over, and packets are repeated by time-outs alone, so that one
/// duplicate never doubles the rest (RFC 1123 section 4.2.3.1). Of a window of several, whose
/// client acknowledges the block before when the first is lost, all are repeated for that once.
/// Block numbers go from 65535 to 0 in files of more blocks.
///
/// Until the client has acknowledged something, its address may be forged: all that is sent is at
/// most kMaxAmplification times what it sent. An OACK is repeated twice if that much; a first block
/// without options, which is more from the outset, never: such a client repeats its request.
class Session {
 public:
  /// `content` is the file as it is stored; netascii is converted here. The request had
  /// `request_bytes`.
  Session(std::shared_ptr<const core::Bytes> content, const ReadRequest& request,
          std::size_t request_bytes);

  /// packets is what to send now, and again after a time-out: packets of `packet_bytes()` each, the
  /// last one may be shorter.
  const core::Bytes& packets() const noexcept { return packets_; }

  std::size_t packet_bytes() const noexcept { return packet_bytes_; }

  Step take(core::BytesView datagram);

  /// timed_out is called when `patience()` passed since the packet was sent, or since it said
  /// `wait`: `send`, `wait` for a last time, or `failed` after five repetitions.
  Step timed_out();

  /// asked_again is called when the client repeats its request: `send`, unless it is heard already.
  Step asked_again(std::size_t request_bytes);

  /// heard tells whether the client has acknowledged anything, and so is where it says.
  bool heard() const noexcept { return heard_; }

  /// costly tells whether the packet to send is more than an unheard client has paid for: it has
  /// to be lent, see Lending.
  bool costly() const noexcept { return costly_ && !heard_; }

  /// patience starts at a second, or at what the client asked, and doubles up to five seconds.
  std::chrono::milliseconds patience() const noexcept { return patience_; }

 private:
  Step repeat();
  bool charge();
  Step move_on(std::size_t blocks);
  void make_packets();

  std::shared_ptr<const core::Bytes> content_;
  Options options_;
  std::size_t block_bytes_;
  std::size_t packet_bytes_;
  std::uint64_t block_;    ///< the first of the packets; 0 is the OACK
  std::size_t count_ = 1;  ///< of the packets
  bool again_ = false;     ///< they were repeated because the first was lost
  core::Bytes packets_;
  std::chrono::milliseconds first_patience_;
  std::chrono::milliseconds patience_;
  int repetitions_ = 0;
  bool heard_ = false;
  bool last_wait_ = false;
  std::size_t paid_bytes_;      ///< by the client, times kMaxAmplification; until it is heard
  std::size_t sent_bytes_ = 0;  ///< of that
  bool costly_ = false;
};

}  // namespace ringfence::services::tftp
