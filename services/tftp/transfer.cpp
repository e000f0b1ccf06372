#include "services/tftp/transfer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using core::Code;
using core::Error;
using core::Level;
using namespace std::chrono_literals;

constexpr auto kUnderWay = 500ms;   // so long an answer may still be on its way
constexpr auto kLookAgain = 100ms;  // whether a first block may be lent now
constexpr auto kWaitForLoan = 2s;
constexpr auto kHeardAgain = 100ms;  // so exactly the seat knows when the client was heard
constexpr int kStrangers = 3;        // are told so by one transfer
constexpr std::size_t kMaxReplyBytes = 1024;

/// failure_of maps our codes to RFC 1350 section 5.
Failure failure_of(Code code) noexcept {
  switch (code) {
    case Code::not_found: return Failure::not_found;
    case Code::refused: return Failure::access_violation;
    case Code::malformed: return Failure::illegal_operation;
    case Code::conflict:
    case Code::hsm_unavailable:
    case Code::hsm_locked:
    case Code::io:
    case Code::internal: return Failure::undefined;
  }
  return Failure::undefined;
}

}  // namespace

/// guarded has what goes wrong in one transfer end that one alone.
template <typename Work>
void Transfer::guarded(const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

void Transfer::begin(std::unique_ptr<core::Seat> seat) {
  seat_ = std::move(seat);
  give_up_ = desk_.loop.now() + desk_.transfer_time;
  guarded([this] {
    socket_ = core::UdpSocket(desk_.local);
    desk_.loop.watch(socket_.descriptor(), *this);
    desk_.loop.wake_at(*this, give_up_);
    find();
  });
}

/// find takes the file that is at hand, or has it looked for.
void Transfer::find() {
  try {
    asked_ = parse_request(request_);
  } catch (const Error&) {
    found(std::current_exception(), std::nullopt);
    return;
  }
  if (std::optional<File> file = desk_.files.at_hand(asked_->file)) {
    serve(std::move(*file));
    return;
  }
  const std::weak_ptr<Transfer> known = weak_from_this();
  core::PollLoop& loop = desk_.loop;
  asio::co_spawn(
      desk_.io, find_file(desk_.pools, desk_.files, asked_->file, peer_.address()),
      [known, &loop](const std::exception_ptr& failure, const std::optional<File>& file) {
        loop.post([known, failure, file] {
          const auto transfer = known.lock();
          if (transfer && !transfer->over_)
            transfer->guarded([&] { transfer->found(failure, file); });
        });
      });
}

void Transfer::found(const std::exception_ptr& failure, std::optional<File> file) {
  if (file) {
    serve(std::move(*file));
    return;
  }
  if (!failure) {
    ++desk_.counters.not_found;
    refuse(error_within(request_.size(), Failure::not_found, "file not found"));
    return;
  }
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    ++desk_.counters.refused;
    core::log(Level::warning, "TFTP_REFUSED", {{"peer", text_of(peer_)}, {"why", error.what()}});
    refuse(error_within(request_.size(), failure_of(error.code()), error.what()));
  }
}

void Transfer::refuse(const core::Bytes& error) {
  socket_.send(error, peer_);
  end();
}

void Transfer::serve(File file) {
  file_ = std::move(file);
  const std::shared_ptr<const core::Bytes> bytes(file_->content, &file_->content->bytes);
  session_.emplace(bytes, *asked_, request_.size());
  if (session_->costly()) {
    desk_.lending.paid(core::peer_key(peer_.address()), request_.size(), desk_.loop.now());
    lent_ = true;
  }
  send();
}

bool Transfer::asked_again(core::BytesView request) {
  if (acknowledged_ || !std::ranges::equal(request, request_)) return false;
  // The client repeats what our first packet has not answered yet: it is on its way, or lost.
  if (lent_) desk_.lending.paid(core::peer_key(peer_.address()), request.size(), desk_.loop.now());
  if (stage_ != Stage::sending || desk_.loop.now() - sent_ < kUnderWay) return true;
  guarded([&] { go(session_->asked_again(request.size())); });
  return true;
}

void Transfer::cut_short() {
  if (!over_) fail("the transfer was cut short");
}

