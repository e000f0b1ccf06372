#include "tests/fleet/phone.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "tests/fleet/http_client.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using core::ListKind;
namespace asio = core::asio;

namespace {

constexpr std::uint16_t kSipPort = 5060;
constexpr std::chrono::seconds kRegisterLimit{32};  // Timer F of RFC 3261
constexpr std::chrono::seconds kUnregisterLimit{2};
constexpr std::chrono::seconds kLongestPause{30};
constexpr unsigned kBootAttempts = 3;      // in the scenarios that end
constexpr unsigned kCapfMoreAttempts = 3;  // cucm-behaviour 5.4

Transport transport_of(const Options& options, const std::string& name) {
  if (options.transport) return *options.transport;
  return name.starts_with("SEP") || name.starts_with("ATA") ? Transport::tftp : Transport::http;
}

}  // namespace

Phone::Phone(Surroundings& surroundings, std::size_t index)
    : around_(surroundings),
      index_(index),
      name_(surroundings.options.names[index]),
      transport_(transport_of(surroundings.options, name_)),
      strand_(asio::make_strand(surroundings.io)),
      sip_(strand_, name_, [this](Action action) { obey(action); }),
      wake_(strand_) {
  receiver_.strand = strand_;
  receiver_.receive = [this](SipMessage message) { sip_.receive(std::move(message)); };
  receiver_.lost = [this] {
    sip_.hang_up();
    order(Order::link_lost);
  };
}

void Phone::restore(PhoneMemory memory) {
  if (!memory.ctl.empty()) trust_.restore(ListKind::ctl, std::move(memory.ctl));
  if (!memory.itl.empty()) trust_.restore(ListKind::itl, std::move(memory.itl));
  if (!memory.config.empty()) use_config(std::move(memory.config));
  lsc_ = std::move(memory.lsc);
  key_ = std::move(memory.key);
  if (!lsc_.empty()) show_lsc();
}

void Phone::start(std::function<void()> ended) {
  auto on_end = [ended = std::move(ended)](const std::exception_ptr&) { ended(); };
  asio::co_spawn(strand_, live(), asio::bind_cancellation_slot(off_.slot(), std::move(on_end)));
}

void Phone::power_cycle() {
  asio::post(strand_, [this] { order(Order::power_cycle); });
}

void Phone::stop() {
  asio::post(strand_, [this] {
    stopping_ = true;
    off_.emit(asio::cancellation_type::terminal);
    sip_.hang_up();
  });
}

PhoneMemory Phone::memory() const {
  PhoneMemory memory;
  memory.ctl = trust_.file(ListKind::ctl).value_or(Bytes());
  memory.itl = trust_.file(ListKind::itl).value_or(Bytes());
  memory.config = config_text_;
  memory.lsc = lsc_;
  if (key_) memory.key = core::share(key_.get());
  return memory;
}

core::Task<void> Phone::live() {
  const bool stays = around_.options.scenario == Scenario::stay;
  for (unsigned failures = 0;;) {
    std::string problem;
    try {
      Next next = co_await boot();
      failures = 0;
      if (next == Next::boot) continue;
      if (!stays) co_return;
      co_await stay();
      continue;
    } catch (const Error& error) {
      problem = error.what();
    } catch (const boost::system::system_error& error) {
      problem = error.what();
    }
    if (stopping_) co_return;
    sip_.hang_up();
    complain(problem);
    report([](PhoneReport& phone) {
      phone.state = State::failed;
      phone.registered = false;
    });
    if (!stays && failures + 1 >= kBootAttempts) co_return;
    const auto pause = std::min<std::chrono::milliseconds>(
        around_.options.retry_after * (1U << std::min(failures, 10U)), kLongestPause);
    ++failures;
    co_await rest_until(Steady::now() + pause);
  }
}

core::Task<Phone::Next> Phone::boot() {
  Gate::Place place = co_await around_.gate.enter();
  sip_.hang_up();
  orders_.clear();
  http_is_down_ = false;
  report([](PhoneReport& phone) {
    phone.state = State::booting;
    phone.registered = false;
    phone.last_error.clear();
    ++phone.boots;
  });
  co_await update_lists();
  co_await update_config();
  if (around_.options.scenario == Scenario::boot) {
    enter(State::booted);
    co_return Next::stay;
  }
  const Next next = co_await enrol(place);
  if (next == Next::boot) co_return next;
  co_await enter_service();
  co_return Next::stay;
}

