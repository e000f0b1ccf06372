#include "services/tftp/session.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace ringfence::services::tftp {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxRepetitions = 5;
constexpr int kMaxUnheardRepetitions = 2;
constexpr std::chrono::milliseconds kMaxPatience = std::chrono::seconds(kMaxTimeoutSeconds);
constexpr std::chrono::milliseconds kLastPatience = 3s;

}  // namespace

Session::Session(std::shared_ptr<const core::Bytes> content, const ReadRequest& request,
                 std::size_t request_bytes)
    : content_(std::move(content)),
      options_(request.options),
      block_bytes_(options_.block_bytes.value_or(kDefaultBlockBytes)),
      packet_bytes_(block_bytes_ + kDataHeaderBytes),
      block_(options_.any() ? 0 : 1),
      first_patience_(std::chrono::seconds(options_.timeout_seconds.value_or(1))),
      patience_(first_patience_),
      paid_bytes_(kMaxAmplification * request_bytes) {
  if (request.mode == Mode::netascii) {
    content_ = std::make_shared<const core::Bytes>(to_netascii(*content_));
  }
  make_packets();
  charge();
}

/// charge takes the packet off what an unheard client has paid, if that is enough.
bool Session::charge() {
  costly_ = sent_bytes_ + packets_.size() > paid_bytes_;
  if (!costly_) sent_bytes_ += packets_.size();
  return !costly_;
}

Step Session::take(core::BytesView datagram) {
  Reply reply;
  try {
    reply = parse_reply(datagram);
  } catch (const core::Error&) {
    return Step::wait;  // rubbish on a port that anybody can reach
  }
  if (std::holds_alternative<Refusal>(reply)) return Step::failed;
  // How many of the packets are acknowledged, modulo 2^16 as block numbers are.
  const auto before = static_cast<std::uint16_t>(block_ - 1);
  const auto blocks = static_cast<std::uint16_t>(std::get<Acknowledgement>(reply).block - before);
  if (blocks > count_) return Step::wait;
  if (blocks > 0) return move_on(blocks);
  const bool first_lost = count_ > 1 && !std::exchange(again_, true);
  return first_lost ? Step::send : Step::wait;
}

/// move_on leaves so many of the packets behind.
Step Session::move_on(std::size_t blocks) {
  heard_ = true;
  block_ += blocks;
  const bool all = block_ > 0 && (block_ - 1) * block_bytes_ > content_->size();
  if (all) return Step::done;
  repetitions_ = 0;
  again_ = false;
  patience_ = first_patience_;
  make_packets();
  return Step::send;
}

Step Session::timed_out() {
  if (heard_) return repetitions_ < kMaxRepetitions ? repeat() : Step::failed;
  if (last_wait_) return Step::failed;
  if (repetitions_ < kMaxUnheardRepetitions && charge()) return repeat();
  last_wait_ = true;
  patience_ = kLastPatience;
  return Step::wait;
}

Step Session::repeat() {
  ++repetitions_;
  again_ = false;
  patience_ = std::min(patience_ * 2, kMaxPatience);
  return Step::send;
}

Step Session::asked_again(std::size_t request_bytes) {
  if (heard_) return Step::wait;
  last_wait_ = false;
  patience_ = first_patience_;
  if (costly_) return Step::send;  // who lends the packet counts what is paid for it
  paid_bytes_ += kMaxAmplification * request_bytes;
  charge();
  return Step::send;
}

void Session::make_packets() {
  if (block_ == 0) {
    packets_ = option_packet(options_, content_->size());
    packet_bytes_ = packets_.size();
    return;
  }
  packet_bytes_ = block_bytes_ + kDataHeaderBytes;
  const core::BytesView rest = core::BytesView(*content_).subspan((block_ - 1) * block_bytes_);
  const std::size_t left = rest.size() / block_bytes_ + 1;  // the last one is never full
  count_ = std::min(options_.window.value_or(1), left);
  packets_.clear();
  packets_.reserve(std::min(count_ * packet_bytes_, rest.size() + count_ * kDataHeaderBytes));
  for (std::size_t i = 0; i < count_; ++i) {
    const core::BytesView from = rest.subspan(i * block_bytes_);
    append_data(packets_, static_cast<std::uint16_t>(block_ + i),
                from.first(std::min(block_bytes_, from.size())));
  }
}

}  // namespace ringfence::services::tftp
