#include "services/tftp/session.h"

#include <algorithm>

#include "core/base/error.h"

namespace ringfence::services::tftp {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxRepetitions = 5;
constexpr std::chrono::milliseconds kMaxPatience = 8s;

}  // namespace

Session::Session(std::shared_ptr<const core::Bytes> content, const ReadRequest& request)
    : content_(std::move(content)),
      options_(request.options),
      block_bytes_(options_.block_bytes.value_or(kDefaultBlockBytes)),
      block_(options_.any() ? 0 : 1),
      first_patience_(std::chrono::seconds(options_.timeout_seconds.value_or(1))),
      patience_(first_patience_) {
  if (request.mode == Mode::netascii) {
    content_ = std::make_shared<const core::Bytes>(to_netascii(*content_));
  }
  make_packet();
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
  const bool last = block_ > 0 && block_ * block_bytes_ > content_->size();
  if (last) return Step::done;
  ++block_;
  repetitions_ = 0;
  patience_ = first_patience_;
  make_packet();
  return Step::send;
}

Step Session::timed_out() {
  if (repetitions_ >= kMaxRepetitions) return Step::failed;
  ++repetitions_;
  patience_ = std::min(patience_ * 2, std::max(kMaxPatience, first_patience_));
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