core::Task<Phone::Next> Phone::enrol(Gate::Place& place) {
  if (config_.capf_auth_mode == 0) co_return Next::stay;
  for (unsigned attempt = 0;; ++attempt) {
    enter(State::enrolling);
    CapfOutcome outcome;
    std::string problem;
    bool again = false;
    Steady::duration pause = around_.options.capf_retry_after;
    try {
      CapfVisit visit;
      visit.server = co_await endpoint_of(config_.capf);
      visit.device = name_;
      visit.auth_mode = config_.capf_auth_mode;
      visit.auth_string = around_.auth_string(name_);
      visit.lsc = lsc_;
      if (key_) visit.lsc_key = core::share(key_.get());
      const std::function<bool(BytesView)> trusts = [this](BytesView der) {
        return trust_.knows(core::Role::capf, der);
      };
      outcome = co_await visit_capf(around_.capf, std::move(visit), trusts);
    } catch (const Error& error) {
      problem = error.what();
      again = error.code() == Code::io;
    }
    if (outcome.end == CapfEnd::retry_later) {
      problem = "CAPF says: retry later";
      again = true;
      pause = outcome.delay;
    }
    if (problem.empty()) {
      if (outcome.end == CapfEnd::installed)
        keep_lsc(std::move(outcome.lsc), std::move(outcome.key));
      if (outcome.end == CapfEnd::removed) keep_lsc({}, nullptr);
      const bool changed = outcome.end == CapfEnd::installed || outcome.end == CapfEnd::removed;
      if (changed) co_return Next::boot;  // a phone restarts to use what it got
      co_return Next::stay;
    }
    if (stopping_) co_return Next::stay;
    report([&](PhoneReport& phone) {
      phone.lsc_status = again ? "LSC: Connection failed" : "LSC: Failed";
    });
    if (!again || attempt == kCapfMoreAttempts) {  // it goes on without a new certificate
      complain("CAPF: " + problem);
      co_return Next::stay;
    }
    place = Gate::Place();  // others may boot meanwhile
    co_await rest_until(Steady::now() + pause);
    if (!orders_.empty()) co_return Next::boot;
    Gate::Place back = co_await around_.gate.enter();
    place = std::move(back);
  }
}

core::Task<void> Phone::enter_service() {
  enter(State::registering);
  Service node = config_.call_manager;
  if (!node.known()) {
    node.address = around_.options.server;
    node.port = static_cast<std::uint16_t>(kSipPort + around_.options.port_offset);
  }
  const core::tcp::endpoint registrar = co_await endpoint_of(node);
  std::unique_ptr<SipLink> link;
  const core::udp::endpoint datagrams(registrar.address(), registrar.port());
  SipTransport transport = around_.options.sip;
  if (transport == SipTransport::configured)
    transport = config_.sip_transport == 1 ? SipTransport::tcp : SipTransport::udp;
  if (transport == SipTransport::tcp) {
    link = co_await connect_sip_tcp(registrar, receiver_);
  } else if (transport == SipTransport::udp_79xx) {
    link = around_.udp.old_link(datagrams);
  } else {
    link = around_.udp.link(datagrams);
  }
  sip_.connect(std::move(link), node.address);
  const std::optional<Bytes> itl = trust_.file(ListKind::itl);
  if (around_.options.alarm && itl && name_.starts_with("SEP"))
    sip_.say_itl(core::to_hex(core::digest(core::Digest::sha1, *itl)));
  const std::chrono::seconds granted =
      co_await sip_.register_for(config_.register_expires, kRegisterLimit);
  refresh_at_ = Steady::now() + std::max(granted - config_.register_delta, granted / 2);
  report([this](PhoneReport& phone) {
    phone.state = State::registered;
    phone.registered = true;
    phone.call_id = sip_.call_id();
  });
}

