#include "services/tftp/session.h"

#include <algorithm>

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
      block_(options_.any() ? 0 : 1),
      first_patience_(std::chrono::seconds(options_.timeout_seconds.value_or(1))),
      patience_(first_patience_),
      paid_bytes_(kMaxAmplification * request_bytes) {
  if (request.mode == Mode::netascii) {
    content_ = std::make_shared<const core::Bytes>(to_netascii(*content_));
  }
  make_packet();
  charge();
}

/// charge takes the packet off what an unheard client has paid, if that is enough.
bool Session::charge() {
  costly_ = sent_bytes_ + packet_.size() > paid_bytes_;
  if (!costly_) sent_bytes_ += packet_.size();
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
  if (std::get<Acknowledgement>(reply).block != static_cast<std::uint16_t>(block_)) {
    return Step::wait;
  }
  heard_ = true;
  const bool last = block_ > 0 && block_ * block_bytes_ > content_->size();
  if (last) return Step::done;
  ++block_;
  repetitions_ = 0;
  patience_ = first_patience_;
  make_packet();
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

void Session::make_packet() {
  if (block_ == 0) {
    packet_ = option_packet(options_, content_->size());
    return;
  }
  const std::size_t start = (block_ - 1) * block_bytes_;
  const std::size_t count = std::min(block_bytes_, content_->size() - start);
  const core::BytesView data = core::BytesView(*content_).subspan(start, count);
  packet_ = data_packet(static_cast<std::uint16_t>(block_), data);
}

}  // namespace ringfence::services::tftp