void Transfer::readable() {
  guarded([this] {
    std::array<std::uint8_t, kMaxReplyBytes> buffer{};
    core::udp::endpoint sender;
    const std::optional<std::size_t> count = socket_.receive(buffer, sender);
    if (!count) return;
    if (sender != peer_)
      tell_stranger(*count, sender);
    else if (stage_ == Stage::sending)
      take(core::BytesView(buffer).first(*count));
  });
}

/// tell_stranger answers whoever else sends to our port with error 5, the first few; it changes
/// nothing (RFC 1350 section 4), also when he cannot be reached.
void Transfer::tell_stranger(std::size_t bytes, const core::udp::endpoint& stranger) {
  const core::Bytes error =
      error_within(bytes, Failure::unknown_transfer, "this port serves another client");
  if (error.empty() || stranger.port() == 0 || ++strangers_ > kStrangers) return;
  try {
    socket_.send(error, stranger);
  } catch (const Error&) {
    // The source may be forged: no route to it is no fault of the client's.
  }
}

/// take gives the session a datagram of the client.
void Transfer::take(core::BytesView datagram) {
  const Step step = session_->take(datagram);
  if (step == Step::send || step == Step::done) {
    const auto now = desk_.loop.now();
    if (!std::exchange(acknowledged_, true))
      desk_.lending.acknowledged(core::peer_key(peer_.address()), now);
    if (now - heard_ >= kHeardAgain) {
      heard_ = now;
      seat_->heard(core::Seat::Stage::settled);
    }
  }
  go(step);
}

void Transfer::go(Step step) {
  switch (step) {
    case Step::send: send(); return;
    case Step::wait: return;
    case Step::done: whole(); return;
    case Step::failed: fail("the client gave up or is gone"); return;
  }
}

/// send waits, if it must, until a first block may go to a peer that has not proved to be there: a
/// whole site that boots at once behind one address has proved it within a round trip.
void Transfer::send() {
  if (!session_->costly()) {
    send_now();
    return;
  }
  const auto now = desk_.loop.now();
  if (desk_.lending.lend(core::peer_key(peer_.address()), session_->packets().size(), now)) {
    send_now();
    return;
  }
  if (stage_ != Stage::lending) lend_until_ = now + kWaitForLoan;
  stage_ = Stage::lending;
  if (now < lend_until_) {
    desk_.loop.wake_at(*this, now + kLookAgain);
    return;
  }
  ++desk_.counters.dropped;
  end();
}

void Transfer::send_now() {
  stage_ = Stage::sending;
  socket_.send_each(session_->packets(), session_->packet_bytes(), peer_);
  sent_ = desk_.loop.now();
  desk_.loop.wake_at(*this, std::min(sent_ + session_->patience(), give_up_));
}

void Transfer::overdue(Clock::time_point now) {
  guarded([&] {
    if (now >= give_up_) throw Error(Code::io, "the transfer took too long");
    if (stage_ == Stage::lending) {
      send();
      return;
    }
    const Step step = session_->timed_out();
    if (step == Step::wait)
      desk_.loop.wake_at(*this, std::min(now + session_->patience(), give_up_));
    go(step);
  });
}

/// whole writes down that the client has everything.
void Transfer::whole() {
  ++desk_.counters.completed;
  core::log(Level::info, "TFTP_SENT",
            {{"peer", text_of(peer_)},
             {"file", asked_->file},
             {"bytes", std::to_string(file_->content->bytes.size())}});
  desk_.fetches.add(*file_, asked_->file, peer_.address().to_string(), desk_.clock.now());
  end();
}

void Transfer::fail(std::string_view why) {
  ++desk_.counters.failed;
  core::log(Level::info, "TFTP_TRANSFER_ENDED",
            {{"peer", text_of(peer_)}, {"why", std::string(why)}});
  end();
}

void Transfer::end() {
  if (std::exchange(over_, true)) return;
  desk_.loop.unwatch(*this);
  seat_.reset();
  desk_.ended(*this);
}

std::string text_of(const core::udp::endpoint& peer) {
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace ringfence::services::tftp
