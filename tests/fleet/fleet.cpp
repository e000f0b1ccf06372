#include "tests/fleet/fleet.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/net/asio.h"
#include "tests/fleet/board.h"
#include "tests/fleet/flash.h"
#include "tests/fleet/phone.h"
#include "tests/fleet/tls_client.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
namespace asio = core::asio;

namespace {

Options checked(Options options) {
  if (options.names.empty()) throw Error(Code::malformed, "a fleet needs at least one phone");
  if (options.concurrency == 0 || options.threads == 0)
    throw Error(Code::malformed, "concurrency and threads must be at least 1");
  boost::system::error_code error;
  asio::ip::make_address(options.server, error);
  if (error)
    throw Error(Code::malformed, "the server must be an IP address, not '" + options.server + "'");
  if (options.port_offset > 65535 - 12445)
    throw Error(Code::malformed, "the port offset must be at most 53090");
  if (!options.lsc_dir.empty()) std::filesystem::create_directories(options.lsc_dir);
  return options;
}

core::udp::endpoint registrar_of(const Options& options) {
  const auto port = static_cast<std::uint16_t>(5060 + options.port_offset);
  return {asio::ip::make_address(options.server), port};
}

}  // namespace

struct Fleet::Parts {
  explicit Parts(Options given)
      : options(checked(std::move(given))),
        board(options.names),
        gate(options.concurrency),
        keys(options.key_pool),
        maker(options.mic_ca),
        io(static_cast<int>(options.threads)),
        work(asio::make_work_guard(io)),
        tls(make_tls_client()),
        pool(options.threads),
        capf{*tls, pool, keys, maker},
        udp(io, registrar_of(options)),
        around{io, options, board, gate, capf, udp, [this](const std::string& name) {
                 return auth_string(name);
               }} {}

  std::string auth_string(const std::string& name) {
    const std::lock_guard lock(mutex);
    const auto found = options.auth_strings.find(name);
    return found == options.auth_strings.end() ? std::string() : found->second;
  }

  // In the order of birth; the phones go before what they use.
  Options options;
  std::mutex mutex;  ///< of options.auth_strings
  Board board;
  Gate gate;
  KeyPool keys;
  Maker maker;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::shared_ptr<asio::ssl::context> tls;
  asio::thread_pool pool;
  CapfTools capf;
  SipUdp udp;
  Surroundings around;
  std::vector<std::unique_ptr<Phone>> phones;
  std::atomic<std::size_t> ended = 0;
  std::vector<std::thread> threads;
  bool stopped = false;
};

Fleet::Fleet(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {
  Flash flash;
  if (!parts_->options.state_file.empty()) flash = read_flash(parts_->options.state_file);
  for (std::size_t i = 0; i < parts_->options.names.size(); ++i) {
    const std::string& name = parts_->options.names[i];
    Phone& phone = *parts_->phones.emplace_back(std::make_unique<Phone>(parts_->around, i));
    if (const auto kept = flash.find(name); kept != flash.end())
      phone.restore(std::move(kept->second));
    parts_->udp.attach(name, phone.receiver());
  }
}

Fleet::~Fleet() {
  try {
    stop();
  } catch (const Error&) {  // the state file could not be written; who cares calls stop
  }
}

void Fleet::start() {
  parts_->udp.start();
  for (const auto& phone : parts_->phones) phone->start([this] { ++parts_->ended; });
  for (unsigned i = 0; i < parts_->options.threads; ++i)
    parts_->threads.emplace_back([this] { parts_->io.run(); });
}

Report Fleet::report() const {
  return parts_->board.report();
}

bool Fleet::wait_until(const std::function<bool(const Report&)>& done,
                       std::chrono::milliseconds timeout) const {
  return parts_->board.wait_until(done, timeout);
}

bool Fleet::wait_until_all_succeeded(std::chrono::milliseconds timeout) const {
  return wait_until([](const Report& report) { return report.succeeded() == report.phones.size(); },
                    timeout);
}

bool Fleet::finished() const {
  return parts_->ended == parts_->phones.size();
}

void Fleet::set_auth_string(const std::string& name, std::string digits) {
  const std::lock_guard lock(parts_->mutex);
  parts_->options.auth_strings[name] = std::move(digits);
}

void Fleet::power_cycle() {
  for (const auto& phone : parts_->phones) phone->power_cycle();
}

void Fleet::power_cycle(const std::string& name) {
  const auto& names = parts_->options.names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw Error(Code::not_found, "the fleet has no phone " + name);
  parts_->phones[static_cast<std::size_t>(found - names.begin())]->power_cycle();
}

void Fleet::stop() {
  if (parts_->stopped) return;
  parts_->stopped = true;
  for (const auto& phone : parts_->phones) phone->stop();
  parts_->udp.close();
  parts_->work.reset();
  for (std::thread& thread : parts_->threads) thread.join();
  parts_->pool.join();
  if (parts_->options.state_file.empty() || parts_->threads.empty()) return;
  Flash flash;
  for (std::size_t i = 0; i < parts_->phones.size(); ++i)
    flash.emplace(parts_->options.names[i], parts_->phones[i]->memory());
  write_flash(parts_->options.state_file, flash);
}

}  // namespace ringfence::fleet