core::Task<void> Phone::stay() {
  for (;;) {
    co_await rest_until(refresh_at_);
    if (orders_.empty()) {
      const std::chrono::seconds granted =
          co_await sip_.register_for(config_.register_expires, kRegisterLimit);
      refresh_at_ = Steady::now() + std::max(granted - config_.register_delta, granted / 2);
      continue;
    }
    const Order order = orders_.front();
    orders_.pop_front();
    switch (order) {
      case Order::reset:
      case Order::restart:
        sip_.say_why(order == Order::reset ? 22 : 23,
                     order == Order::reset ? "Reset-Reset" : "Reset-Restart");
        co_await leave_service();
        co_return;
      case Order::power_cycle: sip_.say_why(25, "Initialized"); co_return;
      case Order::link_lost:
        sip_.say_why(14, "CM-closed-TCP");
        throw Error(Code::io, "the registrar closed the connection");
      case Order::apply_config: {
        const Next next = co_await apply_config();
        if (next == Next::boot) {
          co_await leave_service();
          co_return;
        }
        break;
      }
    }
  }
}

core::Task<Phone::Next> Phone::apply_config() {
  Gate::Place place = co_await around_.gate.enter();
  report([](PhoneReport& phone) { phone.last_error.clear(); });
  co_await update_config();
  const Next next = co_await enrol(place);
  if (next == Next::stay) enter(State::registered);
  co_return next;
}

core::Task<void> Phone::leave_service() {
  report([](PhoneReport& phone) { phone.registered = false; });
  try {
    co_await sip_.register_for(std::chrono::seconds(0), kUnregisterLimit);
  } catch (const Error&) {  // it goes down anyway, and the registrar sees the next boot
  }
}

core::Task<void> Phone::rest_until(Steady::time_point when) {
  if (!orders_.empty()) co_return;
  wake_.expires_at(when);
  boost::system::error_code woken;
  auto token = asio::redirect_error(asio::use_awaitable, woken);
  co_await wake_.async_wait(token);
}

void Phone::obey(Action action) {
  switch (action) {
    case Action::reset: order(Order::reset); break;
    case Action::restart: order(Order::restart); break;
    case Action::apply_config:
    case Action::check_version: order(Order::apply_config); break;
    case Action::call_preservation:
    case Action::prt_report: return;
  }
  report([](PhoneReport& phone) { ++phone.resets; });
}

void Phone::order(Order order) {
  orders_.push_back(order);
  wake_.cancel();
}

void Phone::use_config(std::string xml) {
  config_ = parse_phone_config(xml);
  config_text_ = std::move(xml);
  report([this](PhoneReport& phone) { phone.config_stamp = config_.version_stamp; });
}

void Phone::keep_lsc(Bytes lsc, core::EvpPkey key) {
  lsc_ = std::move(lsc);
  key_ = std::move(key);
  if (!lsc_.empty()) {
    report([](PhoneReport& phone) { ++phone.enrolments; });
    return show_lsc();
  }
  report([](PhoneReport& phone) {
    phone.lsc_status = "LSC: Deleted";
    phone.lsc_serial.clear();
    phone.lsc_issuer.clear();
    phone.lsc_pem.clear();
  });
}

void Phone::show_lsc() {
  const core::X509Cert certificate = core::parse_certificate(lsc_);
  const std::string pem = core::to_pem(*certificate);
  if (!around_.options.lsc_dir.empty())
    core::write_atomically(around_.options.lsc_dir / (name_ + ".pem"), core::bytes_of(pem));
  report([&](PhoneReport& phone) {
    phone.lsc_status = "LSC: Installed";
    phone.lsc_serial = core::to_hex(core::serial_of(*certificate));
    phone.lsc_issuer = core::issuer_of(*certificate);
    phone.lsc_pem = pem;
  });
}

void Phone::complain(const std::string& problem) {
  report([&](PhoneReport& phone) {
    if (phone.last_error.empty()) phone.last_error = problem;
  });
}

void Phone::enter(State state) {
  report([state](PhoneReport& phone) { phone.state = state; });
}

}  // namespace ringfence::fleet
